//! The Call model, provider codecs, incremental SSE and price arithmetic.
//!
//! Pure: bytes in, values out. Decoding never fails; see [`decode`].

mod chain;
mod codec;
mod error_body;
mod model;
mod price;
mod provider;
mod sse;

pub use chain::identity_bytes;
pub use codec::{Exchange, decode, operation};
pub use model::{DecodedCall, Message, OperationName, Part, ProviderError, Usage, UsageSource};
pub use price::{PriceBook, PriceListError, Priced};
pub use provider::{Family, PROVIDERS, Provider};
pub use sse::{SseEvent, SseParser};
