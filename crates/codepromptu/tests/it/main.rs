//! The real program as a process: started, used, killed, started again.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod attacks;
mod audit;
mod bad_input;
mod crash;
mod faults;
mod files;
mod folder;
mod household;
mod library;
mod money;
mod plaintext;
mod policy;
mod program;
mod rights;
mod serving;
mod sign_in;
mod tls;
mod use_it;
mod walls;
