//! Reading calls back: pages by key, never by offset, and bodies only where one asks for them.

use std::collections::HashMap;

use cp_base::{CallId, CallSource, ConversationId, Digest, ProjectScope, SubjectKeyId};
use cp_db::{DbError, Filter, Row, Tx, args};
use cp_genai::OperationName;

use crate::columns::{self, short};
use crate::content::{Bodies, Ref, Vault, refs_from_bytes};
use crate::store::StoreError;
use crate::{
    CallCursor, CallDetail, CallFilter, CallMessages, CallPage, CallSummary, DetailPage, TrafficStore, sql,
};

/// The most calls on a page.
pub const MAX_CALLS: usize = 500;
/// The most whole calls on a page.
pub const MAX_DETAILS: usize = 100;
/// Bytes of bodies, by the calls' own count, after which a page of whole calls ends.
const MAX_DETAIL_BYTES: u64 = 32 * 1024 * 1024;

impl TrafficStore {
    /// A page of calls, newest first, at most [`MAX_CALLS`]. Pages do not shift when calls are stored meanwhile.
    ///
    /// A text filter is a scan of opened bodies with a bound; where it stops there, the page says so and can be empty.
    pub async fn list_calls(
        &self,
        scope: ProjectScope,
        filter: &CallFilter,
        after: Option<CallCursor>,
        limit: usize,
    ) -> Result<CallPage, StoreError> {
        let limit = limit.clamp(1, MAX_CALLS);
        match &filter.text {
            Some(text) if !text.is_empty() => self.scan(scope, filter, after, (text, limit)).await,
            _ => {
                let mut tx = self.db.begin_read(scope).await?;
                let calls =
                    fetch_calls(&mut tx, scope, conditions(&self.vault(scope)?, filter, after), limit + 1)
                        .await?;
                Ok(page(calls, limit))
            }
        }
    }

    /// A page of a conversation, oldest first.
    pub async fn list_conversation(
        &self,
        scope: ProjectScope,
        conversation: ConversationId,
        after: Option<CallCursor>,
        limit: usize,
    ) -> Result<CallPage, StoreError> {
        let limit = limit.clamp(1, MAX_CALLS);
        let mut filter = Filter::default();
        if let Some(after) = after {
            filter.and("(started_at, call_id) > ($1, $2)", args![after.started_at, after.call]);
        }
        let mut tx = self.db.begin_read(scope).await?;
        let args = args![scope, conversation, limit as u64 + 1];
        let rows = tx.fetch_filtered(sql::LIST_CONVERSATION, args, filter).await?;
        Ok(page(rows.iter().map(columns::from_row).collect::<Result<_, _>>()?, limit))
    }

    /// A page of whole calls, at most [`MAX_DETAILS`], and fewer where they are large: for export.
    pub async fn list_details(
        &self,
        scope: ProjectScope,
        filter: &CallFilter,
        after: Option<CallCursor>,
        limit: usize,
    ) -> Result<DetailPage, StoreError> {
        let mut page = self.list_calls(scope, filter, after, limit.min(MAX_DETAILS)).await?;
        let mut bytes = 0_u64;
        let fitting = page.calls.iter().take_while(|call| {
            let fits = bytes < MAX_DETAIL_BYTES;
            bytes = bytes.saturating_add(call.request_bytes).saturating_add(call.response_bytes);
            fits
        });
        let fitting = fitting.count();
        if fitting < page.calls.len() {
            page.calls.truncate(fitting);
            page.next = page.calls.last().map(CallCursor::from);
            page.scan_stopped = false;
        }
        let calls = self.open_calls(scope, page.calls).await?;
        Ok(DetailPage { calls, next: page.next, scan_stopped: page.scan_stopped })
    }

