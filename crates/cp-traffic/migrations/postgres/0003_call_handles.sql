-- By what the provider lets later calls name a call that they continue: keyed digests of its ids. Few calls have any.
CREATE TABLE call_handles (
    org_id     UUID  NOT NULL,
    project_id UUID  NOT NULL,
    handle     BYTEA NOT NULL,
    call_id    UUID  NOT NULL,
    PRIMARY KEY (handle, call_id, project_id)
);
