-- What is captured and redacted of a project's calls: a JSON document, replaced whole.
CREATE TABLE capture_policies (
    org_id     BLOB    NOT NULL REFERENCES orgs,
    project_id BLOB    NOT NULL PRIMARY KEY REFERENCES projects,
    version    INTEGER NOT NULL,
    document   TEXT    NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
