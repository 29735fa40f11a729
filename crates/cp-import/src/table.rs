//! `prompts.csv`: a row a prompt.

use cp_wire::{NewPrompt, NewPromptVersion, PromptDetails};
use serde_json::{Map, Value};

use crate::entry::{Entries, Entry};
use crate::{Found, ImportError};

const NAMES: [&str; 4] = ["act", "name", "title", "id"];
const TEXTS: [&str; 4] = ["prompt", "content", "text", "template"];

pub(crate) fn read(text: &str) -> Result<Found, ImportError> {
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let heads: Vec<String> = rows.headers()?.iter().map(|head| head.trim().to_lowercase()).collect();
    let column = |names: [&str; 4]| {
        names.iter().find_map(|name| heads.iter().position(|head| head == name)).ok_or(ImportError::Columns)
    };
    let (name, said) = (column(NAMES)?, column(TEXTS)?);
    let mut entries = Entries::default();
    for row in rows.records() {
        let row = row?;
        let line = row.position().map_or(0, csv::Position::line);
        let entry = row.get(said).filter(|said| !said.trim().is_empty()).ok_or("it says nothing".to_owned());
        let entry = entry.map(|content| {
            let others = heads.iter().zip(&row).enumerate();
            let others =
                others.filter(|(place, (_, cell))| *place != name && *place != said && !cell.is_empty());
            let metadata: Map<String, Value> =
                others.map(|(_, (head, cell))| (head.clone(), cell.into())).collect();
            let syntax = if content.contains("{{") { "mustache" } else { "none" };
            Entry {
                number: None,
                prompt: NewPrompt {
                    name: row.get(name).unwrap_or_default().trim().to_owned(),
                    version: NewPromptVersion {
                        content: content.into(),
                        syntax: Some(syntax.to_owned()),
                        ..NewPromptVersion::default()
                    },
                    details: PromptDetails {
                        metadata: Some(metadata).filter(|metadata| !metadata.is_empty()),
                        ..PromptDetails::default()
                    },
                },
            }
        });
        entries.push(format!("line {line}"), entry);
    }
    Ok(entries.finish())
}