    /// One call, whole. A call of another project is not found.
    pub async fn find_call(
        &self,
        scope: ProjectScope,
        call: CallId,
    ) -> Result<Option<CallDetail>, StoreError> {
        let mut tx = self.db.begin_read(scope).await?;
        let Some(row) = tx.fetch_optional(sql::FIND_CALL, args![scope, call]).await? else { return Ok(None) };
        drop(tx);
        Ok(self.open_calls(scope, vec![columns::from_row(&row)?]).await?.pop())
    }

    /// Whether the project has this call.
    pub async fn has_call(&self, scope: ProjectScope, call: CallId) -> Result<bool, StoreError> {
        let mut tx = self.db.begin_read(scope).await?;
        Ok(tx.fetch_optional(sql::FIND_PARENT, args![scope, call]).await?.is_some())
    }

    /// How many calls pass the filter, its text aside, counted up to `bound`.
    pub async fn count_calls(
        &self,
        scope: ProjectScope,
        filter: &CallFilter,
        bound: u64,
    ) -> Result<u64, StoreError> {
        let mut tx = self.db.begin_read(scope).await?;
        let conditions = conditions(&self.vault(scope)?, filter, None);
        let rows = tx.fetch_filtered(sql::COUNT_CALLS, args![scope, bound], conditions).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.get("calls"))?)
    }

    async fn open_calls(
        &self,
        scope: ProjectScope,
        calls: Vec<CallSummary>,
    ) -> Result<Vec<CallDetail>, StoreError> {
        let vault = self.vault(scope)?;
        let mut tx = self.db.begin_read(scope).await?;
        let mut contents = HashMap::new();
        let ids = calls.iter().map(|call| args![call.call]).collect();
        for row in tx.fetch_many(sql::LIST_CONTENTS, args![scope], ids).await? {
            let refs =
                refs_from_bytes(&row.get::<Vec<u8>>("refs")?).ok_or(StoreError::Damaged("list of bodies"))?;
            let subject: Option<SubjectKeyId> = row.get_optional("subject_key_id")?;
            contents.insert(row.get::<CallId>("call_id")?, (row.get::<Vec<u8>>("document")?, refs, subject));
        }
        let sealed = fetch_bodies(&mut tx, scope, contents.values().flat_map(|(_, refs, _)| refs)).await?;
        drop(tx);
        let named = contents.values().filter_map(|(_, _, subject)| *subject);
        let vaults = self.vaults(vault, named).await?;
        let bodies = vaults.open_bodies(sealed)?;
        let details = calls.into_iter().map(|summary| {
            let stored = contents.get(&summary.call);
            let opened =
                stored.and_then(|(document, refs, subject)| Some((document, refs, vaults.of(*subject)?)));
            match opened {
                Some((document, refs, vault)) => vault.put_together(summary, document, refs, &bodies),
                None => {
                    Ok(CallDetail { summary, document: None, messages: CallMessages::default(), raw: None })
                }
            }
        });
        details.collect()
    }

    /// What opens the values of a project that belong to nobody or to one of `named`.
    pub(crate) async fn vaults(
        &self,
        vault: Vault,
        named: impl Iterator<Item = SubjectKeyId>,
    ) -> Result<Vaults, StoreError> {
        let keys = self.subjects.open(vault.holder(), named).await?;
        let subjects = keys.into_iter().map(|(id, key)| (id, vault.of_subject(key))).collect();
        Ok(Vaults { plain: vault, subjects })
    }
}

/// What opens values of one project. A person's whose secret was destroyed is not there.
pub(crate) struct Vaults {
    plain: Vault,
    subjects: HashMap<SubjectKeyId, Vault>,
}

impl Vaults {
    pub(crate) fn of(&self, subject: Option<SubjectKeyId>) -> Option<&Vault> {
        match subject {
            None => Some(&self.plain),
            Some(id) => self.subjects.get(&id),
        }
    }

