//! What people say of a prompt, beside what its versions say.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::text::named_values;
use crate::{Criterion, CriterionError, VariableSpec, VariableSpecError};

/// How far a prompt is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Being written.
    Draft,
    /// In use.
    #[default]
    Active,
    /// To be replaced.
    Deprecated,
}

named_values!(Status, StatusParseError, "status of a prompt", {
    Draft = "draft",
    Active = "active",
    Deprecated = "deprecated",
});

/// What people say of a prompt. It changes; versions do not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// What it is.
    pub description: String,
    /// What it is for.
    pub purpose: String,
    /// The models that it is meant for.
    pub models: Vec<String>,
    /// What its variables hold.
    pub variables: Vec<VariableSpec>,
    /// What it is to reach.
    pub criteria: Vec<Criterion>,
    /// Whatever else.
    pub metadata: Map<String, Value>,
}

/// Details that nothing can meet, or that are too many.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DetailsError {
    /// A variable is described wrongly.
    #[error(transparent)]
    Variable(#[from] VariableSpecError),
    /// A success criterion is wrong.
    #[error(transparent)]
    Criterion(#[from] CriterionError),
    /// All of it is too long.
    #[error(
        "what is said of the prompt has {0} bytes, and at most {MAX_DETAILS_BYTES} are allowed: say it shorter"
    )]
    TooLong(usize),
    /// A tag that is none.
    #[error("`{0}` is no tag: it takes 1 to 64 characters without `,` and without white space at its edges")]
    Tag(String),
    /// Too many tags.
    #[error("the prompt has {0} tags, and at most {MAX_TAGS} are allowed")]
    Tags(usize),
}

const MAX_DETAILS_BYTES: usize = 256 << 10;
const MAX_TAGS: usize = 50;
const MAX_TAG_CHARACTERS: usize = 64;

impl Details {
    /// Checks what its types cannot say.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), DetailsError> {
        VariableSpec::check_all(&self.variables)?;
        self.criteria.iter().try_for_each(Criterion::check)?;
        let bytes = serde_json::to_vec(self).unwrap_or_default().len();
        if bytes > MAX_DETAILS_BYTES { Err(DetailsError::TooLong(bytes)) } else { Ok(()) }
    }
}

/// Tags in the order of their names, each once.
///
/// # Errors
///
/// The first text that is no tag, or that there are too many.
pub fn sorted_tags(tags: Vec<String>) -> Result<Vec<String>, DetailsError> {
    let is_tag = |tag: &String| {
        !tag.is_empty()
            && tag.chars().nth(MAX_TAG_CHARACTERS).is_none()
            && tag.trim() == tag
            && !tag.contains(|character: char| character == ',' || character.is_control())
    };
    if let Some(wrong) = tags.iter().find(|tag| !is_tag(tag)) {
        return Err(DetailsError::Tag(crate::text::shown(wrong)));
    }
    let tags: std::collections::BTreeSet<_> = tags.into_iter().collect();
    if tags.len() > MAX_TAGS { Err(DetailsError::Tags(tags.len())) } else { Ok(tags.into_iter().collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_and_checked() {
        let tags = |tags: &[&str]| sorted_tags(tags.iter().map(|tag| (*tag).to_owned()).collect());
        assert_eq!(tags(&["b", "a", "b"]).unwrap(), ["a", "b"]);
        for wrong in ["", " a", "a,b", "a\nb", &"x".repeat(65)] {
            assert!(matches!(tags(&[wrong]), Err(DetailsError::Tag(_))), "{wrong}");
        }
        assert!(tags(&[&"ä".repeat(64)]).is_ok());
    }

    #[test]
    fn details_read_back_and_are_bounded() {
        let details: Details =
            serde_json::from_str(r#"{"purpose":"refunds","variables":[{"name":"x"}]}"#).unwrap();
        assert_eq!(details.check(), Ok(()));
        let text = serde_json::to_string(&details).unwrap();
        assert_eq!(serde_json::from_str::<Details>(&text).unwrap(), details);
        let long = Details { description: "x".repeat(300_000), ..Details::default() };
        assert!(long.check().unwrap_err().to_string().contains("say it shorter"));
        let twice = Details {
            variables: [details.variables.clone(), details.variables].concat(),
            ..Details::default()
        };
        assert!(matches!(twice.check(), Err(DetailsError::Variable(_))));
    }
}
