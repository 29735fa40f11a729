//! Erasures of people, from the request to the certificate.
//!
//! What an erasure found, erased and destroyed is kept as JSON with the row: it goes into the certificate and nowhere else.

use cp_base::{Digest, ErasureId, NodeId, ProjectScope, PublicKey, SigningKey, Timestamp};
use cp_db::{DbError, Row, Tx, args};
use serde::{Deserialize, Serialize};

use crate::bootstrap::scope_of;
use crate::sql::retention as sql;

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureState {
    /// Calls are being deleted.
    Erasing,
    /// The store holds nothing; what the capture logs hold is awaited.
    Log,
    /// All is gone, and the certificate is there.
    Done,
}

impl ErasureState {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Erasing => "erasing",
            Self::Log => "log",
            Self::Done => "done",
        }
    }
}

/// What was there when the erasure was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Calls that named the person.
    pub calls: u64,
    /// Of these, those that the project's key alone sealed: they were stored before people had keys of their own.
    pub sealed_with_the_project: u64,
    /// Of these, those that a batch carried among others.
    pub carried: u64,
}

/// What was erased. A count can be short of what a process that died had erased last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// Calls.
    pub calls: u64,
    /// Of these, those of the person's conversations that named nobody.
    pub unnamed_calls: u64,
    /// Labels and handles.
    pub labels: u64,
    /// What was filed of the calls' costs.
    pub cost_changes: u64,
    /// Bodies, such as messages.
    pub bodies: u64,
    /// Exchanges that carried the person's calls among others and lost their raw bodies.
    pub stripped_exchanges: u64,
    /// Scores of the calls, their traces and their sessions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub scores: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// An erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Where.
    pub scope: ProjectScope,
    /// The erasure.
    pub id: ErasureId,
    /// The digest of the person's label.
    pub person: Digest,
    /// When it was asked for. Calls that began until then go.
    pub requested_at: Timestamp,
    /// How far it is.
    pub state: ErasureState,
    /// What there was.
    pub found: Found,
    /// What is erased.
    pub erased: Erased,
    /// The person's keys that were destroyed.
    pub secrets: Vec<String>,
    /// The certificate, as it was signed.
    pub certificate: Option<String>,
}

/// A capture log that an erasure waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasureLog {
    /// Whose log.
    pub node: NodeId,
    /// Up to where it must be gone; absent until the node has said.
    pub position: Option<i64>,
    /// Since when it is.
    pub gone_at: Option<Timestamp>,
}

fn erasure(row: &Row) -> Result<Erasure, DbError> {
    let state: String = row.get("state")?;
    let states = [ErasureState::Erasing, ErasureState::Log, ErasureState::Done];
    Ok(Erasure {
        scope: scope_of(row)?,
        id: row.get("erasure_id")?,
        person: row.get("person")?,
        requested_at: row.get("requested_at")?,
        state: states
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| DbError::decode("state"))?,
        found: told(row, "found")?,
        erased: told(row, "erased")?,
        secrets: told(row, "secrets")?,
        certificate: row.get_optional("certificate")?,
    })
}

fn told<T: Default + for<'de> Deserialize<'de>>(row: &Row, column: &str) -> Result<T, DbError> {
    let text: String = row.get(column)?;
    if text.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_str(&text).map_err(|_| DbError::decode(column))
}

