//! Texts, by their lines.

use std::ops::Range;

use serde_json::Value;

use super::{Conflict, Place};
use crate::lines::{Change, changes, split};

const OURS: &str = "<<<<<<< ours\n";
const BASE: &str = "||||||| base\n";
const MIDDLE: &str = "=======\n";
const THEIRS: &str = ">>>>>>> theirs\n";

/// Whether a text still has lines between markers of a conflict.
#[must_use]
pub fn has_markers(text: &str) -> bool {
    let mut lines = text.lines();
    [OURS, MIDDLE, THEIRS].iter().all(|marker| lines.any(|line| line == marker.trim_end()))
}

/// Merges texts line by line. A conflict stands in the result between markers, as version control writes them.
pub(super) fn merge_text(
    base: &str,
    ours: &str,
    theirs: &str,
    message: Option<usize>,
    conflicts: &mut Vec<Conflict>,
) -> String {
    let (base, ours, theirs) = (split(base), split(ours), split(theirs));
    let mut merged = String::new();
    let mut at = 0;
    for region in regions(&changes(&base, &ours), &changes(&base, &theirs)) {
        merged.extend(base.get(at..region.base.start).unwrap_or_default().iter().copied());
        let text =
            |lines: &[&str], range: &Range<usize>| lines.get(range.clone()).unwrap_or_default().concat();
        let (before, our, their) =
            (text(&base, &region.base), text(&ours, &region.ours), text(&theirs, &region.theirs));
        match super::decide(&before, &our, &their) {
            Some(decided) => merged.push_str(&decided),
            None => {
                end_line(&mut merged);
                let line = merged.lines().count() + 1;
                push_conflict(&mut merged, &before, &our, &their);
                let place = Place::Lines { message, line };
                let (base, ours, theirs) = (Value::from(before), Value::from(our), Value::from(their));
                conflicts.push(Conflict { place, base, ours, theirs });
            }
        }
        at = region.base.end;
    }
    merged.extend(base.get(at..).unwrap_or_default().iter().copied());
    merged
}

fn push_conflict(merged: &mut String, base: &str, ours: &str, theirs: &str) {
    for (marker, text) in [(OURS, ours), (BASE, base), (MIDDLE, theirs)] {
        merged.push_str(marker);
        merged.push_str(text);
        end_line(merged);
    }
    merged.push_str(THEIRS);
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// Lines of the base that changed on a side or on both, with what stands for them on each.
struct Region {
    base: Range<usize>,
    ours: Range<usize>,
    theirs: Range<usize>,
}

/// Changes that overlap or touch are one region, so that at least one common line lies between two.
fn regions(ours: &[Change], theirs: &[Change]) -> Vec<Region> {
    let (mut our, mut their) = (Cursor::new(ours), Cursor::new(theirs));
    let mut regions = Vec::new();
    while let Some(start) = [our.next_start(), their.next_start()].into_iter().flatten().min() {
        let (our_start, their_start) = (our.place(start), their.place(start));
        let mut end = start;
        // Each side may reach further than the other, and so touch its next change.
        while our.take(&mut end) || their.take(&mut end) {}
        regions.push(Region {
            base: start..end,
            ours: our_start..our.place(end),
            theirs: their_start..their.place(end),
        });
    }
    regions
}

/// The changes of one side, from the first on.
struct Cursor<'a> {
    left: &'a [Change],
    /// How many lines of the base and of the side lie before the next common one.
    base: usize,
    side: usize,
}

impl<'a> Cursor<'a> {
    const fn new(changes: &'a [Change]) -> Self {
        Self { left: changes, base: 0, side: 0 }
    }

    fn next_start(&self) -> Option<usize> {
        self.left.first().map(|change| change.old.start)
    }

    /// Where a line of the base that is common, or begins a change, stands on this side.
    const fn place(&self, base: usize) -> usize {
        self.side + base.saturating_sub(self.base)
    }

    /// Takes the next change, where it touches what ends at `end`.
    fn take(&mut self, end: &mut usize) -> bool {
        let Some((change, left)) = self.left.split_first().filter(|(change, _)| change.old.start <= *end)
        else {
            return false;
        };
        *end = (*end).max(change.old.end);
        (self.base, self.side, self.left) = (change.old.end, change.new.end, left);
        true
    }
}
