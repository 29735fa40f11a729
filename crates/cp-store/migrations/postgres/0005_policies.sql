-- What is captured and redacted of a project's calls: a JSON document, replaced whole.
CREATE TABLE capture_policies (
    org_id     UUID   NOT NULL REFERENCES orgs,
    project_id UUID   NOT NULL PRIMARY KEY REFERENCES projects,
    version    BIGINT NOT NULL,
    document   TEXT   NOT NULL,
    changed_at BIGINT NOT NULL
);
