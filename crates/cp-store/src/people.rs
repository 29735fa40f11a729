//! People, and who of them belongs to an organisation.

use cp_base::{OrgScope, PersonId, Timestamp};
use cp_db::{DbError, Row, Tx, args};

use crate::sql::{access, people as sql, single_sign_on};

/// A human being who can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The id.
    pub id: PersonId,
    /// The address that signs in, in lower case.
    pub email: String,
    /// What others see.
    pub name: String,
    /// A PHC string; absent for whoever signs in elsewhere.
    pub password_hash: Option<String>,
    /// The second factor's secret, sealed; absent where there is none.
    pub totp_sealed: Option<Vec<u8>>,
}

/// A member of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: PersonId,
    /// The address that signs in.
    pub email: String,
    /// What others see.
    pub name: String,
    /// Since when.
    pub joined_at: Timestamp,
    /// The role in the organisation itself.
    pub role: Option<String>,
}

fn person(row: &Row) -> Result<Person, DbError> {
    Ok(Person {
        id: row.get("person_id")?,
        email: row.get("email")?,
        name: row.get("name")?,
        password_hash: row.get_optional("password_hash")?,
        totp_sealed: row.get_optional("totp_sealed")?,
    })
}

fn member(row: &Row) -> Result<Member, DbError> {
    Ok(Member {
        person: row.get("person_id")?,
        email: row.get("email")?,
        name: row.get("name")?,
        joined_at: row.get("joined_at")?,
        role: row.get_optional("role")?,
    })
}

/// A new person. Fails with a constraint where the address is taken.
pub async fn create_person(tx: &mut Tx, person: &Person, now: Timestamp) -> Result<(), DbError> {
    let Person { id, email, name, password_hash, .. } = person;
    let row = args![*id, email.as_str(), name.as_str(), password_hash.as_deref(), now];
    tx.execute(sql::CREATE_PERSON, row).await?;
    Ok(())
}

/// Whether anybody has signed up: until then the installation belongs to whoever sits at it.
pub async fn is_anybody_there(tx: &mut Tx) -> Result<bool, DbError> {
    Ok(tx.fetch_optional(sql::FIND_ANYBODY, args![]).await?.is_some())
}

/// A person.
pub async fn find_person(tx: &mut Tx, id: PersonId) -> Result<Option<Person>, DbError> {
    tx.fetch_optional(sql::FIND_PERSON, args![id]).await?.as_ref().map(person).transpose()
}

/// The person who signs in with an address, whatever its case.
pub async fn find_person_by_email(tx: &mut Tx, email: &str) -> Result<Option<Person>, DbError> {
    let email = email.to_lowercase();
    tx.fetch_optional(sql::FIND_PERSON_BY_EMAIL, args![email]).await?.as_ref().map(person).transpose()
}

/// Another password.
pub async fn set_password(tx: &mut Tx, id: PersonId, hash: &str) -> Result<(), DbError> {
    tx.execute(sql::SET_PASSWORD, args![id, hash]).await?;
    Ok(())
}

/// A second factor's sealed secret, or none.
pub async fn set_totp(tx: &mut Tx, id: PersonId, sealed: Option<Vec<u8>>) -> Result<(), DbError> {
    tx.execute(sql::SET_TOTP, args![id, sealed]).await?;
    Ok(())
}

/// A second factor's sealed secret in place of `before`. Whether that was still there.
pub async fn swap_totp(tx: &mut Tx, id: PersonId, before: Vec<u8>, sealed: Vec<u8>) -> Result<bool, DbError> {
    Ok(tx.execute(sql::SWAP_TOTP, args![id, before, sealed]).await? > 0)
}

/// A person joins the organisation; a member stays one.
pub async fn add_member(
    tx: &mut Tx,
    scope: OrgScope,
    person: PersonId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(sql::ADD_MEMBER, args![scope, person, now]).await?;
    Ok(())
}

/// A member.
pub async fn find_member(tx: &mut Tx, scope: OrgScope, person: PersonId) -> Result<Option<Member>, DbError> {
    tx.fetch_optional(sql::FIND_MEMBER, args![scope, person]).await?.as_ref().map(member).transpose()
}

/// Whether a person is a member.
pub async fn is_member(tx: &mut Tx, scope: OrgScope, person: PersonId) -> Result<bool, DbError> {
    Ok(find_member(tx, scope, person).await?.is_some())
}

/// The members, in the order of their addresses.
pub async fn list_members(tx: &mut Tx, scope: OrgScope) -> Result<Vec<Member>, DbError> {
    tx.fetch_all(sql::LIST_MEMBERS, args![scope]).await?.iter().map(member).collect()
}

/// A person leaves the organisation, its teams and its grants. Whether they were a member.
pub async fn remove_member(tx: &mut Tx, scope: OrgScope, person: PersonId) -> Result<bool, DbError> {
    tx.execute(sql::LEAVE_TEAMS, args![scope, person]).await?;
    tx.execute(access::REVOKE_EVERYWHERE, args![scope, person]).await?;
    tx.execute(single_sign_on::REVOKE_GROUP_GRANTS, args![scope, person]).await?;
    tx.execute(single_sign_on::UNLINK_PERSON, args![scope, person]).await?;
    tx.execute(single_sign_on::END_SESSIONS_OF, args![scope, person]).await?;
    Ok(tx.execute(sql::REMOVE_MEMBER, args![scope, person]).await? > 0)
}
