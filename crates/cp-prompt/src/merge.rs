//! Two versions that grew from one, put together: what one side changed is taken, what both changed alike is taken once,
//! and what both changed differently is a conflict that a person decides.

mod text;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub use text::has_markers;
use text::merge_text;

use crate::lines::changes;
use crate::{Content, Document, Message, Part};

/// Where two sides disagree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum Place {
    /// One is a text and the other a chat.
    Kind,
    /// The syntax.
    Syntax,
    /// Lines of the text, or of one message's content; of the result, counted from 1.
    Lines {
        /// Which message of the result, counted from 1.
        message: Option<usize>,
        /// The line of the marker that the conflict begins with.
        line: usize,
    },
    /// A whole entry of the chat: edited on one side and taken out on the other, or put in differently on both.
    Message {
        /// Where in the result it would stand, counted from 1.
        message: usize,
    },
    /// A field of a message other than its content.
    Field {
        /// Which message of the result, counted from 1.
        message: usize,
        /// The field, as a JSON pointer.
        path: String,
    },
    /// A value of the configuration.
    Config {
        /// A JSON pointer.
        path: String,
    },
}

/// Something that both sides changed differently.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Conflict {
    /// Where.
    pub place: Place,
    /// What it was.
    pub base: Value,
    /// What we made of it; null where it is gone.
    pub ours: Value,
    /// What they made of it; null where it is gone.
    pub theirs: Value,
}

/// Two versions put together.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The result. Lines in conflict stand between markers; of everything else in conflict it has ours.
    pub document: Document,
    /// What a person must decide; none where the merge is clean.
    pub conflicts: Vec<Conflict>,
}

/// Merges what became of `base` on two sides.
#[must_use]
pub fn merge(base: &Document, ours: &Document, theirs: &Document) -> Merged {
    let mut conflicts = Vec::new();
    let syntax = decide(&base.syntax, &ours.syntax, &theirs.syntax).unwrap_or_else(|| {
        let name = |syntax: crate::Syntax| Value::from(syntax.as_str());
        let (base, theirs) = (name(base.syntax), name(theirs.syntax));
        conflicts.push(Conflict { place: Place::Syntax, base, ours: name(ours.syntax), theirs });
        ours.syntax
    });
    let content = merge_content(&base.content, &ours.content, &theirs.content, &mut conflicts);
    let maps = [base.config.as_map(), ours.config.as_map(), theirs.config.as_map()];
    let config = merge_maps(maps, "", &mut |path, [base, ours, theirs]| {
        conflicts.push(Conflict { place: Place::Config { path }, base, ours, theirs });
    });
    Merged { document: Document { syntax, content, config: config.into() }, conflicts }
}

/// What both made alike, or one alone changed; `None` where they disagree.
fn decide<T: PartialEq + Clone>(base: &T, ours: &T, theirs: &T) -> Option<T> {
    if ours == theirs || theirs == base {
        Some(ours.clone())
    } else if ours == base {
        Some(theirs.clone())
    } else {
        None
    }
}

fn merge_content(base: &Content, ours: &Content, theirs: &Content, conflicts: &mut Vec<Conflict>) -> Content {
    if let Some(decided) = decide(base, ours, theirs) {
        return decided;
    }
    match (base, ours, theirs) {
        (Content::Text(base), Content::Text(ours), Content::Text(theirs)) => {
            Content::Text(merge_text(base, ours, theirs, None, conflicts))
        }
        (Content::Chat(base), Content::Chat(ours), Content::Chat(theirs)) => {
            Content::Chat(merge_parts(base, ours, theirs, conflicts))
        }
        (base, ours, theirs) => {
            let value = |content: &Content| Value::from(content.clone());
            let (base, theirs) = (value(base), value(theirs));
            conflicts.push(Conflict { place: Place::Kind, base, ours: value(ours), theirs });
            ours.clone()
        }
    }
}

/// A part's fate on one side.
struct Side<'a> {
    /// For each part of the base, what became of it.
    kept: Vec<Option<&'a Part>>,
    /// What was put in before each part of the base, and after the last.
    added: Vec<Vec<&'a Part>>,
}

/// Follows the parts of the base to a side: those that are the same first, then, between two of them, those of the same
/// role in order.
fn follow<'a>(base: &[Part], side: &'a [Part]) -> Side<'a> {
    let keys = |parts: &[Part]| -> Vec<String> {
        parts.iter().map(|part| Value::from(part.clone()).to_string()).collect()
    };
    let changes = changes(&keys(base), &keys(side));
    let mut followed = Side { kept: vec![None; base.len()], added: vec![Vec::new(); base.len() + 1] };
    let (mut at, mut side_at) = (0, 0);
    let end = crate::lines::Change { old: base.len()..base.len(), new: side.len()..side.len() };
    for change in changes.into_iter().chain([end]) {
        for (index, part) in (at..change.old.start).zip(side.iter().skip(side_at)) {
            set(&mut followed.kept, index, part);
        }
        let mut old = change.old.clone();
        let mut place = old.start;
        for part in side.get(change.new.clone()).unwrap_or_default() {
            let same_role = |index: &usize| base.get(*index).is_some_and(|known| role(known) == role(part));
            match old.clone().find(same_role) {
                Some(index) => {
                    set(&mut followed.kept, index, part);
                    old.start = index + 1;
                    place = index + 1;
                }
                None => followed.added.get_mut(place).into_iter().for_each(|added| added.push(part)),
            }
        }
        (at, side_at) = (change.old.end, change.new.end);
    }
    followed
}

