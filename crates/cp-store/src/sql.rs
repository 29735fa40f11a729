//! The registry's statements.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod comments;
pub(crate) mod gateway;
pub(crate) mod people;
pub(crate) mod policies;
pub(crate) mod prompts;
pub(crate) mod references;
pub(crate) mod retention;
pub(crate) mod reviews;
pub(crate) mod single_sign_on;

cp_db::statements! {
    /// Claims the installation. Changes nothing when it is another's; waits while another is at it.
    CLAIM_INSTALLATION = "INSERT INTO installation (singleton, default_project_id) VALUES (1, $1)
                          ON CONFLICT (singleton) DO NOTHING";

    /// A new organisation.
    CREATE_ORG = "INSERT INTO orgs (org_id, slug, name, created_at) VALUES ($1, $2, $3, $4)";

    /// A new project.
    CREATE_PROJECT = "INSERT INTO projects (org_id, project_id, slug, name, created_at) VALUES ($1, $2, $3, $4, $5)";

    /// A new data key.
    CREATE_DATA_KEY = "INSERT INTO data_keys (org_id, project_id, data_key_id, purpose, generation, key_id,
                              master_key_id, wrapped, created_at)
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

    /// The project of the installation.
    FIND_DEFAULT_PROJECT = "SELECT p.org_id, p.project_id
                              FROM installation i JOIN projects p ON p.project_id = i.default_project_id";

    /// Every project's keys but those destroyed, the earliest first.
    LIST_DATA_KEYS = "SELECT org_id, project_id, data_key_id, purpose, key_id, master_key_id, wrapped, retired_at
                        FROM data_keys WHERE wrapped IS NOT NULL ORDER BY project_id, generation";

    /// States what a key is called.
    NAME_DATA_KEY = "UPDATE data_keys SET key_id = $2 WHERE data_key_id = $1";

    /// A project's keys, those destroyed too.
    LIST_KEYS_OF_PROJECT = "SELECT data_key_id, purpose, generation, key_id, created_at, retired_at, destroyed_at
                              FROM data_keys WHERE project_id = $1 ORDER BY purpose, generation";

    /// The key that a project's values are sealed with now.
    FIND_CURRENT_KEY = "SELECT data_key_id, generation, key_id FROM data_keys
                         WHERE project_id = $1 AND purpose = 'sealing' AND retired_at IS NULL";

    /// New values are sealed with it no more.
    RETIRE_DATA_KEY = "UPDATE data_keys SET retired_at = $2 WHERE data_key_id = $1 AND retired_at IS NULL";

    /// Nothing opens with the retired keys of a project any more.
    DESTROY_RETIRED_KEYS = "UPDATE data_keys SET wrapped = NULL, destroyed_at = $2
                             WHERE project_id = $1 AND retired_at IS NOT NULL AND destroyed_at IS NULL
                         RETURNING key_id";

    /// A rotation begins.
    CREATE_ROTATION = "INSERT INTO key_rotations (org_id, project_id, generation, resealed, begun_at)
                       VALUES ($1, $2, $3, 0, $4)";

    /// The rotation under way.
    FIND_ROTATION = "SELECT generation, place, resealed, begun_at FROM key_rotations WHERE project_id = $1";

    /// How far it is.
    MOVE_ROTATION = "UPDATE key_rotations SET place = $2, resealed = resealed + $3 WHERE project_id = $1";

    /// How much more was sealed anew.
    COUNT_RESEALED = "UPDATE key_rotations SET resealed = resealed + $2 WHERE project_id = $1";

    /// It has ended.
    END_ROTATION = "DELETE FROM key_rotations WHERE project_id = $1";

    /// A new key of the installation. Of a name and key there is one.
    CREATE_INSTALLATION_KEY = "INSERT INTO installation_keys (name, key_id, master_key_id, wrapped, created_at)
                               VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name, key_id) DO NOTHING";

    /// Every key of the installation.
    LIST_INSTALLATION_KEYS = "SELECT name, key_id, master_key_id, wrapped FROM installation_keys ORDER BY name, key_id";

    /// Another wrapping of a data key.
    REWRAP_DATA_KEY = "UPDATE data_keys SET master_key_id = $2, wrapped = $3 WHERE data_key_id = $1";

    /// Another wrapping of a key of the installation.
    REWRAP_INSTALLATION_KEY = "UPDATE installation_keys SET master_key_id = $3, wrapped = $4
                                WHERE name = $1 AND key_id = $2";
}

#[cfg(test)]
mod tests {
    use cp_base::Timestamp;
    use cp_testkit::db_test;

    fn all() -> Vec<cp_db::Statement> {
        let all = [
            crate::sql::ALL,
            crate::sql::access::ALL,
            crate::sql::audit::ALL,
            crate::sql::comments::ALL,
            crate::sql::gateway::ALL,
            crate::sql::people::ALL,
            crate::sql::policies::ALL,
            crate::sql::prompts::ALL,
            crate::sql::references::ALL,
            crate::sql::retention::ALL,
            crate::sql::reviews::ALL,
            crate::sql::single_sign_on::ALL,
        ];
        all.concat()
    }

    #[test]
    fn a_statement_that_forgets_its_scope_finds_nothing_of_others() {
        let matter = cp_testkit::unscoped_statements_that_matter(&[crate::MIGRATIONS], &all());
        assert!(matter.len() >= 60, "the test has lost its point: {matter:?}");
    }

    db_test! {
        async fn every_statement_prepares(test: TestDb) {
            test.db.migrate(&[crate::MIGRATIONS], Timestamp(0)).await.unwrap();
            for statement in all() {
                test.db.prepare(statement).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name()));
            }
        }
    }
}
