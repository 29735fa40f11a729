//! The handlers, one file for each thing that they serve.

pub(crate) mod calls;
pub(crate) mod cost;
pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod prices;
pub(crate) mod status;
pub(crate) mod tail;
