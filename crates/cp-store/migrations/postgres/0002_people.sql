-- Names that stand in addresses. What was there before them is the default organisation and project.
ALTER TABLE orgs ADD COLUMN slug TEXT NOT NULL DEFAULT 'default';
CREATE UNIQUE INDEX orgs_slug ON orgs (slug);
ALTER TABLE projects ADD COLUMN slug TEXT NOT NULL DEFAULT 'default';
CREATE UNIQUE INDEX projects_slug ON projects (org_id, slug);

-- Whoever can sign in. A person is of the installation, and a member of organisations.
CREATE TABLE people (
    person_id     UUID   NOT NULL PRIMARY KEY,
    email         TEXT   NOT NULL UNIQUE,
    name          TEXT   NOT NULL,
    password_hash TEXT,
    totp_sealed   BYTEA,
    created_at    BIGINT NOT NULL
);

CREATE TABLE members (
    org_id    UUID   NOT NULL REFERENCES orgs,
    person_id UUID   NOT NULL REFERENCES people,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, person_id)
);
CREATE INDEX members_person ON members (person_id);

CREATE TABLE teams (
    org_id     UUID   NOT NULL REFERENCES orgs,
    team_id    UUID   NOT NULL PRIMARY KEY,
    slug       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (org_id, slug)
);

CREATE TABLE team_members (
    team_id   UUID   NOT NULL REFERENCES teams,
    org_id    UUID   NOT NULL,
    person_id UUID   NOT NULL,
    PRIMARY KEY (team_id, person_id),
    FOREIGN KEY (org_id, person_id) REFERENCES members (org_id, person_id)
);
CREATE INDEX team_members_person ON team_members (org_id, person_id);

-- One role for each principal (a person, a team or an API key) in an organisation, and one in each of its projects.
CREATE TABLE grants (
    org_id       UUID   NOT NULL REFERENCES orgs,
    project_id   UUID   REFERENCES projects,
    principal_id UUID   NOT NULL,
    role         TEXT   NOT NULL,
    granted_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX grants_in_org ON grants (org_id, principal_id) WHERE project_id IS NULL;
CREATE UNIQUE INDEX grants_in_project ON grants (project_id, principal_id) WHERE project_id IS NOT NULL;
CREATE INDEX grants_principal ON grants (principal_id);

-- The key itself is not kept. A key of one project reaches no other.
CREATE TABLE api_keys (
    org_id       UUID   NOT NULL REFERENCES orgs,
    api_key_id   UUID   NOT NULL PRIMARY KEY,
    project_id   UUID   REFERENCES projects,
    name         TEXT   NOT NULL,
    shown        TEXT   NOT NULL,
    digest       BYTEA  NOT NULL UNIQUE,
    created_by   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT ,
    last_used_at BIGINT ,
    revoked_at   BIGINT 
);
CREATE INDEX api_keys_org ON api_keys (org_id, created_at);

CREATE TABLE sessions (
    session_id   UUID   NOT NULL PRIMARY KEY,
    person_id    UUID   NOT NULL REFERENCES people,
    digest       BYTEA  NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    address      TEXT   NOT NULL,
    user_agent   TEXT   NOT NULL
);
CREATE INDEX sessions_person ON sessions (person_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE invitations (
    org_id        UUID   NOT NULL REFERENCES orgs,
    invitation_id UUID   NOT NULL PRIMARY KEY,
    project_id    UUID   REFERENCES projects,
    email         TEXT   NOT NULL,
    role          TEXT   NOT NULL,
    digest        BYTEA  NOT NULL UNIQUE,
    invited_by    TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX invitations_org ON invitations (org_id, created_at);

-- The audit log: a chain for each organisation. The document is what the hash is over; the columns beside it find it.
CREATE TABLE audit_events (
    org_id    UUID   NOT NULL REFERENCES orgs,
    sequence  BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    action    TEXT   NOT NULL,
    actor     TEXT   NOT NULL,
    target    TEXT   NOT NULL,
    document  TEXT   NOT NULL,
    hash      BYTEA  NOT NULL,
    PRIMARY KEY (org_id, sequence)
);

-- The end of each chain. Whoever adds an event takes this row first, so that a chain never forks.
CREATE TABLE audit_heads (
    org_id   UUID   NOT NULL PRIMARY KEY REFERENCES orgs,
    sequence BIGINT NOT NULL,
    hash     BYTEA  NOT NULL
);
