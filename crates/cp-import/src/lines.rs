//! What `codepromptu export` writes: a line a prompt, with its versions.

use cp_wire::{NewPrompt, NewPromptVersion, Prompt, PromptDetails, PromptVersion};
use serde::Deserialize;

use crate::Found;
use crate::entry::{Entries, Entry};

/// A line.
#[derive(Deserialize)]
struct Line {
    prompt: Prompt,
    /// Oldest first.
    versions: Vec<PromptVersion>,
}

pub(crate) fn read(text: &str) -> Found {
    let mut entries = Entries::default();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("line {}", index + 1);
        match serde_json::from_str::<Line>(line) {
            Ok(line) => push(&mut entries, &place, line),
            Err(error) => entries.push(place, Err(format!("it is no exported prompt: {error}"))),
        }
    }
    entries.finish()
}

fn push(entries: &mut Entries, place: &str, Line { prompt, versions }: Line) {
    let details = PromptDetails {
        status: Some(prompt.status),
        // A team is of the organisation that it was exported from.
        team: None,
        description: Some(prompt.description),
        purpose: Some(prompt.purpose),
        models: Some(prompt.models),
        variables: Some(prompt.variables),
        criteria: Some(prompt.criteria),
        metadata: Some(prompt.metadata),
        tags: Some(prompt.tags),
    };
    for version in versions {
        let number = version.number;
        let said = NewPromptVersion {
            content: version.content,
            syntax: Some(version.syntax),
            config: version.config,
            message: version.message,
            // Versions come in order, each behind the one before it.
            parent: None,
            labels: version.labels,
        };
        let made = NewPrompt { name: prompt.name.clone(), version: said, details: details.clone() };
        entries.push(format!("{place}, version {number}"), Ok(Entry { prompt: made, number: Some(number) }));
    }
}
