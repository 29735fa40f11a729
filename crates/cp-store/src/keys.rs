//! Credentials: API keys, sessions and invitations. Each is kept as a digest, and looked up by it before anybody knows
//! whose it is; so the look-ups take no scope and return one.

use cp_base::{
    ApiKeyId, Digest, InvitationId, OrgScope, PersonId, ProjectId, ProjectScope, SessionId, Timestamp, Token,
};
use cp_db::{DbError, Filter, Row, Tx, args};

use crate::gateway::touch;
use crate::sql::access as sql;

/// An API key, but for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Whose it is.
    pub scope: OrgScope,
    /// The id.
    pub id: ApiKeyId,
    /// The one project that it reaches; all of the organisation where there is none.
    pub project: Option<ProjectId>,
    /// What it is for.
    pub name: String,
    /// Its beginning.
    pub shown: String,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it opens anything at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A signed-in browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// Who signed in.
    pub person: PersonId,
    /// The address that signed in.
    pub email: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, to about a minute.
    pub last_seen_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Where alone it is good; everywhere where there is none.
    pub home: Option<OrgScope>,
    /// Whether a second factor was shown.
    pub has_second_factor: bool,
}

/// A session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// The id.
    pub id: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, to about a minute.
    pub last_seen_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// From where it began.
    pub address: String,
    /// In which browser.
    pub user_agent: String,
    /// Whose provider it was begun with, and where alone it is good; none for one that was begun with a password.
    pub home: Option<OrgScope>,
    /// Whether a second factor was shown.
    pub has_second_factor: bool,
}

/// An invitation, but for its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Whose it is.
    pub scope: OrgScope,
    /// The id.
    pub id: InvitationId,
    /// Into which project; into the organisation where there is none.
    pub project: Option<ProjectId>,
    /// Whom.
    pub email: String,
    /// As what.
    pub role: String,
    /// By whom.
    pub invited_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

fn api_key(row: &Row) -> Result<ApiKey, DbError> {
    Ok(ApiKey {
        scope: OrgScope::grant(row.get("org_id")?),
        id: row.get("api_key_id")?,
        project: row.get_optional("project_id")?,
        name: row.get("name")?,
        shown: row.get("shown")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        expires_at: row.get_optional("expires_at")?,
        last_used_at: row.get_optional("last_used_at")?,
        revoked_at: row.get_optional("revoked_at")?,
    })
}

