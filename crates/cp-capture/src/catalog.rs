//! What there is to read, and what may go: the segments, and how far each consumer is. Knows no files.

use std::collections::BTreeMap;
use std::time::Duration;

use cp_base::Timestamp;

use crate::Position;
use crate::frame::SEGMENT_HEADER_BYTES;

/// One segment that has been written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// Where its frames end.
    pub(crate) len: u64,
    /// What its file takes, preallocated room included.
    pub(crate) disk_bytes: u64,
    /// When it was last written to.
    pub(crate) last_write: Timestamp,
}

/// Where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) base: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

#[derive(Debug)]
pub(crate) struct Catalog {
    segments: BTreeMap<u64, Segment>,
    consumers: BTreeMap<&'static str, Position>,
    /// What the preallocated next segment takes.
    pub(crate) spare_bytes: u64,
}

impl Catalog {
    /// No consumer has passed anything yet.
    pub(crate) fn new(segments: BTreeMap<u64, Segment>, consumers: &[&'static str]) -> Self {
        let consumers = consumers.iter().map(|name| (*name, Position(0))).collect();
        Self { segments, consumers, spare_bytes: 0 }
    }

    /// Adds a segment, or states anew how it is.
    pub(crate) fn set(&mut self, base: u64, segment: Segment) {
        self.segments.insert(base, segment);
    }

    pub(crate) fn remove(&mut self, base: u64) {
        self.segments.remove(&base);
    }

    pub(crate) fn segments(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn disk_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.disk_bytes).sum::<u64>() + self.spare_bytes
    }

    /// The first position that can still be read.
    pub(crate) fn first(&self) -> Position {
        Position(self.segments.keys().next().copied().unwrap_or(0))
    }

    /// The first bytes at or behind `at`; `None` at the end.
    pub(crate) fn locate(&self, at: Position) -> Option<Place> {
        let containing = self.segments.range(..=at.0).next_back();
        let following = self.segments.range(at.0.saturating_add(1)..);
        containing.into_iter().chain(following).find_map(|(&base, segment)| {
            let offset = at.0.saturating_sub(base).max(SEGMENT_HEADER_BYTES);
            (offset < segment.len).then_some(Place { base, offset, len: segment.len })
        })
    }

    /// Sets a consumer's cursor, which never goes back. False where no consumer has that name.
    pub(crate) fn release(&mut self, consumer: &str, upto: Position) -> bool {
        let cursor = self.consumers.get_mut(consumer);
        cursor.map(|cursor| *cursor = upto.max(*cursor)).is_some()
    }

    /// Each consumer's cursor, and the bytes that it has not passed.
    pub(crate) fn consumers(&self) -> impl Iterator<Item = (&'static str, Position, u64)> {
        self.consumers.iter().map(|(name, cursor)| (*name, *cursor, self.backlog(*cursor)))
    }

    fn backlog(&self, cursor: Position) -> u64 {
        let ahead = |(&base, segment): (&u64, &Segment)| {
            let from = cursor.0.max(base.saturating_add(SEGMENT_HEADER_BYTES));
            base.saturating_add(segment.len).saturating_sub(from)
        };
        self.segments.iter().map(ahead).sum()
    }

    /// The oldest segments that every consumer has passed and that are kept long enough, or begin before what is
    /// to be forgotten. Never the last one, which is written to.
    pub(crate) fn expired(&mut self, now: Timestamp, min_retention: Duration, forget: u64) -> Vec<u64> {
        // A clock that was set back must not keep a segment for ever.
        self.segments.values_mut().for_each(|segment| segment.last_write = segment.last_write.min(now));
        let passed = self.consumers.values().min().map_or(u64::MAX, |cursor| cursor.0);
        let finished = self.segments.len().saturating_sub(1);
        let oldest = self.segments.iter().take(finished).take_while(|(base, segment)| {
            let end = base.saturating_add(segment.len);
            end <= passed && (**base < forget || segment.last_write <= now.before(min_retention))
        });
        oldest.map(|(base, _)| *base).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn catalog(segments: &[(u64, u64, i64)]) -> Catalog {
        let segment = |&(base, len, at)| (base, Segment { len, disk_bytes: len, last_write: Timestamp(at) });
        Catalog::new(segments.iter().map(segment).collect(), &["a", "b"])
    }

    #[test]
    fn reading_passes_unused_positions() {
        let catalog = catalog(&[(0, 100, 0), (1000, 64, 0), (2000, 300, 0)]);
        assert_eq!(catalog.locate(Position(0)), Some(Place { base: 0, offset: 64, len: 100 }));
        assert_eq!(catalog.locate(Position(99)), Some(Place { base: 0, offset: 99, len: 100 }));
        assert_eq!(catalog.locate(Position(100)), Some(Place { base: 2000, offset: 64, len: 300 }));
        assert_eq!(catalog.locate(Position(2300)), None);
        assert_eq!(catalog.backlog(Position(90)), 10 + 236);
    }

    #[test]
    fn a_segment_goes_when_all_have_passed_it_and_its_time_is_over() {
        let mut catalog = catalog(&[(0, 100, 0), (1000, 100, 10), (2000, 100, 20)]);
        let hour = i64::try_from(HOUR.as_micros()).unwrap();
        assert!(catalog.release("a", Position(2064)));
        assert!(catalog.expired(Timestamp(2 * hour), HOUR, 0).is_empty(), "b has not passed it");
        assert!(catalog.release("b", Position(100)));
        assert!(catalog.expired(Timestamp(hour - 1), HOUR, 0).is_empty(), "it is too young");
        assert_eq!(catalog.expired(Timestamp(hour - 1), HOUR, 1), [0], "and is to be forgotten");
        assert_eq!(catalog.expired(Timestamp(hour), HOUR, 0), [0]);
        assert!(catalog.release("b", Position(9999)));
        assert_eq!(catalog.expired(Timestamp(2 * hour), HOUR, 0), [0, 1000], "the last one stays");
        assert!(!catalog.release("c", Position(0)));
    }

    #[test]
    fn a_clock_set_back_starts_the_time_anew() {
        let hour = i64::try_from(HOUR.as_micros()).unwrap();
        let mut catalog = catalog(&[(0, 100, 90 * hour), (1000, 100, 90 * hour)]);
        assert!(catalog.release("a", Position(100)) && catalog.release("b", Position(100)));
        assert!(catalog.expired(Timestamp(0), HOUR, 0).is_empty());
        assert_eq!(catalog.expired(Timestamp(hour), HOUR, 0), [0]);
    }
}