    /// Opens each body; nobody can open what belongs to a person that was erased.
    pub(crate) fn open_bodies(&self, sealed: Vec<SealedBody>) -> Result<Bodies, StoreError> {
        let bodies = sealed.into_iter().filter_map(|body| {
            let opened = self.of(body.subject)?.open_body(&body.hash, &body.sealed);
            Some(opened.map(|opened| (body.hash, opened)))
        });
        bodies.collect()
    }
}

/// A body as it is stored.
pub(crate) struct SealedBody {
    pub(crate) hash: Digest,
    pub(crate) sealed: Vec<u8>,
    pub(crate) subject: Option<SubjectKeyId>,
}

impl SealedBody {
    pub(crate) fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            hash: row.get("hash")?,
            sealed: row.get("sealed")?,
            subject: row.get_optional("subject_key_id")?,
        })
    }
}

/// Each body that `refs` name once.
pub(crate) async fn fetch_bodies<'a>(
    tx: &mut Tx,
    scope: ProjectScope,
    refs: impl Iterator<Item = &'a Ref>,
) -> Result<Vec<SealedBody>, StoreError> {
    let hashes: std::collections::BTreeSet<Digest> = refs.map(|entry| entry.hash).collect();
    let hashes = hashes.into_iter().map(|hash| args![hash]).collect();
    let rows = tx.fetch_many(sql::LIST_BODIES, args![scope], hashes).await?;
    Ok(rows.iter().map(SealedBody::from_row).collect::<Result<_, _>>()?)
}

pub(crate) async fn fetch_calls(
    tx: &mut Tx,
    scope: ProjectScope,
    filter: Filter,
    limit: usize,
) -> Result<Vec<CallSummary>, StoreError> {
    let rows = tx.fetch_filtered(sql::LIST_CALLS, args![scope, limit as u64], filter).await?;
    Ok(rows.iter().map(columns::from_row).collect::<Result<_, _>>()?)
}

/// A page of `limit` calls out of one more, where there is one more.
pub(crate) fn page(mut calls: Vec<CallSummary>, limit: usize) -> CallPage {
    let more = calls.len() > limit;
    calls.truncate(limit);
    let next = if more { calls.last().map(CallCursor::from) } else { None };
    CallPage { calls, next, scan_stopped: false }
}

/// Everything of a filter but its text.
pub(crate) fn conditions(vault: &Vault, filter: &CallFilter, after: Option<CallCursor>) -> Filter {
    let mut conditions = Filter::default();
    if let Some(after) = after {
        conditions.and("(started_at, call_id) < ($1, $2)", args![after.started_at, after.call]);
    }
    conditions.and_if("started_at >= $1", filter.since);
    conditions.and_if("started_at < $1", filter.until);
    conditions.and_if("provider_name = $1", filter.provider_name.as_deref().map(short));
    conditions.and_if("request_model = $1 OR response_model = $1", filter.model.as_deref().map(short));
    conditions.and_if("operation_name = $1", filter.operation_name.map(OperationName::as_str));
    conditions.and_if("outcome = $1", filter.outcome);
    if let Some((from, to)) = filter.status {
        conditions.and("status BETWEEN $1 AND $2", args![from, to]);
    }
    conditions.and_if("duration_us >= $1", filter.min_duration_us);
    conditions.and_if("cost_usd_nanos >= $1", filter.min_cost);
    conditions.and_if("COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0) >= $1", filter.min_tokens);
    conditions.and_if("conversation_id = $1", filter.conversation);
    conditions.and_if("client_fingerprint = $1", filter.client_fingerprint);
    conditions.and_if("COALESCE(source, 'gateway') = $1", filter.source.map(CallSource::as_str));
    conditions.and_if("prompt_version_id = $1", filter.prompt_version);
    for label in &filter.labels {
        conditions.and(
            "call_id IN (SELECT call_id FROM call_handles WHERE handle = $1 AND project_id = $2)",
            args![label.digest(vault.keys.hashing()), vault.scope],
        );
    }
    conditions
}
