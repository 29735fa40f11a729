-- Up to where each chain of the audit log was sent to a target. Events of a chain are sent in its order.
CREATE TABLE audit_targets (
    org_id   UUID   NOT NULL REFERENCES orgs,
    target   TEXT   NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (org_id, target)
);
