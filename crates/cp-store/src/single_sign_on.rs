//! Single sign-on: the provider of an organisation, who its members are there, and what their groups give them.

use cp_base::{OrgScope, PersonId, ProjectId, Random, SealingKey, Secret, Slug, Timestamp};
use cp_db::{DbError, Row, Tx, Value, args};
use serde::{Deserialize, Serialize};

use crate::sql::single_sign_on as sql;

/// What an organisation has decided about its provider, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsoDocument {
    /// The version of the format.
    pub v: u32,
    /// The provider.
    pub issuer: String,
    /// The name of this program there.
    pub client_id: String,
    /// What it is asked for, beside `openid`.
    pub scopes: Vec<String>,
    /// The domains whose addresses are this organisation's people's.
    pub domains: Vec<String>,
    /// The claim that names a person's groups.
    pub group_claim: Option<String>,
    /// What groups give.
    pub groups: Vec<GroupRole>,
    /// Whether somebody who is no member becomes one by signing in.
    pub admits_unknown: bool,
    /// The role in the organisation of whoever has no other one.
    pub default_role: Option<String>,
    /// Whether each sign-in counts as one with a second factor.
    pub is_second_factor: bool,
}

/// A role that a group gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRole {
    /// The group, as the provider names it.
    pub group: String,
    /// The role.
    pub role: String,
    /// In which project; in the organisation where there is none.
    pub project: Option<ProjectId>,
}

/// The provider of an organisation.
#[derive(Clone, Debug)]
pub struct SingleSignOn {
    /// What was decided.
    pub document: SsoDocument,
    /// Whether members come in no other way, but for owners.
    pub refuses_passwords: bool,
    /// What shows the provider that it is this program.
    pub secret: Secret,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// A role that a member has because of a group; of no group where it is the default one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupGrant {
    /// In which project; in the organisation where there is none.
    pub project: Option<ProjectId>,
    /// The role.
    pub role: String,
    /// The group.
    pub group: String,
}

/// What an organisation asks of those who come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRules {
    /// Its name in addresses.
    pub slug: Slug,
    /// Whether it asks for a second factor.
    pub requires_second_factor: bool,
    /// Whether a password alone opens it to owners only.
    pub refuses_passwords: bool,
}

/// What the organisation asks of those who come in.
pub async fn find_entry_rules(tx: &mut Tx, scope: OrgScope) -> Result<Option<EntryRules>, DbError> {
    let row = tx.fetch_optional(sql::FIND_ENTRY_RULES, args![scope]).await?;
    let rules = |row: &Row| {
        Ok(EntryRules {
            slug: crate::orgs::slug(row)?,
            requires_second_factor: row.get("requires_second_factor")?,
            refuses_passwords: row.get_optional("refuses_passwords")?.unwrap_or_default(),
        })
    };
    row.as_ref().map(rules).transpose()
}

/// The organisation asks for a second factor.
pub async fn require_second_factor(tx: &mut Tx, scope: OrgScope) -> Result<(), DbError> {
    tx.execute(sql::SET_REQUIRES_SECOND_FACTOR, args![scope, true]).await?;
    Ok(())
}

/// The organisation does not ask for a second factor.
pub async fn waive_second_factor(tx: &mut Tx, scope: OrgScope) -> Result<(), DbError> {
    tx.execute(sql::SET_REQUIRES_SECOND_FACTOR, args![scope, false]).await?;
    Ok(())
}

fn context(scope: OrgScope) -> Vec<u8> {
    [b"client secret".as_slice(), scope.org().uuid().as_bytes()].concat()
}

/// The organisation's provider.
pub async fn find_single_sign_on(
    tx: &mut Tx,
    scope: OrgScope,
    key: &SealingKey,
) -> Result<Option<SingleSignOn>, DbError> {
    let row = tx.fetch_optional(sql::FIND_SINGLE_SIGN_ON, args![scope]).await?;
    let found = |row: Row| {
        let document: String = row.get("document")?;
        let secret = key.open(&context(scope), &row.get::<Vec<u8>>("secret_sealed")?);
        let secret = secret.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(SingleSignOn {
            document: serde_json::from_str(&document).map_err(|_| DbError::decode("document"))?,
            refuses_passwords: row.get("refuses_passwords")?,
            secret: Secret::new(secret.ok_or_else(|| DbError::decode("secret_sealed"))?),
            changed_at: row.get("changed_at")?,
        })
    };
    row.map(found).transpose()
}

