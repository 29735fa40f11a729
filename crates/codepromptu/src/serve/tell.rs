//! Puts what clients tell of calls into the capture log, like calls that pass the gateway: it is safe once it is there.

use std::sync::Arc;

use bytes::Bytes;
use cp_app::{NotKept, ToldCall, ToldLog};
use cp_base::{CallSource, CaptureMode, Clock, Outcome};
use cp_capture::{Body, Closing, Log, Opening};
use cp_redact::{CapturePolicies, CaptureRequest, Decision};
use tokio::sync::watch;

/// What is told of a call at once, at most.
const MAX_CALL_BYTES: usize = 8 * 1024 * 1024;

/// Where told calls go.
pub(super) struct Teller {
    pub(super) log: Log,
    pub(super) policies: watch::Receiver<Arc<CapturePolicies>>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Teller {
    /// What the use cases hand told calls to.
    pub(super) fn link(self) -> ToldLog {
        let teller = Arc::new(self);
        ToldLog::new(move |calls| {
            let teller = teller.clone();
            Box::pin(async move { teller.tell(calls).await })
        })
    }

    /// Writes the calls, in their order; of each, whether it is kept.
    async fn tell(&self, calls: Vec<ToldCall>) -> Vec<Result<(), NotKept>> {
        let written: Vec<_> = calls.into_iter().map(|call| self.write(call)).collect();
        let mut kept = Vec::with_capacity(written.len());
        for ack in written {
            kept.push(match ack {
                Ok(ack) => ack.await.map_err(|error| NotKept::Failed(error.to_string())),
                Err(why) => Err(why),
            });
        }
        kept
    }

    fn write(&self, told: ToldCall) -> Result<cp_capture::Ack, NotKept> {
        let decision = self.decide(&told);
        let (call, scope, provider, path) = (told.call, told.scope, told.provider.clone(), told.path);
        if decision.mark.mode == CaptureMode::Off {
            return Err(NotKept::ByPolicy);
        }
        let observation = match decision.mark.mode {
            CaptureMode::MetadataOnly => told.observation.counted(),
            _ => told.observation,
        };
        let body = serde_json::to_vec(&observation).map_err(|error| NotKept::Failed(error.to_string()))?;
        if body.len() > MAX_CALL_BYTES {
            return Err(NotKept::TooLarge);
        }
        let body = Bytes::from(body);
        let slot = self.log.reserve().map_err(|refused| NotKept::Failed(refused.to_string()))?;
        if !slot.capture(body.len()) {
            return Err(NotKept::Failed("the capture log has no room for it now".to_owned()));
        }
        let now = self.clock.now();
        let opening = Opening {
            call,
            node: self.log.node(),
            org: scope.org(),
            project: scope.project(),
            started_at: now,
            provider,
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: None,
            headers: Vec::new(),
            client_fingerprint: None,
            capture: decision.mark,
            gateway_key: None,
            source: CallSource::Ingestion,
        };
        Ok(slot.close(Closing {
            opening,
            outcome: Outcome::Completed,
            ended_at: now,
            duration_us: 0,
            time_to_first_chunk_us: None,
            overhead_us: 0,
            status: None,
            error: None,
            headers: Vec::new(),
            prompt_version: told.prompt_version,
            request: Body { total_bytes: body.len() as u64, pieces: vec![body] },
            response: Body::default(),
        }))
    }

    fn decide(&self, told: &ToldCall) -> Decision {
        let request =
            CaptureRequest { call: told.call, provider: &told.provider, path: told.path, header: &|_| None };
        self.policies.borrow().decide(told.scope.project(), &request)
    }
}
