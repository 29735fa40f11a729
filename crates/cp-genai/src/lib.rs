//! The Call model, provider codecs, incremental SSE and price arithmetic.
//!
//! Pure: bytes in, values out. Decoding never fails; see [`decode`].

mod background;
mod batch;
mod chain;
mod codec;
mod error_body;
mod estimate;
mod model;
mod observation;
mod price;
mod provider;
mod sse;

pub use background::ResponseFetch;
pub use batch::{
    Batch, BatchHandle, BatchRequest, BatchResult, batch_handles, batch_of, batch_requests, batch_results,
    fetched_results,
};
pub use chain::identity_bytes;
pub use codec::{Exchange, decode, operation};
pub use estimate::estimate_usage;
pub use model::{DecodedCall, Message, OperationName, Part, ProviderError, Usage, UsageSource};
pub use observation::{Observation, provider_called};
pub use price::{
    BillingTerms, CostByKind, ListedPrice, PriceBook, PriceListError, Priced, RateKind, RateTable, Rates,
    Tier, Unpriced, is_reported,
};
pub use provider::{Family, PROVIDERS, Provider};
pub use sse::{SseEvent, SseParser};
