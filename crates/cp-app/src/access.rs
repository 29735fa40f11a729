//! Who may do what.
//!
//! A closed set of actions, and for each the roles that may do it: [`Action::roles`] is the whole policy, and
//! `docs/authorization.md` is made from it. A role is held in an organisation, and then in each of its projects, or in
//! one project alone. Whoever has several may do what any of them may.

use std::fmt;
use std::str::FromStr;

/// What somebody is, in an organisation or a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything, and the only one to make another owner.
    Owner,
    /// Everything but the organisation itself and its owners.
    Admin,
    /// Works on prompts: reads everything, writes prompts.
    Editor,
    /// Reads everything, and writes scores.
    Analyst,
    /// Reads everything.
    Viewer,
    /// Watches and runs the service; sees no body.
    Operator,
    /// An application.
    Service,
}

use Role::{Admin, Analyst, Editor, Operator, Owner, Service, Viewer};

/// A text that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role; there are owner, admin, editor, analyst, viewer, operator and service")]
pub struct RoleParseError(String);

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [Owner, Admin, Editor, Analyst, Viewer, Operator, Service];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Owner => "owner",
            Admin => "admin",
            Editor => "editor",
            Analyst => "analyst",
            Viewer => "viewer",
            Operator => "operator",
            Service => "service",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = RoleParseError;

    fn from_str(text: &str) -> Result<Self, RoleParseError> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| RoleParseError(text.chars().take(40).collect()))
    }
}

/// What an action is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// An organisation, with its people, teams, projects and keys.
    Organisation,
    /// A project, with its calls and settings.
    Project,
}

macro_rules! actions {
    ($($(#[doc = $doc:literal])* $action:ident, $resource:ident, [$($role:ident),*];)*) => {
        /// Everything that can be done, as far as permission goes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[doc = $doc])* $action),* }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$action),*];

            /// What it is done to.
            #[must_use]
            pub const fn resource(self) -> Resource {
                match self { $(Self::$action => Resource::$resource),* }
            }

            /// Who may do it.
            #[must_use]
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Self::$action => &[$(Role::$role),*]),* }
            }

            /// What it is, for people.
            #[must_use]
            pub const fn described(self) -> &'static str {
                match self { $(Self::$action => concat!($($doc),*)),* }
            }
        }
    };
}

actions! {
    /// See the organisation, its projects and teams
    ReadOrg, Organisation, [Owner, Admin, Editor, Analyst, Viewer, Operator];
    /// Rename the organisation
    ManageOrg, Organisation, [Owner];
    /// See and change how members sign in: single sign-on, and whether a second factor is required
    ManageSignIn, Organisation, [Owner];
    /// Make other organisations, from the installation's own
    CreateOrgs, Organisation, [Owner];
    /// See who is a member, and as what
    ReadMembers, Organisation, [Owner, Admin, Editor, Analyst, Viewer, Operator];
    /// Invite and remove members, and change their roles
    ManageMembers, Organisation, [Owner, Admin];
    /// Make and change teams
    ManageTeams, Organisation, [Owner, Admin];
    /// Make projects
    ManageProjects, Organisation, [Owner, Admin];
    /// Make, rotate and revoke API keys
    ManageKeys, Organisation, [Owner, Admin];
    /// Read, verify and export the audit log
    ReadAudit, Organisation, [Owner, Admin];
    /// See the project and its settings
    ReadProject, Project, [Owner, Admin, Editor, Analyst, Viewer, Operator, Service];
    /// Rename the project
    ManageProject, Project, [Owner, Admin];
    /// Make, rotate and revoke API keys that reach the project alone
    ManageProjectKeys, Project, [Owner, Admin];
    /// See, give and take roles in the project
    ManageGrants, Project, [Owner, Admin];
    /// Read prompts, their versions and what became of them
    ReadPrompts, Project, [Owner, Admin, Editor, Analyst, Viewer];
    /// Be served prompts by name, as applications are
    ServePrompts, Project, [Owner, Admin, Editor, Analyst, Viewer, Service];
    /// Write prompts, save versions and move labels
    WritePrompts, Project, [Owner, Admin, Editor];
    /// Comment on prompts and rate them, and approve what a label's rule lets the role approve
    ReviewPrompts, Project, [Owner, Admin, Editor, Analyst];
    /// Say who may move which label, and override what it asks of a version
    ProtectLabels, Project, [Owner, Admin];
    /// List calls, without what was said in them
    ReadCalls, Project, [Owner, Admin, Editor, Analyst, Viewer, Operator];
    /// Read what was said in calls, search it and export it
    ReadBodies, Project, [Owner, Admin, Editor, Analyst, Viewer];
    /// Tell of calls that did not pass the gateway
    IngestCalls, Project, [Owner, Admin, Editor, Service];
    /// Judge calls, traces, sessions and versions of prompts
    WriteScores, Project, [Owner, Admin, Editor, Analyst, Service];
    /// Read scores, with their comments
    ReadScores, Project, [Owner, Admin, Editor, Analyst, Viewer];
    /// See what calls cost
    ReadCost, Project, [Owner, Admin, Editor, Analyst, Viewer, Operator];
    /// Price stored calls again
    Reprice, Project, [Owner, Admin];
    /// See how the service is
    ReadOperations, Project, [Owner, Admin, Editor, Analyst, Viewer, Operator];
    /// Make, limit and revoke gateway keys, and claim clients
    ManageGatewayKeys, Project, [Owner, Admin];
    /// Put provider keys into the vault, and take them out of use
    ManageVault, Project, [Owner, Admin];
    /// Change what is captured and what is redacted
    ManagePolicy, Project, [Owner, Admin];
    /// Change how long things are kept, and hold them
    ManageRetention, Project, [Owner, Admin];
    /// Find, export and erase what belongs to a person
    Erase, Project, [Owner, Admin];
    /// Rotate the keys that data is sealed with
    RotateKeys, Project, [Owner];
}

