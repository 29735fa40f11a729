//! The codecs on recorded exchanges, whole, cut off and damaged.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

mod codecs;
mod cuts;
mod dialects;
mod fixture;
mod gemini;
mod openai;
mod prices;
mod resent;
