//! What a project's policy says of a call: a few comparisons, and nothing is waited for.

use cp_base::CaptureMode;
use cp_redact::{CaptureRequest, Decision};
use metrics::counter;

use crate::admit::{Address, Admitted};

/// Decides how much of a call is captured.
pub(crate) fn decide(admitted: &Admitted) -> Decision {
    let Admitted { head, call, provider, snapshot, found, .. } = admitted;
    let header = |name: &str| head.headers.get(name)?.to_str().ok();
    let path = Address::of(head.uri.path()).path;
    let request = CaptureRequest { call: *call, provider, path, header: &header };
    snapshot.policies.decide(found.project.scope.project(), &request)
}

/// Bytes of each body that are kept.
pub(crate) fn max_body_bytes(decision: &Decision, limit: usize) -> usize {
    let wanted = decision.max_body_bytes.and_then(|bytes| usize::try_from(bytes).ok());
    match decision.mark.mode {
        CaptureMode::Full | CaptureMode::Masked => limit.min(wanted.unwrap_or(limit)),
        CaptureMode::MetadataOnly | CaptureMode::Off => 0,
    }
}

/// Whether the call is to leave no record; then it is counted.
pub(crate) fn is_off(decision: &Decision) -> bool {
    let is_off = decision.mark.mode == CaptureMode::Off;
    if is_off {
        let reason = decision.mark.reason.as_str();
        counter!("codepromptu_gateway_calls_unrecorded_total", "reason" => reason).increment(1);
    }
    is_off
}