fn invitation(row: &Row) -> Result<Invitation, DbError> {
    Ok(Invitation {
        scope: OrgScope::grant(row.get("org_id")?),
        id: row.get("invitation_id")?,
        project: row.get_optional("project_id")?,
        email: row.get("email")?,
        role: row.get("role")?,
        invited_by: row.get("invited_by")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}

/// A new key; `key.shown` is taken from `token`.
pub async fn create_api_key(tx: &mut Tx, key: &ApiKey, token: &Token) -> Result<(), DbError> {
    let row = args![
        key.scope,
        key.id,
        key.project,
        key.name.as_str(),
        token.shown(),
        token.digest().to_vec(),
        key.created_by.as_str(),
        key.created_at,
        key.expires_at,
    ];
    tx.execute(sql::CREATE_API_KEY, row).await?;
    touch(tx).await
}

/// The key that a digest belongs to, valid or not.
pub async fn find_api_key_by_digest(tx: &mut Tx, digest: &Digest) -> Result<Option<ApiKey>, DbError> {
    let row = tx.fetch_optional(sql::FIND_API_KEY_BY_DIGEST, args![digest.to_vec()]).await?;
    row.as_ref().map(api_key).transpose()
}

/// A key of the organisation.
pub async fn find_api_key(tx: &mut Tx, scope: OrgScope, id: ApiKeyId) -> Result<Option<ApiKey>, DbError> {
    tx.fetch_optional(sql::FIND_API_KEY, args![scope, id]).await?.as_ref().map(api_key).transpose()
}

/// The keys of the organisation, newest first, each with its role.
pub async fn list_api_keys(tx: &mut Tx, scope: OrgScope) -> Result<Vec<(ApiKey, Option<String>)>, DbError> {
    list_keys(tx, scope, Filter::default()).await
}

/// The keys that reach a project and nothing else, newest first, each with its role.
pub async fn list_project_keys(
    tx: &mut Tx,
    scope: ProjectScope,
) -> Result<Vec<(ApiKey, Option<String>)>, DbError> {
    let mut of_project = Filter::default();
    of_project.and_if("k.project_id = $1", Some(scope));
    list_keys(tx, scope.org_scope(), of_project).await
}

async fn list_keys(
    tx: &mut Tx,
    scope: OrgScope,
    filter: Filter,
) -> Result<Vec<(ApiKey, Option<String>)>, DbError> {
    let rows = tx.fetch_filtered(sql::LIST_API_KEYS, args![scope], filter).await?;
    rows.iter().map(|row| Ok((api_key(row)?, row.get_optional("role")?))).collect()
}

/// A key ends now. Whether it had not before.
pub async fn revoke_api_key(
    tx: &mut Tx,
    scope: OrgScope,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<bool, DbError> {
    touch(tx).await?;
    Ok(tx.execute(sql::REVOKE_API_KEY, args![scope, id, now]).await? > 0)
}

/// A key ends at `end`, unless it ends before.
pub async fn expire_api_key(
    tx: &mut Tx,
    scope: OrgScope,
    id: ApiKeyId,
    end: Timestamp,
) -> Result<(), DbError> {
    tx.execute(sql::EXPIRE_API_KEY, args![scope, id, end]).await?;
    touch(tx).await
}

/// Keys were used.
pub async fn touch_api_keys(tx: &mut Tx, used: &[(ApiKeyId, Timestamp)]) -> Result<(), DbError> {
    for (key, at) in used {
        touch_api_key(tx, *key, *at).await?;
    }
    Ok(())
}

/// A key was used.
pub async fn touch_api_key(tx: &mut Tx, id: ApiKeyId, now: Timestamp) -> Result<(), DbError> {
    tx.execute(sql::TOUCH_API_KEY, args![id, now]).await?;
    Ok(())
}

/// A new session of `session.person`.
pub async fn create_session(
    tx: &mut Tx,
    person: PersonId,
    session: &SessionRow,
    token: &Token,
) -> Result<(), DbError> {
    let row = args![
        session.id,
        person,
        token.digest().to_vec(),
        session.created_at,
        session.expires_at,
        session.address.as_str(),
        session.user_agent.as_str(),
        session.home.map(|home| home.org()),
        session.has_second_factor,
    ];
    tx.execute(sql::CREATE_SESSION, row).await?;
    Ok(())
}

fn home(row: &Row) -> Result<Option<OrgScope>, DbError> {
    Ok(row.get_optional("org_id")?.map(OrgScope::grant))
}

/// The session that a digest belongs to, over or not.
pub async fn find_session(tx: &mut Tx, digest: &Digest) -> Result<Option<Session>, DbError> {
    let row = tx.fetch_optional(sql::FIND_SESSION, args![digest.to_vec()]).await?;
    let session = |row: Row| {
        Ok(Session {
            id: row.get("session_id")?,
            person: row.get("person_id")?,
            email: row.get("email")?,
            created_at: row.get("created_at")?,
            last_seen_at: row.get("last_seen_at")?,
            expires_at: row.get("expires_at")?,
            home: home(&row)?,
            has_second_factor: row.get("second_factor")?,
        })
    };
    row.map(session).transpose()
}

/// The sessions of a person, latest first.
pub async fn list_sessions(tx: &mut Tx, person: PersonId) -> Result<Vec<SessionRow>, DbError> {
    let rows = tx.fetch_all(sql::LIST_SESSIONS, args![person]).await?;
    let session = |row: &Row| {
        Ok(SessionRow {
            id: row.get("session_id")?,
            created_at: row.get("created_at")?,
            last_seen_at: row.get("last_seen_at")?,
            expires_at: row.get("expires_at")?,
            address: row.get("address")?,
            user_agent: row.get("user_agent")?,
            home: home(row)?,
            has_second_factor: row.get("second_factor")?,
        })
    };
    rows.iter().map(session).collect()
}

/// A session was used, and lasts until `end`.
pub async fn touch_session(
    tx: &mut Tx,
    id: SessionId,
    now: Timestamp,
    end: Timestamp,
) -> Result<(), DbError> {
    tx.execute(sql::TOUCH_SESSION, args![id, now, end]).await?;
    Ok(())
}

/// A second factor was shown in a session.
pub async fn trust_session(tx: &mut Tx, id: SessionId) -> Result<(), DbError> {
    tx.execute(sql::TRUST_SESSION, args![id, true]).await?;
    Ok(())
}

/// A person's second factor is gone: no session of a password has it any more.
pub async fn forget_second_factor(tx: &mut Tx, person: PersonId) -> Result<(), DbError> {
    tx.execute(sql::FORGET_SECOND_FACTOR, args![person, false]).await?;
    Ok(())
}

/// A session of a person ends. Whether there was one.
pub async fn end_session(tx: &mut Tx, person: PersonId, id: SessionId) -> Result<bool, DbError> {
    Ok(tx.execute(sql::END_SESSION, args![person, id]).await? > 0)
}

/// All sessions of a person end. How many.
pub async fn end_sessions(tx: &mut Tx, person: PersonId) -> Result<u64, DbError> {
    tx.execute(sql::END_SESSIONS, args![person]).await
}

/// All sessions of a person but `kept` end. How many.
pub async fn end_other_sessions(tx: &mut Tx, person: PersonId, kept: SessionId) -> Result<u64, DbError> {
    tx.execute(sql::END_OTHER_SESSIONS, args![person, kept]).await
}

/// Forgets the sessions that are over at `now`. How many.
pub async fn delete_expired_sessions(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.execute(sql::DELETE_EXPIRED_SESSIONS, args![now]).await
}

/// A new invitation.
pub async fn create_invitation(tx: &mut Tx, invitation: &Invitation, token: &Token) -> Result<(), DbError> {
    let row = args![
        invitation.scope,
        invitation.id,
        invitation.project,
        invitation.email.as_str(),
        invitation.role.as_str(),
        token.digest().to_vec(),
        invitation.invited_by.as_str(),
        invitation.created_at,
        invitation.expires_at,
    ];
    tx.execute(sql::CREATE_INVITATION, row).await?;
    Ok(())
}

/// The invitation that a digest belongs to, over or not.
pub async fn find_invitation(tx: &mut Tx, digest: &Digest) -> Result<Option<Invitation>, DbError> {
    let row = tx.fetch_optional(sql::FIND_INVITATION, args![digest.to_vec()]).await?;
    row.as_ref().map(invitation).transpose()
}

/// An invitation of the organisation.
pub async fn find_invitation_by_id(
    tx: &mut Tx,
    scope: OrgScope,
    id: InvitationId,
) -> Result<Option<Invitation>, DbError> {
    let row = tx.fetch_optional(sql::FIND_INVITATION_BY_ID, args![scope, id]).await?;
    row.as_ref().map(invitation).transpose()
}

/// Forgets the invitations that are over at `now`. How many.
pub async fn delete_expired_invitations(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.execute(sql::DELETE_EXPIRED_INVITATIONS, args![now]).await
}

/// The invitations that nobody has taken yet, newest first.
pub async fn list_invitations(tx: &mut Tx, scope: OrgScope) -> Result<Vec<Invitation>, DbError> {
    tx.fetch_all(sql::LIST_INVITATIONS, args![scope]).await?.iter().map(invitation).collect()
}

/// An invitation is taken, or withdrawn. Whether it was there: of two who take it at once one does.
pub async fn delete_invitation(tx: &mut Tx, scope: OrgScope, id: InvitationId) -> Result<bool, DbError> {
    Ok(tx.execute(sql::DELETE_INVITATION, args![scope, id]).await? > 0)
}
