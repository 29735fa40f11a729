//! Capture policies, and redaction: finding personal data and secrets in texts, JSON and streams, and putting placeholders
//! in their stead.
//!
//! # What holds
//!
//! - A placeholder, `‹email:3f2a9c01d2e4b5f6›`, is a kind and a keyed digest of the value in its normal form: equal values
//!   have equal placeholders within a project, and without the project's key they tell nothing.
//! - What was redacted is not redacted again, and what is not found passes as it is, byte for byte.
//! - Nothing here fails on any input, and the work grows with the input's length alone.
//!
//! # What it is not
//!
//! A reader of meaning: a name, an address or an illness in a sentence is not found. Where no text at all may be kept, the
//! mode `masked` replaces all of it.

mod body;
mod checks;
mod context;
mod digits;
mod document;
mod find;
mod json;
mod kind;
mod mask;
mod policy;
mod rules;
mod shapes;

pub use document::{DocumentError, OwnPattern, PolicyDocument, Rule, Sampling};
pub use find::{Found, Redactor};
pub use kind::{DataKind, UnknownKind};
pub use mask::{Masker, mask_text};
pub use policy::{CapturePolicies, CapturePolicy, CaptureRequest, Decision};
pub use rules::{PatternError, Rules};