/// The roles that somebody holds at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// These roles.
    #[must_use]
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Self {
        Self(roles.into_iter().collect())
    }

    /// Whether one of them may do it.
    #[must_use]
    pub fn may(&self, action: Action) -> bool {
        self.0.iter().any(|role| action.roles().contains(role))
    }

    /// Whether whoever has these may do everything that the role may: nobody gives more than they have.
    #[must_use]
    pub fn cover(&self, role: Role) -> bool {
        let mut actions = Action::ALL.iter().filter(|action| action.roles().contains(&role));
        actions.all(|action| self.may(*action))
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contains(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        Role::ALL.into_iter().filter(|role| self.contains(*role)).map(Role::as_str).collect()
    }
}

/// The tables of actions and roles, in Markdown: the first part of `docs/authorization.md`.
#[must_use]
pub fn table() -> String {
    let mut text = String::from(
        "# Who may do what\n\n\
         A role is held in an organisation, and then in each of its projects, or in one project alone; by a person, by \
         everybody in a team, or by an API key. Whoever has several may do what any of them may. What belongs to another \
         organisation, or to a project without a role, is answered as if it did not exist.\n\n\
         These tables are made from the code by a test, which asks every operation as everybody.\n",
    );
    for resource in [Resource::Organisation, Resource::Project] {
        let names = Role::ALL.map(Role::as_str).join(" | ");
        text += &format!("\n## {resource:?}\n\n| Action | What it is | {names} |\n| --- | --- |");
        text += &" :-: |".repeat(Role::ALL.len());
        for action in Action::ALL.iter().filter(|action| action.resource() == resource) {
            let marks = Role::ALL.map(|role| if action.roles().contains(&role) { "●" } else { "" });
            text += &format!("\n| `{action:?}` |{} | {} |", action.described(), marks.join(" | "));
        }
        text += "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_gives_roles_has_all_but_an_owner_s() {
        use Action::{ManageGrants, ManageKeys, ManageMembers, ManageProjectKeys, ManageTeams};
        for giving in [ManageGrants, ManageKeys, ManageMembers, ManageProjectKeys, ManageTeams] {
            for giver in giving.roles() {
                let beyond: Vec<_> =
                    Role::ALL.into_iter().filter(|role| !Roles::new([*giver]).cover(*role)).collect();
                assert!(beyond.iter().all(|role| *role == Owner), "{giver} {beyond:?}");
                assert_eq!(*giver == Owner, beyond.is_empty(), "{giver}");
            }
        }
        assert!(!Roles::new([Viewer]).cover(Admin) && Roles::new([Viewer, Owner]).cover(Admin));
    }

    #[test]
    fn an_owner_may_do_everything_and_nobody_more_than_an_owner() {
        for action in Action::ALL {
            assert!(action.roles().contains(&Owner), "{action:?}");
        }
    }

    #[test]
    fn an_operator_sees_no_body_and_an_application_nothing_of_others() {
        assert!(!Roles::new([Operator]).may(Action::ReadBodies));
        assert!(!Roles::new([Service]).may(Action::ReadCalls));
        assert!(Roles::new([Service, Viewer]).may(Action::ReadCalls));
    }

    #[test]
    fn roles_are_written_as_they_are_read() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().unwrap_err().to_string().contains("operator"));
    }
}
