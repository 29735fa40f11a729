//! Lines of texts, and which of them changed.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// A run of items of one side that stands in the place of a run of the other; one of them may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) old: Range<usize>,
    pub(crate) new: Range<usize>,
}

/// Beyond so many lines together, what lies between the common beginning and the common end counts as one change:
/// finding out more takes time that grows with their square.
const MAX_COMPARED: usize = 20_000;

/// The lines of a text, each with its line break.
pub(crate) fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// What changed between two lists, in order; what lies between two changes is the same in both.
pub(crate) fn changes<T: Eq + std::hash::Hash + Ord>(old: &[T], new: &[T]) -> Vec<Change> {
    let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    if old_end + new_end - 2 * start > MAX_COMPARED {
        return vec![Change { old: start..old_end, new: start..new_end }];
    }
    let mut changes: Vec<Change> = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, old, new) {
        if matches!(operation, DiffOp::Equal { .. }) {
            continue;
        }
        let (old, new) = (operation.old_range(), operation.new_range());
        match changes.last_mut() {
            Some(last) if last.old.end == old.start && last.new.end == new.start => {
                last.old.end = old.end;
                last.new.end = new.end;
            }
            _ => changes.push(Change { old, new }),
        }
    }
    changes
}
