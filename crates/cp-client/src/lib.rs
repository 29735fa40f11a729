//! Client of the REST API.
//!
//! It connects to one server, over TLS where its address says so. Query parameters are text that the server alone reads, so what it says of a
//! wrong one reaches the person unchanged.

mod client;
mod error;
mod gateway;
mod library;
mod lines;
mod organisation;
mod query;
mod retention;
mod review;
mod sign_in;
mod single_sign_on;
mod tail;
mod talk;
mod tls;

pub use client::{Client, Export};
pub use error::ClientError;
pub use tail::{Tail, TailEvent};
