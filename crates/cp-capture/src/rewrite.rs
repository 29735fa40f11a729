//! Records that are changed before they are written: on the writer's thread, and so at no call's cost.
//!
//! What was promised for a body is its room as it passed. A body that grows takes more, where there is more, and is cut to
//! what was promised, where there is not: a record is never lost for having been rewritten.

use std::fmt;
use std::sync::Arc;

use crate::queue::Entry;
use crate::{Body, Closing, Record};

/// What is done to a record before it is compressed and sealed. It must neither block nor panic.
#[derive(Clone)]
pub struct Rewrite(Arc<dyn Fn(&mut Record) + Send + Sync>);

impl Rewrite {
    /// Does this to every record.
    pub fn new(rewrite: impl Fn(&mut Record) + Send + Sync + 'static) -> Self {
        Self(Arc::new(rewrite))
    }

    pub(crate) fn apply(&self, entry: &mut Entry) {
        let promised = bodies(&mut entry.record).map(|bodies| bodies.map(|body| body.captured_bytes()));
        (self.0)(&mut entry.record);
        let (Some(promised), Some(bodies)) = (promised, bodies(&mut entry.record)) else { return };
        for (body, promised) in bodies.into_iter().zip(promised) {
            let grown = body.captured_bytes().saturating_sub(promised);
            if grown > 0 && !entry.pledge.take(grown) {
                cut(body, promised);
            }
        }
    }
}

impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rewrite")
    }
}

fn bodies(record: &mut Record) -> Option<[&mut Body; 2]> {
    match record {
        Record::Closing(closing) => {
            let Closing { request, response, .. } = &mut **closing;
            Some([request, response])
        }
        Record::Started(_) | Record::Opening(_) => None,
    }
}

/// Leaves the first bytes of a body. It stays known how many there were.
fn cut(body: &mut Body, mut bytes: u64) {
    for piece in &mut body.pieces {
        let length = piece.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
        piece.truncate(length);
        bytes -= length as u64;
    }
    body.pieces.retain(|piece| !piece.is_empty());
}