fn tell(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Puts an erasure on the list.
pub async fn create_erasure(tx: &mut Tx, erasure: &Erasure) -> Result<(), DbError> {
    let Erasure { scope, id, person, requested_at, found, .. } = erasure;
    let args = args![scope.org(), *scope, *id, *person, *requested_at, tell(found)];
    tx.execute(sql::CREATE_ERASURE, args).await?;
    Ok(())
}

/// One erasure.
pub async fn find_erasure(
    tx: &mut Tx,
    scope: ProjectScope,
    id: ErasureId,
) -> Result<Option<Erasure>, DbError> {
    tx.fetch_optional(sql::FIND_ERASURE, args![scope, id]).await?.as_ref().map(erasure).transpose()
}

/// The erasure of a person that is under way.
pub async fn find_erasure_of(
    tx: &mut Tx,
    scope: ProjectScope,
    person: Digest,
) -> Result<Option<Erasure>, DbError> {
    tx.fetch_optional(sql::FIND_ERASURE_OF, args![scope, person]).await?.as_ref().map(erasure).transpose()
}

/// All that are under way, earliest first: for the one who keeps house.
pub async fn list_erasures(tx: &mut Tx) -> Result<Vec<Erasure>, DbError> {
    tx.fetch_all(sql::LIST_ERASURES, args![]).await?.iter().map(erasure).collect()
}

/// Saves how far an erasure is.
pub async fn save_erasure(tx: &mut Tx, erasure: &Erasure) -> Result<(), DbError> {
    let Erasure { id, state, erased, secrets, .. } = erasure;
    tx.execute(sql::SET_ERASURE, args![*id, state.as_str(), tell(erased), tell(secrets)]).await?;
    Ok(())
}

/// Has an erasure wait for the logs of these nodes.
pub async fn await_logs(tx: &mut Tx, id: ErasureId, nodes: &[NodeId]) -> Result<(), DbError> {
    let rows = nodes.iter().map(|node| args![id, *node]).collect();
    tx.execute_many(sql::AWAIT_LOGS, args![], rows).await?;
    Ok(())
}

/// The logs that an erasure waits for.
pub async fn list_erasure_logs(tx: &mut Tx, id: ErasureId) -> Result<Vec<ErasureLog>, DbError> {
    let log = |row: &Row| {
        Ok(ErasureLog {
            node: row.get("node_id")?,
            position: row.get_optional("log_position")?,
            gone_at: row.get_optional("gone_at")?,
        })
    };
    tx.fetch_all(sql::LIST_LOGS, args![id]).await?.iter().map(log).collect()
}

/// Says up to where a node's log must be gone.
pub async fn set_log_position(
    tx: &mut Tx,
    id: ErasureId,
    node: NodeId,
    position: i64,
) -> Result<(), DbError> {
    tx.execute(sql::SET_LOG_POSITION, args![id, node, position]).await?;
    Ok(())
}

/// States that it is.
pub async fn set_log_gone(tx: &mut Tx, id: ErasureId, node: NodeId, at: Timestamp) -> Result<(), DbError> {
    tx.execute(sql::SET_LOG_GONE, args![id, node, at]).await?;
    Ok(())
}

/// Ends an erasure with its certificate.
pub async fn finish_erasure(tx: &mut Tx, id: ErasureId, certificate: &str) -> Result<(), DbError> {
    tx.execute(sql::FINISH_ERASURE, args![id, certificate]).await?;
    Ok(())
}

/// What an installation states of an erasure. The fields are signed in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureStatement {
    /// The version of this form.
    pub version: u32,
    /// The erasure.
    pub erasure: String,
    /// The organisation.
    pub org: String,
    /// The project.
    pub project: String,
    /// The digest by which the project knew the person, in hexadecimal digits. It takes the project's key to make it.
    pub person: String,
    /// When it was asked for. Calls that began until then were erased.
    pub requested_at: String,
    /// When all was gone.
    pub finished_at: String,
    /// What there was.
    pub found: Found,
    /// What was erased.
    pub erased: Erased,
    /// The person's keys that were destroyed.
    pub destroyed_keys: Vec<String>,
    /// The nodes whose capture logs hold nothing of before any more.
    pub logs: Vec<String>,
    /// What the erasure could not reach.
    pub remains: Vec<String>,
}

/// A statement that somebody can check without the installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureCertificate {
    /// What is stated.
    pub statement: ErasureStatement,
    /// The installation's public key.
    pub public_key: String,
    /// Its signature over the statement.
    pub signature: String,
}

/// Why a certificate does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is none.
    #[error("this is no certificate of an erasure: {0}")]
    Unreadable(String),
    /// It was altered.
    #[error("the signature does not fit: the certificate was altered, or another installation signed it")]
    BadSignature,
    /// It is another installation's.
    #[error("it is signed with key {0}, and not with the one that was expected")]
    OtherKey(String),
}

impl ErasureCertificate {
    /// Signs a statement.
    #[must_use]
    pub fn sign(statement: ErasureStatement, key: &SigningKey) -> Self {
        let signature = key.sign(&signed_bytes(&statement));
        Self { statement, public_key: key.public().to_string(), signature }
    }

    /// Reads a certificate and checks its signature, and its key where one is expected.
    pub fn verify(text: &str, expected: Option<PublicKey>) -> Result<Self, CertificateError> {
        let certificate: Self =
            serde_json::from_str(text).map_err(|error| CertificateError::Unreadable(error.to_string()))?;
        let key: PublicKey = certificate.public_key.parse().map_err(|_| CertificateError::BadSignature)?;
        if expected.is_some_and(|expected| expected != key) {
            return Err(CertificateError::OtherKey(certificate.public_key));
        }
        key.verify(&signed_bytes(&certificate.statement), &certificate.signature)
            .map_err(|_| CertificateError::BadSignature)?;
        Ok(certificate)
    }

    /// As it is given out.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

fn signed_bytes(statement: &ErasureStatement) -> Vec<u8> {
    let mut bytes = b"codepromptu erasure certificate v1\n".to_vec();
    bytes.extend(serde_json::to_vec(statement).unwrap_or_default());
    bytes
}

impl Erasure {
    /// What the installation states, once every log is gone.
    #[must_use]
    pub fn statement(&self, logs: &[ErasureLog], finished_at: Timestamp) -> ErasureStatement {
        let mut remains = Vec::new();
        if self.found.sealed_with_the_project > 0 {
            remains.push(format!(
                "{} calls were stored before people had keys of their own: copies in backups of before the erasure open with the project's key",
                self.found.sealed_with_the_project
            ));
        }
        if self.found.carried > 0 {
            remains.push(format!(
                "{} calls were carried in batches with those of others: copies of these exchanges in backups of before the erasure open with the project's key",
                self.found.carried
            ));
        }
        ErasureStatement {
            version: 1,
            erasure: self.id.to_string(),
            org: self.scope.org().to_string(),
            project: self.scope.project().to_string(),
            person: cp_base::hex(&self.person),
            requested_at: self.requested_at.to_string(),
            finished_at: finished_at.to_string(),
            found: self.found,
            erased: self.erased,
            destroyed_keys: self.secrets.clone(),
            logs: logs.iter().map(|log| log.node.to_string()).collect(),
            remains,
        }
    }
}
