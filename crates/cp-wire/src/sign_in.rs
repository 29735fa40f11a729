//! Signing in, one's own account, and invitations.
//!
//! What holds a password or a token has no `Debug`.

use cp_base::{InvitationId, PersonId, ProjectId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Makes the first person, who owns the installation.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// What the link ends with that `codepromptu serve` printed.
    pub token: String,
    /// The address that signs in.
    pub email: String,
    /// What others see.
    pub name: String,
    /// 12 characters or more, and not easy to guess.
    #[schema(format = Password)]
    pub password: String,
}

/// What somebody types to sign in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The address.
    pub email: String,
    /// The password.
    #[schema(format = Password)]
    pub password: String,
    /// A code of the second factor, or a recovery code, where the account has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// The person.
    #[schema(value_type = String)]
    pub id: PersonId,
    /// The address that signs in.
    pub email: String,
    /// What others see.
    pub name: String,
}

/// A session that began: its token is in the cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// Who is signed in.
    pub person: Person,
    /// When the session ends, unless it is used before.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Whether a second factor is needed before anything else: see `/account`.
    #[serde(default)]
    pub needs_second_factor: bool,
}

/// A session that began, for a program that keeps its token itself.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionToken {
    /// Send it as `Authorization: Bearer …`.
    pub token: String,
    /// Who is signed in.
    pub person: Person,
    /// When the session ends, unless it is used before.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// One's own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Who.
    pub person: Person,
    /// Whether a code is asked for at sign-in.
    pub has_second_factor: bool,
    /// Whether there is a password; whoever has none is known by single sign-on alone.
    pub has_password: bool,
    /// Where the person is signed in, latest first.
    pub sessions: Vec<Session>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The session.
    #[schema(value_type = String)]
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub is_current: bool,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was used last, to about a minute.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen_at: Timestamp,
    /// When it ends, unless it is used before.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// From where it began.
    pub address: String,
    /// What the browser or program calls itself.
    pub user_agent: String,
    /// How it began: `password`, or `single_sign_on`, which is good in one organisation alone.
    pub method: String,
    /// Whether a second factor was shown.
    pub has_second_factor: bool,
}

/// Another password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The present one.
    #[schema(format = Password)]
    pub current: String,
    /// 12 characters or more, and not easy to guess.
    #[schema(format = Password)]
    pub new: String,
}

/// The password once more, before something that a stolen session must not do.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordAgain {
    /// The password.
    #[schema(format = Password)]
    pub password: String,
}

/// What an authenticator app is to be told.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Enrolment {
    /// The secret, as it is typed.
    pub secret: String,
    /// The same with everything around it: `otpauth://…`.
    pub uri: String,
    /// The same as a picture to be photographed: SVG.
    pub picture: String,
}

/// A code that an authenticator app shows.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Six digits.
    #[schema(example = "287082")]
    pub code: String,
}

/// Codes for whoever has lost the app. Each works once; they are shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// The codes.
    pub codes: Vec<String>,
}

/// Whom to invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// The address.
    pub email: String,
    /// As what: `owner`, `admin`, `editor`, `analyst`, `viewer`, `operator` or `service`.
    #[schema(example = "editor")]
    pub role: String,
    /// Into which project alone, by id or short name; into the organisation where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// An invitation that nobody has taken yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// The invitation.
    #[schema(value_type = String)]
    pub id: InvitationId,
    /// Whom.
    pub email: String,
    /// As what.
    pub role: String,
    /// Into which project; into the organisation where it is `null`.
    #[schema(value_type = Option<String>)]
    pub project_id: Option<ProjectId>,
    /// By whom.
    pub invited_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// The invitations that nobody has taken yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitations {
    /// Newest first.
    pub invitations: Vec<Invitation>,
}

/// A new invitation, with its link, shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The link, behind the server's address. No e-mail is sent: pass it on.
    #[schema(example = "/invite#cpi_…")]
    pub path: String,
}

/// What a link of an invitation ends with.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationToken {
    /// It begins with `cpi_`.
    pub token: String,
}

/// What somebody who was invited sees before they accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenInvitation {
    /// Whom.
    pub email: String,
    /// As what.
    pub role: String,
    /// The organisation's name.
    pub org: String,
    /// By whom.
    pub invited_by: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Whether the address has an account: then it signs in first, and needs neither name nor password.
    pub has_account: bool,
}

/// Takes an invitation.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// What the link ends with.
    pub token: String,
    /// What others see; for a new account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 12 characters or more, and not easy to guess; for a new account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub password: Option<String>,
}
