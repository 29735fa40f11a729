//! Use cases: authorize, act, audit. Every surface calls these and nothing below them.
//!
//! Each takes a [`Ctx`] first: who asks, and for which project. Today there is one local project and nobody to log in;
//! [`App::local`] is the one place that makes a `Ctx`, and the place where people will come in.

mod app;
mod error;
mod live;
mod money;
mod node;

/// What use cases take and return: the values of the layers below, for surfaces that may not depend on those.
pub mod model {
    pub use cp_genai::{
        CostByKind, DecodedCall, ListedPrice, Message, OperationName, Part, PriceBook, ProviderError,
        RateTable, Rates, Tier, Usage, UsageSource,
    };
    pub use cp_traffic::{
        BatchRef, CallCursor, CallDetail, CallFilter, CallPage, CallSummary, ChangeFilter, ChangePage,
        CostChange, CostGroup, CostGrouping, DetailPage, Label, PriceOfCall, RawBodies, TokensByKind,
        TrafficStatus,
    };
}

pub use app::{App, Ctx, Parts, Status};
pub use error::{AppError, chain};
pub use live::{Tail, TailEvent, matches};
pub use money::{PriceQuery, RepriceRequest, RepriceStep, RepricedModel, UnpricedModel};
pub use node::{LogState, NodeStatus, NotReady, PipelineState, ProviderRow};
