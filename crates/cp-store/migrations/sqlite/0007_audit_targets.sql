-- Up to where each chain of the audit log was sent to a target. Events of a chain are sent in its order.
CREATE TABLE audit_targets (
    org_id   BLOB    NOT NULL REFERENCES orgs,
    target   TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (org_id, target)
) STRICT, WITHOUT ROWID;
