//! The real program as a process: started, used, killed, started again.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod audit;
mod attacks;
mod bad_input;
mod crash;
mod faults;
mod money;
mod plaintext;
mod policy;
mod program;
mod tls;
mod use_it;
