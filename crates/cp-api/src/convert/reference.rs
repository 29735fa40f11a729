//! Cross-references, between the wire and the library.

use cp_app::library::{NewReference, SeenReference};
use cp_app::model::ReferenceTarget;
use cp_wire as wire;

use super::prompt::parsed;
use crate::problem::Refusal;

pub(crate) fn new(new: wire::NewCrossReference) -> Result<NewReference, Refusal> {
    let wire::NewCrossReference { relation, prompt, text, note } = new;
    Ok(NewReference { relation: parsed(&relation)?, prompt, text, note })
}

pub(crate) fn seen(seen: SeenReference) -> wire::CrossReference {
    let (prompt, text) = match seen.target {
        ReferenceTarget::Prompt(_, name) => (Some(name.to_string()), None),
        ReferenceTarget::Text(text) => (None, Some(text)),
    };
    wire::CrossReference {
        id: seen.reference.id,
        relation: seen.relation.to_string(),
        prompt,
        text,
        note: seen.reference.note,
        created_by: seen.reference.created_by,
        created_at: seen.reference.created_at,
    }
}