fn set<'a>(kept: &mut [Option<&'a Part>], index: usize, part: &'a Part) {
    if let Some(slot) = kept.get_mut(index) {
        *slot = Some(part);
    }
}

/// What a part is beside its content.
fn role(part: &Part) -> &str {
    match part {
        Part::Message(message) => &message.role,
        // No role has a control character.
        Part::Placeholder { .. } => "\0",
    }
}

fn merge_parts(base: &[Part], ours: &[Part], theirs: &[Part], conflicts: &mut Vec<Conflict>) -> Vec<Part> {
    let (ours, theirs) = (follow(base, ours), follow(base, theirs));
    let mut merged: Vec<Part> = Vec::new();
    let sides = ours.added.iter().zip(&theirs.added).enumerate();
    for (index, (our_added, their_added)) in sides {
        merge_added(our_added, their_added, &mut merged, conflicts);
        let Some(part) = base.get(index) else { continue };
        let kept = |side: &Side<'_>| side.kept.get(index).copied().flatten().cloned();
        merge_part(part, kept(&ours), kept(&theirs), &mut merged, conflicts);
    }
    merged
}

fn merge_added(ours: &[&Part], theirs: &[&Part], merged: &mut Vec<Part>, conflicts: &mut Vec<Conflict>) {
    if !ours.is_empty() && !theirs.is_empty() && ours != theirs {
        let value = |parts: &[&Part]| parts.iter().map(|part| Value::from((*part).clone())).collect();
        let place = Place::Message { message: merged.len() + 1 };
        conflicts.push(Conflict { place, base: Value::Null, ours: value(ours), theirs: value(theirs) });
    }
    let taken = if ours.is_empty() { theirs } else { ours };
    merged.extend(taken.iter().map(|part| (*part).clone()));
}

fn merge_part(
    base: &Part,
    ours: Option<Part>,
    theirs: Option<Part>,
    merged: &mut Vec<Part>,
    conflicts: &mut Vec<Conflict>,
) {
    let before = Some(base.clone());
    if let Some(decided) = decide(&before, &ours, &theirs) {
        merged.extend(decided);
        return;
    }
    let message = merged.len() + 1;
    if let (Part::Message(base), Some(Part::Message(ours)), Some(Part::Message(theirs))) =
        (base, &ours, &theirs)
    {
        let content = merge_text(&base.content, &ours.content, &theirs.content, Some(message), conflicts);
        let maps = [&base.extra, &ours.extra, &theirs.extra];
        let extra = merge_maps(maps, "", &mut |path, [base, ours, theirs]| {
            conflicts.push(Conflict { place: Place::Field { message, path }, base, ours, theirs });
        });
        merged.push(Part::Message(Message { role: ours.role.clone(), content, extra }));
        return;
    }
    let value = |part: &Option<Part>| part.clone().map_or(Value::Null, Value::from);
    let place = Place::Message { message };
    conflicts.push(Conflict { place, base: value(&before), ours: value(&ours), theirs: value(&theirs) });
    merged.extend(ours.or(theirs));
}

/// Merges objects field by field; of a conflict, ours stays, or theirs where ours is gone.
fn merge_maps(
    [base, ours, theirs]: [&Map<String, Value>; 3],
    path: &str,
    conflict: &mut dyn FnMut(String, [Value; 3]),
) -> Map<String, Value> {
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut merged = Map::new();
    for name in names {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        let values = (base.get(name), ours.get(name), theirs.get(name));
        let value = match decide(&values.0, &values.1, &values.2) {
            Some(decided) => decided.cloned(),
            None => Some(merge_values(values, path, conflict)),
        };
        merged.extend(value.map(|value| (name.clone(), value)));
    }
    merged
}

fn merge_values(
    (base, ours, theirs): (Option<&Value>, Option<&Value>, Option<&Value>),
    path: String,
    conflict: &mut dyn FnMut(String, [Value; 3]),
) -> Value {
    if let (Some(Value::Object(ours)), Some(Value::Object(theirs))) = (ours, theirs) {
        let nothing = Map::new();
        let base = base.and_then(Value::as_object).unwrap_or(&nothing);
        return Value::Object(merge_maps([base, ours, theirs], &path, conflict));
    }
    let value = |value: Option<&Value>| value.cloned().unwrap_or_default();
    conflict(path, [value(base), value(ours), value(theirs)]);
    value(ours.or(theirs))
}

#[cfg(test)]
mod tests;
