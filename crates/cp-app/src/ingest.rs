//! Calls that clients tell of, since they did not pass the gateway.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use cp_base::{CallId, ErrorKind, ProjectScope, PromptVersionId};
use cp_genai::Observation;
use cp_prompt::Selector;
use serde_json::{Map, Value};

use crate::access::Action;
use crate::{App, AppError, Ctx};

/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 1_024;

/// A call, or a piece of one, as it is to be kept.
#[derive(Clone, Debug)]
pub struct ToldCall {
    /// Whose it is.
    pub scope: ProjectScope,
    /// The call.
    pub call: CallId,
    /// The provider, by our name for it.
    pub provider: String,
    /// The version of a prompt that it was made from.
    pub prompt_version: Option<PromptVersionId>,
    /// Where it was told.
    pub path: &'static str,
    /// What is told.
    pub observation: Observation,
}

/// Why what was told is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotKept {
    /// The project wants no record of it.
    ByPolicy,
    /// It is larger than a call may be.
    TooLarge,
    /// It could not be written now.
    Failed(String),
}

type Kept = Pin<Box<dyn Future<Output = Vec<Result<(), NotKept>>> + Send>>;

/// Where what is told goes: it is kept once that is answered.
#[derive(Clone)]
pub struct ToldLog(Arc<dyn Fn(Vec<ToldCall>) -> Kept + Send + Sync>);

impl ToldLog {
    /// Hands it to `write`, which answers for each whether it is kept.
    #[must_use]
    pub fn new(write: impl Fn(Vec<ToldCall>) -> Kept + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }
}

impl Default for ToldLog {
    /// Nothing is kept here.
    fn default() -> Self {
        let nowhere = || NotKept::Failed("there is no capture log here".to_owned());
        Self::new(move |calls| Box::pin(std::future::ready(calls.iter().map(|_| Err(nowhere())).collect())))
    }
}

impl fmt::Debug for ToldLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToldLog")
    }
}

impl App {
    /// Takes what a client tells of calls, in its order. Of each, the call that it is, or why it is not kept. The calls are
    /// to be read once the pipeline has stored them, moments later.
    pub async fn tell_calls(
        &self,
        ctx: &Ctx,
        path: &'static str,
        told: Vec<Observation>,
    ) -> Result<Vec<Result<CallId, AppError>>, AppError> {
        ctx.require(Action::IngestCalls)?;
        let mut results = Vec::with_capacity(told.len());
        let mut calls = Vec::new();
        for observation in told {
            match self.told_call(ctx, path, observation).await {
                Ok(call) => {
                    results.push(Ok(call.call));
                    calls.push(call);
                }
                Err(error) => results.push(Err(error)),
            }
        }
        let kept = (self.parts.told.0)(calls).await;
        let mut kept = kept.into_iter();
        for result in results.iter_mut().filter(|result| result.is_ok()) {
            match kept.next() {
                Some(Ok(())) => {}
                Some(Err(why)) => *result = Err(why.into()),
                None => *result = Err(AppError::internal("nobody says whether it is kept")),
            }
        }
        Ok(results)
    }

    async fn told_call(
        &self,
        ctx: &Ctx,
        path: &'static str,
        observation: Observation,
    ) -> Result<ToldCall, AppError> {
        if observation.id.is_empty() || observation.id.len() > MAX_ID_BYTES {
            return Err(AppError::invalid(format_args!("an id has 1 to {MAX_ID_BYTES} bytes")));
        }
        let call = self.call_observed(ctx, &observation.id)?;
        let provider = observation.provider.clone().unwrap_or_else(|| "unknown".to_owned());
        let prompt_version = self.made_from(ctx, &observation.metadata).await;
        Ok(ToldCall { scope: ctx.scope, call, provider, prompt_version, path, observation })
    }

    /// The version that a client says a call was made from. What it says of one that there is not stays with what else it says.
    async fn made_from(&self, ctx: &Ctx, said: &Map<String, Value>) -> Option<PromptVersionId> {
        let name = said.get("prompt_name")?.as_str()?;
        let number = said.get("prompt_version")?;
        let number = number.as_str().map_or_else(|| number.to_string(), str::to_owned);
        let selector = Selector::Version(number.parse().ok()?);
        self.serving().find_version(ctx.scope, name, &selector).await.ok()
    }
}

impl From<NotKept> for AppError {
    fn from(why: NotKept) -> Self {
        match why {
            NotKept::ByPolicy => Self {
                kind: ErrorKind::Forbidden,
                public: "it is not kept: the project's capture policy wants no record of it".to_owned(),
                source: None,
            },
            NotKept::TooLarge => Self::too_large("it is not kept: what is told of a call has at most 8 MiB"),
            NotKept::Failed(why) => Self {
                kind: ErrorKind::Unavailable,
                public: "it is not kept: the capture log takes nothing now; try again shortly".to_owned(),
                source: Some(why.into()),
            },
        }
    }
}