/// Gives the organisation a provider, in place of the one there was.
pub async fn set_single_sign_on(
    tx: &mut Tx,
    scope: OrgScope,
    new: &SingleSignOn,
    seal: (&SealingKey, &Random),
) -> Result<(), DbError> {
    let document = serde_json::to_string(&new.document).map_err(|_| DbError::decode("document"))?;
    let sealed = seal.0.seal(seal.1, &context(scope), new.secret.expose().as_bytes());
    let row = args![scope, new.refuses_passwords, document, sealed, new.changed_at];
    tx.execute(sql::SET_SINGLE_SIGN_ON, row).await?;
    Ok(())
}

/// The organisation has no provider any more: nobody is known by it, has a role by it, or is signed in by it. Whether it had
/// one.
pub async fn remove_single_sign_on(tx: &mut Tx, scope: OrgScope) -> Result<bool, DbError> {
    tx.execute(sql::REVOKE_ALL_GROUP_GRANTS, args![scope]).await?;
    tx.execute(sql::UNLINK_ALL, args![scope]).await?;
    tx.execute(sql::END_ALL_SESSIONS_OF, args![scope]).await?;
    Ok(tx.execute(sql::REMOVE_SINGLE_SIGN_ON, args![scope]).await? > 0)
}

/// A group does not give a role any more, to anybody.
pub async fn revoke_group_role(tx: &mut Tx, scope: OrgScope, gone: &GroupGrant) -> Result<(), DbError> {
    let place = gone.project.map_or_else(|| Value::from(scope), Value::from);
    tx.execute(sql::REVOKE_GROUP_ROLE, args![scope, gone.group.as_str(), gone.role.as_str(), place]).await?;
    Ok(())
}

/// The member whom the provider names.
pub async fn find_identity(
    tx: &mut Tx,
    scope: OrgScope,
    issuer: &str,
    subject: &str,
) -> Result<Option<PersonId>, DbError> {
    let row = tx.fetch_optional(sql::FIND_IDENTITY, args![scope, issuer, subject]).await?;
    row.map(|row| row.get("person_id")).transpose()
}

/// A member is the one whom the provider names, from now on. A constraint fails where they are another one already.
pub async fn link_identity(
    tx: &mut Tx,
    scope: OrgScope,
    person: PersonId,
    (issuer, subject): (&str, &str),
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(sql::LINK_IDENTITY, args![scope, issuer, subject, person, now]).await?;
    Ok(())
}

/// The roles that a member has because of groups.
pub async fn find_group_grants(
    tx: &mut Tx,
    scope: OrgScope,
    person: PersonId,
) -> Result<Vec<GroupGrant>, DbError> {
    let rows = tx.fetch_all(sql::FIND_GROUP_GRANTS, args![scope, person]).await?;
    let grant = |row: &Row| {
        Ok(GroupGrant {
            project: row.get_optional("project_id")?,
            role: row.get("role")?,
            group: row.get("group_name")?,
        })
    };
    rows.iter().map(grant).collect()
}

/// A member has these roles because of groups, and no others. What was given by hand stays.
pub async fn replace_group_grants(
    tx: &mut Tx,
    scope: OrgScope,
    person: PersonId,
    grants: &[GroupGrant],
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(sql::REVOKE_GROUP_GRANTS, args![scope, person]).await?;
    for grant in grants {
        let row = args![scope, grant.project, person, grant.role.as_str(), grant.group.as_str(), now];
        tx.execute(sql::GRANT_BY_GROUP, row).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_the_first_version_is_read() {
        let stored = r#"{"v":1,"issuer":"https://id.example.com","client_id":"c","scopes":["email"],
            "domains":["example.com"],"group_claim":"groups","groups":[{"group":"g","role":"editor","project":null}],
            "admits_unknown":true,"default_role":"viewer","is_second_factor":false}"#;
        let document: SsoDocument = serde_json::from_str(stored).unwrap();
        assert_eq!((document.v, document.groups.len()), (1, 1));
        assert_eq!(document.default_role.as_deref(), Some("viewer"));
    }
}
