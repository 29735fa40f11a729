//! Calls as they come.

use cp_wire::{CallSummary, Lagged};
use serde::de::DeserializeOwned;

use crate::ClientError;
use crate::lines::Lines;

/// What a live tail yields.
#[derive(Clone, Debug, PartialEq)]
pub enum TailEvent {
    /// A call began, or ended: `outcome` tells.
    Call(Box<CallSummary>),
    /// We were too slow and missed so many calls.
    Lagged(u64),
}

/// Calls as they come, read from server-sent events.
#[derive(Debug)]
pub struct Tail {
    lines: Lines,
    server: String,
}

impl Tail {
    pub(crate) fn new(lines: Lines, server: String) -> Self {
        Self { lines, server }
    }

    /// The next event; `None` when the server stopped.
    pub async fn next(&mut self) -> Result<Option<TailEvent>, ClientError> {
        let (mut name, mut data) = (String::new(), String::new());
        while let Some(line) = self.lines.next().await? {
            let line = String::from_utf8_lossy(&line);
            if line.is_empty() {
                if let Some(event) = self.event(&std::mem::take(&mut name), &std::mem::take(&mut data))? {
                    return Ok(Some(event));
                }
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut name),
                "data" => data.push_str(value),
                _ => {}
            }
        }
        Ok(None)
    }

    /// An event that this version does not know is passed over.
    fn event(&self, name: &str, data: &str) -> Result<Option<TailEvent>, ClientError> {
        Ok(match name {
            "call" => Some(TailEvent::Call(Box::new(self.read(data)?))),
            "lagged" => Some(TailEvent::Lagged(self.read::<Lagged>(data)?.missed)),
            _ => None,
        })
    }

    fn read<T: DeserializeOwned>(&self, data: &str) -> Result<T, ClientError> {
        serde_json::from_str(data).map_err(|error| ClientError::NotCodePromptu {
            server: self.server.clone(),
            found: format!("an event that does not read: {error}"),
        })
    }
}
