//! The gateway: admit → route → forward → tee → finish.
//!
//! It stands between a client and its provider and changes nothing that passes: method, path, query, headers less the
//! hop-by-hop ones, body and status are the same on both sides, but for a request that names a prompt of the library, which
//! takes its place. What it adds is three response headers and a record of the call in the capture log.
//!
//! What is not here: a database, a decoder, a retry. Everything that the gateway decides, it decides from its
//! [`Snapshot`]; it keeps forwarding while the rest of the program is down.

mod admit;
mod call;
mod credential;
mod denied;
mod failure;
mod gateway;
mod headers;
mod listener;
mod meter;
mod objection;
mod policy;
mod pool;
mod project;
mod prompt;
mod reach;
mod sighting;
mod snapshot;
mod tee;
mod tls;
mod upgrade;
mod upstream;

pub use gateway::{CALL_ID_HEADER, ERROR_HEADER, Gateway, GatewayParts, OVERHEAD_HEADER};
pub use listener::{ListenError, Listener};
pub use meter::{Meter, Meters};
pub use project::{Fingerprint, GATEWAY_KEY_PREFIX, GatewayKey, Project, Projects};
pub use prompt::{Filled, Filling, Library, Unfilled, WantedPrompt};
pub use reach::{AddressKind, Forbidden, Reach};
pub use sighting::Sighting;
pub use snapshot::{CaptureLimits, Limits, OnFull, Snapshot, Upstream, UpstreamError};
pub use tee::GatewayBody;
pub use tls::{TlsError, TlsIdentity};
pub use upstream::{ClientError, TimedConnector, UpstreamClient};
