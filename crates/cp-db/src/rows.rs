//! Whose rows are whose: the second wall between tenants.
//!
//! A statement names its scope, which is the first wall. The second one is PostgreSQL's: each transaction begins with a
//! [`Reach`], and the server shows and changes the rows that are within it, whatever the statement says; without a reach
//! there are none. SQLite has no such thing, and the first wall alone.
//!
//! A module states it for each of its tables, in one list ([`Migrations::with_tables`](crate::Migrations::with_tables)); the
//! policies are made of it here, when the database is migrated. A table that is in no list fails the test of its schema.

use cp_base::{InstallationScope, OrgScope, ProjectScope};

/// Whose rows a transaction reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everybody's.
    Installation(InstallationScope),
    /// Those of an organisation and of its projects.
    Org(OrgScope),
    /// Those of a project, and what its organisation has for all of its projects.
    Project(ProjectScope),
}

impl From<InstallationScope> for Reach {
    fn from(scope: InstallationScope) -> Self {
        Self::Installation(scope)
    }
}

impl From<OrgScope> for Reach {
    fn from(scope: OrgScope) -> Self {
        Self::Org(scope)
    }
}

impl From<ProjectScope> for Reach {
    fn from(scope: ProjectScope) -> Self {
        Self::Project(scope)
    }
}

impl Reach {
    /// A statement that begins a transaction, with the settings that the policies ask for: one way to the server and back.
    /// The ids are ours, and hold nothing but digits and dashes.
    pub(crate) fn begin(self, statement: &str) -> String {
        match self {
            Self::Installation(_) => format!("{statement}; SET LOCAL codepromptu.installation = 'on'"),
            Self::Org(scope) => {
                format!("{statement}; SET LOCAL codepromptu.org = '{}'", scope.org().uuid())
            }
            Self::Project(scope) => format!(
                "{statement}; SET LOCAL codepromptu.org = '{}'; SET LOCAL codepromptu.project = '{}'",
                scope.org().uuid(),
                scope.project().uuid()
            ),
        }
    }
}

/// To whom the rows of a table belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Each to the organisation that `org_id` names.
    OfOrg,
    /// Each to the project that `project_id` names, and so to its organisation, which `org_id` names.
    OfProject,
    /// Each to the project that `project_id` names, and to be had within it alone: not by its organisation, which the table
    /// need not know.
    OfProjectAlone,
    /// Each to whoever has the rows of `table` with the same `column`.
    With {
        /// The other table.
        table: &'static str,
        /// A column of both.
        column: &'static str,
    },
    /// To nobody in particular, and to be had by all: counts.
    OfEverybody,
    /// To the installation.
    OfInstallation,
}

impl Rows {
    /// The condition. Settings stand in queries of their own: these are run once for a statement, and not for each row.
    fn condition(self, name: &str) -> String {
        const INSTALLATION: &str = "(SELECT current_setting('codepromptu.installation', true) = 'on')";
        const ORG: &str = "(SELECT NULLIF(current_setting('codepromptu.org', true), '')::uuid)";
        const PROJECT: &str = "(SELECT NULLIF(current_setting('codepromptu.project', true), '')::uuid)";
        let own = match self {
            Self::OfOrg => format!("org_id = {ORG}"),
            Self::OfProject => format!("org_id = {ORG} AND project_id = COALESCE({PROJECT}, project_id)"),
            Self::OfProjectAlone => format!("project_id = {PROJECT}"),
            // What is seen of the other table is bounded by its own policy.
            Self::With { table, column } => {
                format!("EXISTS (SELECT 1 FROM {table} AS other WHERE other.{column} = {name}.{column})")
            }
            Self::OfEverybody => format!("{ORG} IS NOT NULL"),
            Self::OfInstallation => return INSTALLATION.to_owned(),
        };
        format!("{INSTALLATION} OR {own}")
    }
}

/// A table, and to whom its rows belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    rows: Rows,
    seen: Option<Rows>,
}

impl Table {
    /// A table whose rows those may see and change to whom they belong.
    #[must_use]
    pub const fn new(name: &'static str, rows: Rows) -> Self {
        Self { name, rows, seen: None }
    }

    /// The same; others may see rows, and change none.
    #[must_use]
    pub const fn seen(self, rows: Rows) -> Self {
        Self { seen: Some(rows), ..self }
    }

    /// To whom its rows belong.
    #[must_use]
    pub const fn rows(&self) -> Rows {
        self.rows
    }

    /// To whom rows would belong that are seen, and not changed.
    #[must_use]
    pub const fn seen_rows(&self) -> Option<Rows> {
        self.seen
    }

    /// The script that puts the wall up, in place of one that was there before. The owner is bound too.
    pub(crate) fn script(&self) -> String {
        let Self { name, rows, seen } = *self;
        let mut script = format!(
            "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;
             ALTER TABLE {name} FORCE ROW LEVEL SECURITY;
             DROP POLICY IF EXISTS belongs ON {name};
             DROP POLICY IF EXISTS seen ON {name};
             CREATE POLICY belongs ON {name} USING ({});",
            rows.condition(name)
        );
        if let Some(seen) = seen {
            script += &format!("CREATE POLICY seen ON {name} FOR SELECT USING ({});", seen.condition(name));
        }
        script
    }
}
