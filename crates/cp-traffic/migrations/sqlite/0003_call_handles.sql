-- By what the provider lets later calls name a call that they continue: keyed digests of its ids. Few calls have any.
CREATE TABLE call_handles (
    org_id     BLOB NOT NULL,
    project_id BLOB NOT NULL,
    handle     BLOB NOT NULL,
    call_id    BLOB NOT NULL,
    PRIMARY KEY (handle, call_id, project_id)
) STRICT;
