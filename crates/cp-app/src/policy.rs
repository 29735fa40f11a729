//! Capture policies of projects.

use cp_base::Timestamp;
use cp_redact::{CapturePolicy, DocumentError, Found, PolicyDocument, Redactor};

use crate::access::Action;
use crate::act::Event;
use crate::{App, AppError, Ctx};

/// The longest text of a preview.
const MAX_PREVIEW_BYTES: usize = 256 << 10;

/// A project's capture policy as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyState {
    /// Counts up with each change; 0 where none was ever set.
    pub version: u64,
    /// When it was changed last.
    pub changed_at: Option<Timestamp>,
    /// The policy.
    pub document: PolicyDocument,
}

/// What redaction makes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactionPreview {
    /// The text with placeholders.
    pub redacted: String,
    /// What was found in it as it is written.
    pub found: Vec<Found>,
}

impl App {
    /// What is captured and redacted of the project's calls.
    pub async fn get_capture_policy(&self, ctx: &Ctx) -> Result<PolicyState, AppError> {
        ctx.require(Action::ReadProject)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        let Some(stored) = cp_store::find_capture_policy(&mut tx, ctx.scope).await? else {
            return Ok(PolicyState { version: 0, changed_at: None, document: PolicyDocument::default() });
        };
        let document = PolicyDocument::from_json(&stored.document).map_err(|error| unusable(&error))?;
        Ok(PolicyState { version: stored.version, changed_at: Some(stored.changed_at), document })
    }

    /// Sets it. Calls that are admitted from now on on this node have it, and on others within seconds. `seen` is the
    /// version that is to be replaced, where the caller minds.
    pub async fn set_capture_policy(
        &self,
        ctx: &Ctx,
        seen: Option<u64>,
        json: &str,
    ) -> Result<PolicyState, AppError> {
        let document = PolicyDocument::from_json(json).map_err(|error| unusable(&error))?;
        let now = self.parts.clock.now();
        let mut act = self.begin(ctx, Action::ManagePolicy).await?;
        let before = cp_store::find_capture_policy(act.tx(), ctx.scope).await?;
        let known = before.as_ref().map_or(0, |before| before.version);
        let version = known + 1;
        let policy = CapturePolicy::new(document.clone(), version).map_err(|error| unusable(&error))?;
        let replaced = seen.is_none_or(|seen| seen == known)
            && cp_store::set_capture_policy(act.tx(), ctx.scope, known, &document.to_json(), now).await?;
        if !replaced {
            return Err(AppError::conflict(format_args!(
                "the policy has version {known} by now: read it again, and change that one"
            )));
        }
        let event = Event::new("capture_policy.set", ctx.scope.project());
        let event = event.detail(format_args!("version {version}, mode {}", document.mode.as_str()));
        act.commit(event.before(&before).after(&document)).await?;
        (self.parts.set_policy)(ctx.scope.project(), policy);
        Ok(PolicyState { version, changed_at: Some(now), document })
    }

    /// What redaction would do to a text: under the policy that is given, or else under the project's. Whoever may ask
    /// this can find out which value a placeholder stands for, and so only those may who may turn redaction off.
    pub async fn preview_redaction(
        &self,
        ctx: &Ctx,
        text: &str,
        json: Option<&str>,
    ) -> Result<RedactionPreview, AppError> {
        ctx.require(Action::ManagePolicy)?;
        if text.len() > MAX_PREVIEW_BYTES {
            return Err(AppError::too_large("a preview takes a text of 256 KiB at most"));
        }
        let document = match json {
            Some(json) => PolicyDocument::from_json(json).map_err(|error| unusable(&error))?,
            None => self.get_capture_policy(ctx).await?.document,
        };
        let policy = CapturePolicy::new(document, 0).map_err(|error| unusable(&error))?;
        let key = self.parts.traffic.hashing_key(ctx.scope)?;
        let redactor = Redactor::new(policy.rules().clone(), &key);
        let redacted = String::from_utf8_lossy(&redactor.body(text.as_bytes())).into_owned();
        Ok(RedactionPreview { redacted, found: redactor.find(text) })
    }
}

impl App {
    /// What redacts what is written into the project; none where nothing is redacted.
    pub(crate) async fn redactor(&self, ctx: &Ctx) -> Result<Option<Redactor>, AppError> {
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        let Some(stored) = cp_store::find_capture_policy(&mut tx, ctx.scope).await? else { return Ok(None) };
        drop(tx);
        // What cannot be redacted is not written.
        let policy = PolicyDocument::from_json(&stored.document)
            .and_then(|document| CapturePolicy::new(document, stored.version))
            .map_err(AppError::internal)?;
        if policy.rules().is_empty() {
            return Ok(None);
        }
        Ok(Some(Redactor::new(policy.rules().clone(), &self.parts.traffic.hashing_key(ctx.scope)?)))
    }
}

fn unusable(error: &DocumentError) -> AppError {
    AppError::invalid(error)
}
