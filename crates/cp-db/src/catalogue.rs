//! What the database's catalogue says, in words that both engines share.

use cp_base::InstallationScope;

use crate::{Db, DbError, Statement, args};

const SQLITE: Statement = Statement::new(
    "SQLITE",
    r#"SELECT t.name || '.' || c.name || ' ' || c.type
              || CASE c."notnull" WHEN 1 THEN ' not null' ELSE '' END AS line
         FROM sqlite_schema t JOIN pragma_table_info(t.name) c
        WHERE t.type = 'table'
       UNION ALL
       SELECT line FROM (
           SELECT t.name || ' (' || group_concat(c.name, ', ' ORDER BY c.seqno) || ')'
                  || CASE i."unique" WHEN 1 THEN ' unique' ELSE '' END
                  || CASE i.partial WHEN 1 THEN ' partial' ELSE '' END AS line
             FROM sqlite_schema t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
            WHERE t.type = 'table'
            GROUP BY t.name, i.name)"#,
);

const POSTGRES: Statement = Statement::new(
    "POSTGRES",
    "SELECT table_name || '.' || column_name || ' '
            || CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'boolean' THEN 'INTEGER'
                              WHEN 'uuid' THEN 'BLOB' WHEN 'bytea' THEN 'BLOB'
                              WHEN 'double precision' THEN 'REAL' ELSE upper(data_type) END
            || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END AS line
       FROM information_schema.columns WHERE table_schema = current_schema()
     UNION ALL
     SELECT t.relname || ' (' || string_agg(a.attname, ', ' ORDER BY k.place) || ')'
            || CASE WHEN i.indisunique THEN ' unique' ELSE '' END
            || CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END
       FROM pg_index i
       JOIN pg_class t ON t.oid = i.indrelid
       JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()
      CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
      GROUP BY i.indexrelid, i.indisunique, i.indpred, t.relname",
);

/// Nobody passes a policy that is forced, but for the two kinds of roles that pass all.
const LIST_OPEN: Statement = Statement::new(
    "LIST_OPEN",
    "SELECT CAST(t.relname AS TEXT) AS name
       FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()
      WHERE t.relkind IN ('r', 'p') AND NOT (t.relrowsecurity AND t.relforcerowsecurity
                                             AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = t.oid))
      ORDER BY 1",
);
const FIND_PASSING: Statement = Statement::new(
    "FIND_PASSING",
    "SELECT CAST(rolname AS TEXT) AS name FROM pg_roles
      WHERE rolname = current_user AND (rolsuper OR rolbypassrls)",
);

impl Db {
    /// The role that the database is used as, where the walls between tenants do not hold for it: a superuser, or one that
    /// bypasses row security.
    pub async fn find_passing_role(&self) -> Result<Option<String>, DbError> {
        let mut tx = self.begin_read(InstallationScope::grant()).await?;
        if tx.is_sqlite() {
            return Ok(None);
        }
        tx.fetch_optional(FIND_PASSING, args![]).await?.map(|row| row.get("name")).transpose()
    }

    /// The tables that have no wall, where the engine knows walls.
    pub async fn list_open_tables(&self) -> Result<Vec<String>, DbError> {
        let mut tx = self.begin_read(InstallationScope::grant()).await?;
        if tx.is_sqlite() {
            return Ok(Vec::new());
        }
        tx.fetch_all(LIST_OPEN, args![]).await?.iter().map(|row| row.get("name")).collect()
    }

    /// Every column with its type, and every index with its columns, sorted. The same on both engines when the two
    /// schemas say the same.
    pub async fn catalogue(&self) -> Result<Vec<String>, DbError> {
        let mut tx = self.begin_read(InstallationScope::grant()).await?;
        let statement = if tx.is_sqlite() { SQLITE } else { POSTGRES };
        let rows = tx.fetch_all(statement, args![]).await?;
        let mut lines = rows.iter().map(|row| row.get("line")).collect::<Result<Vec<String>, _>>()?;
        lines.sort();
        Ok(lines)
    }
}
