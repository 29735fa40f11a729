//! What prompts of different lineages have to do with each other.

use std::fmt;
use std::str::FromStr;

use crate::text::{named_values, serde_as_text};

/// What one prompt has to do with another, as the one says it that it is written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both are of interest to whoever reads one.
    Related,
    /// It is used in the other's place.
    Supersedes,
    /// Its idea came from the other.
    DerivedIdea,
    /// Both do the same.
    Duplicate,
    /// The other tests it, or what is named.
    TestedBy,
    /// It had to do with what went wrong.
    Incident,
}

named_values!(Relation, RelationParseError, "relation", {
    Related = "related",
    Supersedes = "supersedes",
    DerivedIdea = "derived_idea",
    Duplicate = "duplicate",
    TestedBy = "tested_by",
    Incident = "incident",
});

impl Relation {
    /// What the other one calls it.
    #[must_use]
    pub const fn inverse(self) -> &'static str {
        match self {
            Self::Related => "related",
            Self::Supersedes => "superseded_by",
            Self::DerivedIdea => "idea_of",
            Self::Duplicate => "duplicate",
            Self::TestedBy => "tests",
            Self::Incident => "incident_of",
        }
    }

    /// Whether it says the same of both.
    #[must_use]
    pub const fn is_mutual(self) -> bool {
        matches!(self, Self::Related | Self::Duplicate)
    }

    /// Whether it can name something that is no prompt, by its address or in words.
    #[must_use]
    pub const fn leads_out(self) -> bool {
        matches!(self, Self::TestedBy | Self::Incident)
    }
}

/// A relation as one of the two sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenRelation {
    /// The one that it is written on.
    Own(Relation),
    /// The other one.
    Inverse(Relation),
}

impl fmt::Display for SeenRelation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own(relation) => relation.as_str(),
            Self::Inverse(relation) => relation.inverse(),
        })
    }
}

impl FromStr for SeenRelation {
    type Err = RelationParseError;

    fn from_str(text: &str) -> Result<Self, RelationParseError> {
        let own = match text.parse() {
            Ok(relation) => return Ok(Self::Own(relation)),
            Err(error) => error,
        };
        let found = Relation::ALL.iter().find(|relation| relation.inverse() == text);
        found.map(|relation| Self::Inverse(*relation)).ok_or(own)
    }
}

serde_as_text!(SeenRelation);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_have_a_name_and_both_are_read() {
        for relation in Relation::ALL {
            let own = SeenRelation::Own(*relation);
            assert_eq!(own.to_string().parse(), Ok(own));
            let inverse = SeenRelation::Inverse(*relation);
            // What says the same of both is read as the one's own.
            let read = if relation.is_mutual() { own } else { inverse };
            assert_eq!(inverse.to_string().parse(), Ok(read));
        }
        let wrong = "replaces".parse::<SeenRelation>().unwrap_err().to_string();
        assert!(wrong.contains("supersedes"), "{wrong}");
    }
}
