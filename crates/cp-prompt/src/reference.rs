//! How a version of a prompt is named: by a label, which moves, or by its number, which does not.

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_text;
use crate::{LabelName, PromptName, PromptNameError, VersionNumber};

/// Which of a prompt's versions is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// The one that a label is at.
    Label(LabelName),
    /// The one with this number.
    Version(VersionNumber),
}

impl Default for Selector {
    fn default() -> Self {
        Self::Label(LabelName::production())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "@{label}"),
            Self::Version(version) => write!(f, "#{version}"),
        }
    }
}

/// A version of a prompt, by name: `support/refund-reply` (its production label), `support/refund-reply@staging`,
/// `support/refund-reply#3`.
///
/// Names may hold `@` and `#` themselves. The last of them decides, where what follows is a label or a number and what
/// precedes is a name; else it belongs to the name. `Display` writes what reads back as the same reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The prompt.
    pub name: PromptName,
    /// Which version of it.
    pub selector: Selector,
}

/// What a reference begins with where a model is named.
const MODEL_PREFIX: &str = "prompt:";

impl Reference {
    /// The prompt's production version.
    #[must_use]
    pub fn production(name: PromptName) -> Self {
        Self { name, selector: Selector::default() }
    }

    /// The reference in a request's `model` (`prompt:support/refund-reply@staging`); `None` where it names a model.
    ///
    /// # Errors
    ///
    /// Where what follows `prompt:` is no reference.
    pub fn from_model(model: &str) -> Option<Result<Self, PromptNameError>> {
        model.strip_prefix(MODEL_PREFIX).map(str::parse)
    }

    /// The reference as a request's `model`.
    #[must_use]
    pub fn to_model(&self) -> String {
        format!("{MODEL_PREFIX}{self}")
    }
}

/// The selector after the last `@` or `#`, and the name before it.
fn selected(text: &str) -> Option<Reference> {
    let at = text.rfind(['@', '#'])?;
    let (name, marked) = text.split_at_checked(at)?;
    let selector = match marked.strip_prefix('@') {
        Some(label) => Selector::Label(label.parse().ok()?),
        None => Selector::Version(marked.strip_prefix('#')?.parse().ok()?),
    };
    Some(Reference { name: name.parse().ok()?, selector })
}

impl FromStr for Reference {
    type Err = PromptNameError;

    fn from_str(text: &str) -> Result<Self, PromptNameError> {
        selected(text).map_or_else(|| text.parse().map(Self::production), Ok)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_str())?;
        if self.selector == Selector::default() && selected(self.name.as_str()).is_none() {
            return Ok(());
        }
        self.selector.fmt(f)
    }
}

serde_as_text!(Reference);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, name: &str, selector: &str) {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(
            (reference.name.as_str(), reference.selector.to_string().as_str()),
            (name, selector),
            "{text}"
        );
        assert_eq!(reference.to_string().parse(), Ok(reference), "{text}");
    }

    #[test]
    fn the_last_mark_decides() {
        check("support/refund-reply", "support/refund-reply", "@production");
        check("support/refund-reply@staging", "support/refund-reply", "@staging");
        check("support/refund-reply#3", "support/refund-reply", "#3");
        check("a@b@c", "a@b", "@c");
        check("a@b#3", "a@b", "#3");
        check("a#3@b", "a#3", "@b");
    }

    #[test]
    fn what_is_no_selector_belongs_to_the_name() {
        check("team@Acme", "team@Acme", "@production");
        check("ticket #0", "ticket #0", "@production");
        check("a@", "a@", "@production");
        check("@staging", "@staging", "@production");
        assert!("a|b@staging".parse::<Reference>().is_err());
    }

    #[test]
    fn a_model_can_be_a_reference() {
        assert_eq!(Reference::from_model("gpt-5"), None);
        let reference = Reference::from_model("prompt:support/refund-reply@staging").unwrap().unwrap();
        assert_eq!(reference.to_model(), "prompt:support/refund-reply@staging");
        assert!(Reference::from_model("prompt:").unwrap().is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(name in "[a@#1/]{1,8}", label in "[a1.]{1,3}", number in 1..20i64) {
            let label = Selector::Label(label.parse().unwrap());
            let version = Selector::Version(number.try_into().unwrap());
            if let Ok(name) = name.parse::<PromptName>() {
                for selector in [Selector::default(), label, version] {
                    let reference = Reference { name: name.clone(), selector };
                    prop_assert_eq!(reference.to_string().parse(), Ok(reference));
                }
            }
        }
    }
}
