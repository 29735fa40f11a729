//! Redaction as its users see it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod corpus;
mod laws;
mod streams;

use std::sync::Arc;

use cp_base::SealingKey;
use cp_redact::{DataKind, OwnPattern, Redactor, Rules};

/// Looks for everything, and for numbers of employees.
fn redactor() -> Redactor {
    redactor_of(&DataKind::ALL)
}

fn redactor_of(kinds: &[DataKind]) -> Redactor {
    let staff = OwnPattern { name: "staff".to_owned(), expression: r"\bE-\d{5}\b".to_owned() };
    let rules = Rules::new(kinds.iter().copied().collect(), &[staff]).unwrap();
    Redactor::new(Arc::new(rules), &SealingKey::new([7; 32]))
}
