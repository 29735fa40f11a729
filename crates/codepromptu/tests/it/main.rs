//! The real program as a process: started, used, killed, started again.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bad_input;
mod crash;
mod plaintext;
mod program;
mod use_it;
