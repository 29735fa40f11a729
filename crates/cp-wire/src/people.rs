//! Members, teams, and roles in projects.

use cp_base::{PersonId, TeamId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Org, Project};

/// A member of the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The person.
    #[schema(value_type = String)]
    pub id: PersonId,
    /// The address that signs in.
    #[schema(example = "kim@example.com")]
    pub email: String,
    /// What others see.
    pub name: String,
    /// The role in the organisation and so in all its projects; `null` for whoever has roles in some of them alone.
    pub role: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub joined_at: Timestamp,
}

/// The members of the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Members {
    /// In the order of their addresses.
    pub members: Vec<Member>,
}

/// What a member is to be in the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberRole {
    /// `owner`, `admin`, `editor`, `analyst`, `viewer`, `operator` or `service`; `null` for no role but those in projects.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, example = "editor")]
    pub role: Option<String>,
}

/// A team: members who hold roles together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Team {
    /// The team.
    #[schema(value_type = String)]
    pub id: TeamId,
    /// Its name in addresses, unique in its organisation.
    #[schema(example = "search")]
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who is in it, in the order of their addresses.
    pub members: Vec<TeamMember>,
}

/// Somebody in a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TeamMember {
    /// The person.
    #[schema(value_type = String)]
    pub id: PersonId,
    /// The address that signs in.
    pub email: String,
    /// What others see.
    pub name: String,
}

/// The teams of the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Teams {
    /// In the order of their names.
    pub teams: Vec<Team>,
}

/// A role in a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// Who has it: the id of a person, team or API key.
    #[schema(example = "team_01h455vb4pex5vsknk084sn02q")]
    pub holder: String,
    /// `person`, `team` or `api_key`.
    pub kind: String,
    /// The person's address, or the name of the team or key.
    pub name: String,
    /// The role.
    #[schema(example = "editor")]
    pub role: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub granted_at: Timestamp,
}

/// Who has a role in the project itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grants {
    /// Oldest first.
    pub grants: Vec<Grant>,
}

/// What somebody is to be in the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// `owner`, `admin`, `editor`, `analyst`, `viewer`, `operator` or `service`.
    #[schema(example = "editor")]
    pub role: String,
}

/// What an organisation is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrg {
    /// The name for people.
    pub name: String,
    /// The name in addresses: a-z, 0-9 and -; made from the other one where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The e-mail address of its owner; whoever makes it where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// A new organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MadeOrg {
    /// The organisation.
    pub org: Org,
    /// Its first project.
    pub project: Project,
}
