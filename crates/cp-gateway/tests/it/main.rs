//! The gateway between a raw client and a raw provider, with a real capture log.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod attacks;
mod clients;
mod clock;
mod endings;
mod policies;
mod projects;
mod providers;
mod refusals;
mod rig;
mod tls;
mod transparency;
mod upgrades;
