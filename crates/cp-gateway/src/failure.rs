//! What the gateway itself can have to say against a call.

use std::error::Error;
use std::io;

use cp_base::{ErrorKind, Outcome};
use cp_capture::Refused;

use crate::denied::Denied;
use crate::prompt::Unfilled;
use crate::reach::Forbidden;

/// Why a call got no answer of its provider, or not all of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(
        "there is no provider `{name}` here; the first part of the path is one of {known}; others, and azure, need [providers.NAME] base_url in the configuration"
    )]
    UnknownProvider { name: String, known: String },
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Prompt(#[from] Unfilled),
    #[error("the path cannot be passed on: {0}")]
    BadPath(#[source] http::Error),
    #[error("the path leads out of the provider's: it has a segment of two dots")]
    ClimbingPath,
    #[error("the request is over the limit of {limit} bytes (gateway.max_request_bytes)")]
    RequestTooLarge { limit: u64 },
    #[error(
        "a web page that was loaded from {host} may not use a provider on this machine; open it by a loopback address"
    )]
    ForeignPage { host: String },
    #[error(
        "a browser may not take a provider's answer for a {destination}: it would be one of this program's own"
    )]
    BrowserPage { destination: String },
    #[error("WebSocket is not spoken here; send the request by HTTP")]
    WebSocketUnsupported,
    #[error("the transfer coding `{coding}` is not spoken here; send the body as it is, or in chunks")]
    TransferCoding { coding: String },
    #[error("capture has no room and this gateway does not forward what it cannot capture: {0}")]
    CaptureFull(#[source] Refused),
    #[error("capture failed and this gateway does not forward what it cannot capture; see its log")]
    CaptureFailed,
    #[error("the request's body broke off")]
    RequestBroken,
    #[error("the request's body stopped coming (gateway.first_byte_timeout_ms)")]
    RequestStalled,
    #[error("no call may go to {upstream}: {forbidden} (providers.NAME.reach)")]
    Forbidden { upstream: String, forbidden: Forbidden },
    #[error("{upstream} cannot be reached: {reason}")]
    Unreachable { upstream: String, reason: String },
    #[error("the certificate of {upstream} is not accepted: {reason}; a private authority goes into ca_file")]
    Certificate { upstream: String, reason: String },
    #[error("{upstream} did not accept a connection in time (gateway.connect_timeout_ms)")]
    ConnectTimedOut { upstream: String },
    #[error("{upstream} did not begin to answer in time (gateway.first_byte_timeout_ms)")]
    FirstByteTimedOut { upstream: String },
    #[error("the provider stopped sending (gateway.idle_timeout_ms)")]
    IdleTimedOut,
    #[error("{upstream} broke off before it answered: {reason}")]
    BrokenOff { upstream: String, reason: String },
    #[error("the provider broke off in the middle of its answer: {0}")]
    BrokenBody(#[source] hyper::Error),
}

impl Failure {
    /// The value of the header `codepromptu-error`, and the stored error code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::UnknownProvider { .. } => "unknown_provider",
            Self::Denied(denied) => denied.code(),
            Self::Prompt(unfilled) => match unfilled.kind {
                ErrorKind::NotFound => "prompt_not_found",
                ErrorKind::InvalidInput => "prompt_invalid",
                _ => "prompt_unavailable",
            },
            Self::BadPath(_) => "bad_path",
            Self::ClimbingPath => "climbing_path",
            Self::RequestTooLarge { .. } => "request_too_large",
            Self::ForeignPage { .. } => "foreign_page",
            Self::BrowserPage { .. } => "browser_page",
            Self::WebSocketUnsupported => "websocket_unsupported",
            Self::TransferCoding { .. } => "transfer_coding",
            Self::CaptureFull(_) => "capture_full",
            Self::CaptureFailed => "capture_failed",
            Self::RequestBroken => "request_broken",
            Self::RequestStalled => "request_stalled",
            Self::Forbidden { .. } => "upstream_forbidden",
            Self::Unreachable { .. } => "upstream_unreachable",
            Self::Certificate { .. } => "upstream_certificate",
            Self::ConnectTimedOut { .. } => "connect_timed_out",
            Self::FirstByteTimedOut { .. } => "first_byte_timed_out",
            Self::IdleTimedOut => "idle_timed_out",
            Self::BrokenOff { .. } | Self::BrokenBody(_) => "upstream_broke_off",
        }
    }

    /// The status that the client gets.
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::UnknownProvider { .. } => 404,
            Self::Denied(denied) => denied.status(),
            Self::Prompt(unfilled) => unfilled.kind.status(),
            Self::BadPath(_) | Self::ClimbingPath | Self::RequestBroken => 400,
            Self::ForeignPage { .. } | Self::BrowserPage { .. } => 403,
            Self::RequestStalled => 408,
            Self::RequestTooLarge { .. } => 413,
            Self::WebSocketUnsupported => 426,
            Self::TransferCoding { .. } => 501,
            Self::CaptureFull(_) | Self::CaptureFailed => 503,
            Self::Forbidden { .. }
            | Self::Unreachable { .. }
            | Self::Certificate { .. }
            | Self::BrokenOff { .. }
            | Self::BrokenBody(_) => 502,
            Self::ConnectTimedOut { .. } | Self::FirstByteTimedOut { .. } | Self::IdleTimedOut => 504,
        }
    }

    /// How a call that was already admitted ends by it.
    pub(crate) const fn outcome(&self) -> Outcome {
        match self {
            Self::UnknownProvider { .. }
            | Self::Denied(_)
            | Self::Prompt(_)
            | Self::BadPath(_)
            | Self::ClimbingPath
            | Self::RequestTooLarge { .. }
            | Self::ForeignPage { .. }
            | Self::BrowserPage { .. }
            | Self::WebSocketUnsupported
            | Self::TransferCoding { .. }
            | Self::CaptureFull(_)
            | Self::CaptureFailed => Outcome::Rejected,
            Self::RequestBroken | Self::RequestStalled => Outcome::ClientCancelled,
            Self::Forbidden { .. }
            | Self::Unreachable { .. }
            | Self::Certificate { .. }
            | Self::BrokenOff { .. }
            | Self::BrokenBody(_) => Outcome::UpstreamError,
            Self::ConnectTimedOut { .. } | Self::FirstByteTimedOut { .. } | Self::IdleTimedOut => {
                Outcome::TimedOut
            }
        }
    }

    /// Reads what the client library met on the way to `upstream`.
    pub(crate) fn of_upstream(upstream: &str, error: Source<'_>) -> Self {
        let upstream = upstream.to_owned();
        let reason = root_cause(error).to_string();
        if let Some(forbidden) = find::<Forbidden>(error) {
            return Self::Forbidden { upstream, forbidden: *forbidden };
        }
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::Certificate { upstream, reason: certificate_reason(tls) };
        }
        match find::<io::Error>(error).map(io::Error::kind) {
            Some(io::ErrorKind::TimedOut) => Self::ConnectTimedOut { upstream },
            _ if find::<hyper::Error>(error).is_some() => Self::BrokenOff { upstream, reason },
            _ => Self::Unreachable { upstream, reason },
        }
    }
}

/// What is wrong with a certificate. The commonest home-made one is its own authority, which the library names oddly.
fn certificate_reason(error: &rustls::Error) -> String {
    let reason = error.to_string();
    if reason.contains("CaUsedAsEndEntity") {
        return "it is an authority's own certificate; the server needs one that the authority has signed"
            .to_owned();
    }
    reason
}

type Source<'a> = &'a (dyn Error + 'static);

/// An error and everything that led to it.
pub(crate) fn chain<'a>(error: Source<'a>) -> impl Iterator<Item = Source<'a>> {
    std::iter::successors(Some(error), |error: &Source<'a>| source(*error))
}

/// What led to an error. An `io::Error` tells the source of what it wraps, and skips that itself.
fn source<'a>(error: Source<'a>) -> Option<Source<'a>> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn root_cause<'a>(error: Source<'a>) -> Source<'a> {
    chain(error).last().unwrap_or(error)
}

fn find<'a, E: Error + 'static>(error: Source<'a>) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}
