-- What a label asks of a move, beside a role: approvals, and criteria that are met.
ALTER TABLE protected_labels ADD COLUMN approvals BIGINT NOT NULL DEFAULT 0;
ALTER TABLE protected_labels ADD COLUMN approvers TEXT NOT NULL DEFAULT '';
ALTER TABLE protected_labels ADD COLUMN by_author BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE protected_labels ADD COLUMN gate TEXT NOT NULL DEFAULT 'none';

-- Moves that somebody proposes. Why is sealed.
CREATE TABLE label_proposals (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    prompt_id   UUID NOT NULL REFERENCES prompts,
    proposal_id UUID NOT NULL PRIMARY KEY,
    label       TEXT NOT NULL,
    from_number BIGINT,
    to_number   BIGINT NOT NULL,
    state       TEXT NOT NULL,
    sealed      BYTEA NOT NULL,
    sealed_with BYTEA NOT NULL,
    author      TEXT NOT NULL,
    author_id   TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    closed_at   BIGINT
);
CREATE INDEX label_proposals_state ON label_proposals (project_id, state, proposal_id);
CREATE INDEX label_proposals_prompt ON label_proposals (prompt_id, proposal_id);
CREATE INDEX label_proposals_sealed_with ON label_proposals (project_id, sealed_with);

-- What was said and decided of each, in order.
CREATE TABLE proposal_entries (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    proposal_id UUID NOT NULL REFERENCES label_proposals,
    number      BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    sealed      BYTEA NOT NULL,
    sealed_with BYTEA NOT NULL,
    author      TEXT NOT NULL,
    author_id   TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (proposal_id, number)
);
CREATE INDEX proposal_entries_sealed_with ON proposal_entries (project_id, sealed_with);

-- The proposal that a move was made by.
ALTER TABLE prompt_label_moves ADD COLUMN proposal_id UUID REFERENCES label_proposals;
