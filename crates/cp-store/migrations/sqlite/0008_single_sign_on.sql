-- A session by single sign-on is good in the organisation whose provider it was begun with, and nowhere else.
ALTER TABLE sessions ADD COLUMN org_id BLOB REFERENCES orgs;
ALTER TABLE sessions ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0;
CREATE INDEX sessions_org ON sessions (org_id) WHERE org_id IS NOT NULL;

ALTER TABLE orgs ADD COLUMN requires_second_factor INTEGER NOT NULL DEFAULT 0;

-- The provider that an organisation signs its people in with. The document is JSON; the secret is sealed.
CREATE TABLE single_sign_on (
    org_id            BLOB    NOT NULL PRIMARY KEY REFERENCES orgs,
    refuses_passwords INTEGER NOT NULL,
    document          TEXT    NOT NULL,
    secret_sealed     BLOB    NOT NULL,
    changed_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who a member is at a provider: what the organisation's provider says of them holds in that organisation.
CREATE TABLE identities (
    org_id    BLOB    NOT NULL,
    issuer    TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    person_id BLOB    NOT NULL,
    linked_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, issuer, subject),
    FOREIGN KEY (org_id, person_id) REFERENCES members (org_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identities_person ON identities (org_id, person_id, issuer);

-- Roles that a member has because of groups at the provider, as of the last sign-in. Beside `grants`, which are given by hand.
CREATE TABLE group_grants (
    org_id     BLOB    NOT NULL,
    project_id BLOB    REFERENCES projects,
    person_id  BLOB    NOT NULL,
    role       TEXT    NOT NULL,
    group_name TEXT    NOT NULL,
    granted_at INTEGER NOT NULL,
    FOREIGN KEY (org_id, person_id) REFERENCES members (org_id, person_id)
) STRICT;
CREATE INDEX group_grants_person ON group_grants (org_id, person_id);
