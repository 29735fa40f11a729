//! Provider's keys by their fingerprints: which were seen, and whose calls come with them.

use std::time::Duration;

use cp_base::{ProjectId, ProjectScope, Timestamp};
use cp_db::{DbError, Row, Tx, args};

use crate::gateway::touch;
use crate::sql::gateway as sql;

/// Fingerprints that are remembered; more are passed over until some were not seen for long.
const MOST_SEEN: i64 = 10_000;
/// How long what is not seen again is remembered.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

/// A project's claim to the calls that come with a provider's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose calls they are.
    pub scope: ProjectScope,
    /// The key's fingerprint.
    pub fingerprint: [u8; 16],
    /// Who said so.
    pub claimed_by: String,
    /// When.
    pub claimed_at: Timestamp,
}

/// A provider's key that came and is not claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFingerprint {
    /// The key's fingerprint.
    pub fingerprint: [u8; 16],
    /// The provider that it was for.
    pub provider: String,
    /// The project that took its calls, the last one; none where they were refused.
    pub project: Option<ProjectId>,
    /// When it came first.
    pub first_at: Timestamp,
    /// And last.
    pub last_at: Timestamp,
    /// How often.
    pub calls: u64,
}

/// Claims a provider's key; false where somebody has claimed it before.
pub async fn claim_fingerprint(tx: &mut Tx, claim: &Claim) -> Result<bool, DbError> {
    let Claim { scope, fingerprint, claimed_by, claimed_at } = claim;
    let row = args![scope.org(), *scope, *fingerprint, claimed_by.as_str(), *claimed_at];
    let claimed = tx.execute(sql::CLAIM, row).await?;
    touch(tx).await?;
    Ok(claimed > 0)
}

/// Gives a claim up; false where the project has none.
pub async fn release_fingerprint(
    tx: &mut Tx,
    scope: ProjectScope,
    fingerprint: [u8; 16],
) -> Result<bool, DbError> {
    let released = tx.execute(sql::RELEASE, args![scope.org(), scope, fingerprint]).await?;
    touch(tx).await?;
    Ok(released > 0)
}

/// The claims of a project, latest first.
pub async fn list_claims(tx: &mut Tx, scope: ProjectScope) -> Result<Vec<Claim>, DbError> {
    let rows = tx.fetch_all(sql::LIST_CLAIMS, args![scope.org(), scope]).await?;
    let claim = |row: &Row| {
        Ok(Claim {
            scope,
            fingerprint: row.get("fingerprint")?,
            claimed_by: row.get("claimed_by")?,
            claimed_at: row.get("claimed_at")?,
        })
    };
    rows.iter().map(claim).collect()
}

/// Unclaimed keys whose calls came to the project, and in the first organisation those too that came to none. What came
/// to another project is nobody else's to claim.
pub async fn list_seen_fingerprints(
    tx: &mut Tx,
    scope: ProjectScope,
    limit: u64,
) -> Result<Vec<SeenFingerprint>, DbError> {
    let mut rows = tx.fetch_all(sql::LIST_SEEN, args![scope.org(), scope, limit]).await?;
    let first = tx.fetch_optional(sql::FIND_FIRST_ORG, args![]).await?;
    if first.map(|row| row.get("org_id")).transpose()? == Some(scope.org()) {
        rows.extend(tx.fetch_all(sql::LIST_SEEN_NOWHERE, args![limit]).await?);
    }
    rows.iter().map(seen).collect()
}

/// Adds to what was seen, and forgets what was not for long. `scopes` tell the organisation of each project.
pub async fn add_sightings(
    tx: &mut Tx,
    seen: &[(SeenFingerprint, Option<ProjectScope>)],
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(sql::FORGET_SIGHTINGS, args![now.before(REMEMBERED)]).await?;
    let count = tx.fetch_optional(sql::COUNT_SIGHTINGS, args![]).await?;
    let count: i64 = count.map_or(Ok(0), |row| row.get("sightings"))?;
    let room = usize::try_from(MOST_SEEN.saturating_sub(count)).unwrap_or(0);
    for (seen, scope) in seen.iter().take(room) {
        let SeenFingerprint { fingerprint, provider, first_at, last_at, calls, .. } = seen;
        let (org, project) = (scope.map(|scope| scope.org()), scope.map(|scope| scope.project()));
        let row = args![*fingerprint, provider.as_str(), org, project, *first_at, *last_at, *calls];
        tx.execute(sql::ADD_SIGHTING, row).await?;
    }
    Ok(())
}

fn seen(row: &Row) -> Result<SeenFingerprint, DbError> {
    Ok(SeenFingerprint {
        fingerprint: row.get("fingerprint")?,
        provider: row.get("provider_name")?,
        project: row.get_optional("project_id")?,
        first_at: row.get("first_at")?,
        last_at: row.get("last_at")?,
        calls: row.get("calls")?,
    })
}
