-- What a label asks of a move, beside a role: approvals, and criteria that are met.
ALTER TABLE protected_labels ADD COLUMN approvals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE protected_labels ADD COLUMN approvers TEXT NOT NULL DEFAULT '';
ALTER TABLE protected_labels ADD COLUMN by_author INTEGER NOT NULL DEFAULT 0;
ALTER TABLE protected_labels ADD COLUMN gate TEXT NOT NULL DEFAULT 'none';

-- Moves that somebody proposes. Why is sealed.
CREATE TABLE label_proposals (
    org_id      BLOB NOT NULL REFERENCES orgs,
    project_id  BLOB NOT NULL REFERENCES projects,
    prompt_id   BLOB NOT NULL REFERENCES prompts,
    proposal_id BLOB NOT NULL PRIMARY KEY,
    label       TEXT NOT NULL,
    from_number INTEGER,
    to_number   INTEGER NOT NULL,
    state       TEXT NOT NULL,
    sealed      BLOB NOT NULL,
    sealed_with BLOB NOT NULL,
    author      TEXT NOT NULL,
    author_id   TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    closed_at   INTEGER
) STRICT;
CREATE INDEX label_proposals_state ON label_proposals (project_id, state, proposal_id);
CREATE INDEX label_proposals_prompt ON label_proposals (prompt_id, proposal_id);
CREATE INDEX label_proposals_sealed_with ON label_proposals (project_id, sealed_with);

-- What was said and decided of each, in order.
CREATE TABLE proposal_entries (
    org_id      BLOB NOT NULL REFERENCES orgs,
    project_id  BLOB NOT NULL REFERENCES projects,
    proposal_id BLOB NOT NULL REFERENCES label_proposals,
    number      INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    sealed      BLOB NOT NULL,
    sealed_with BLOB NOT NULL,
    author      TEXT NOT NULL,
    author_id   TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (proposal_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX proposal_entries_sealed_with ON proposal_entries (project_id, sealed_with);

-- The proposal that a move was made by.
ALTER TABLE prompt_label_moves ADD COLUMN proposal_id BLOB REFERENCES label_proposals;
