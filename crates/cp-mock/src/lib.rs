//! A mock model provider that speaks the providers' formats exactly, and the demo's traffic.
//!
//! An answer is a function of the request's body alone, but for files and batches, which are kept: ids, text and token counts repeat, so that an answer fetched
//! directly and one fetched through the gateway compare equal. What a test wants otherwise it asks for with
//! [directives](directive), in the request's `x-mock` header or in the last user message.
//!
//! | path, with `/openai`, `/anthropic`, `/gemini` or `/ollama` before it or bare | what answers |
//! | --- | --- |
//! | `/v1/chat/completions`, `/v1/embeddings` | OpenAI |
//! | `/v1/messages`, `/v1/messages/count_tokens` | Anthropic |
//! | `/{version}/models/{id}:generateContent` and its other methods, `/{version}/interactions` | Google |
//! | `/api/chat`, `/api/generate`, `/api/embed`, `/api/embeddings`, `/api/tags` | Ollama |
//! | `/v1/models`, `/v1/models/{id}` | either, by prefix or `anthropic-version` |
//! | `/v1/files`, `/v1/batches`; `/v1/messages/batches`; `/{version}/batches`, `/upload/{version}/files` | OpenAI; Anthropic; Google |
//! | `/echo` | the request's own bytes |
//! | `/upgrade/echo` | 101, then the connection's own bytes |

mod answer;
mod anthropic;
mod bench;
pub mod demo;
pub mod directive;
mod echo;
mod failure;
mod gemini;
mod line;
mod ollama;
mod openai;
mod persona;
mod route;
mod schema;
mod script;
mod seen;
mod server;
mod text;

pub use bench::MODEL as BENCH_MODEL;
pub use seen::{Ending, Seen};
pub use server::{Mock, MockError, Options};
