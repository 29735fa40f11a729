//! The registry's statements.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod people;

cp_db::statements! {
    /// Claims the installation. Changes nothing when it is another's; waits while another is at it.
    CLAIM_INSTALLATION = "INSERT INTO installation (singleton, default_project_id) VALUES (1, $1)
                          ON CONFLICT (singleton) DO NOTHING";

    /// A new organisation.
    CREATE_ORG = "INSERT INTO orgs (org_id, slug, name, created_at) VALUES ($1, $2, $3, $4)";

    /// A new project.
    CREATE_PROJECT = "INSERT INTO projects (org_id, project_id, slug, name, created_at) VALUES ($1, $2, $3, $4, $5)";

    /// A new data key.
    CREATE_DATA_KEY = "INSERT INTO data_keys
                              (org_id, project_id, data_key_id, master_key_id, wrapped, created_at)
                       VALUES ($1, $2, $3, $4, $5, $6)";

    /// The project of the installation.
    FIND_DEFAULT_PROJECT = "SELECT p.org_id, p.project_id
                              FROM installation i JOIN projects p ON p.project_id = i.default_project_id";

    /// Every project's key.
    LIST_DATA_KEYS = "SELECT project_id, data_key_id, master_key_id, wrapped FROM data_keys";
}

#[cfg(test)]
mod tests {
    use cp_base::Timestamp;
    use cp_testkit::db_test;

    db_test! {
        async fn every_statement_prepares(test: TestDb) {
            test.db.migrate(&[crate::MIGRATIONS], Timestamp(0)).await.unwrap();
            let all = [crate::sql::ALL, crate::sql::access::ALL, crate::sql::audit::ALL, crate::sql::people::ALL];
            for statement in all.concat() {
                test.db.prepare(statement).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name()));
            }
        }
    }
}
