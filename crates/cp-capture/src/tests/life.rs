//! Opening, limits, many callers, and the end.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use cp_base::SealingKey;

use super::rig::{CONSUMER, Machine, config, of_calls, read_all, segments, wait};
use crate::frame::SegmentHeader;
use crate::{AppendError, LogConfig, LogKeys, OpenError, Position, Record, Refused};

#[test]
fn one_process_at_a_time() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    let error = machine.open(config(dir.path())).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    log.shut_down();
    machine.open(config(dir.path())).unwrap();
}

#[test]
fn a_wrong_key_is_named_and_changes_nothing() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    let written = machine.call(&log, b"body");
    drop(log);
    let (right, wrong) = (SealingKey::new([7; 32]), SealingKey::new([8; 32]));
    let message = machine.open_with_key(config(dir.path()), wrong.clone()).unwrap_err().to_string();
    assert!(
        message.contains(&right.id().to_string()) && message.contains(&wrong.id().to_string()),
        "{message}"
    );
    let (log, recovery) = machine.open(config(dir.path())).unwrap();
    assert_eq!((recovery.torn_bytes, recovery.segments), (0, 1));
    assert_eq!(of_calls(read_all(&log, Position(0)).0), written);
}

#[test]
fn what_an_earlier_key_sealed_is_read_under_the_next() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    let mut written = machine.call(&log, b"under the old key").to_vec();
    drop(log);
    let (old, new) = (SealingKey::new([7; 32]), SealingKey::new([8; 32]));
    let keys = LogKeys { current: new.clone(), earlier: vec![old] };
    let (log, _) = machine.open_with_key(config(dir.path()), keys).unwrap();
    written.extend(machine.call(&log, b"under the new key"));
    assert_eq!(of_calls(read_all(&log, Position(0)).0), written);
    // Once the old segments are gone, nothing names the old key.
    let end = *log.written().borrow();
    log.release(CONSUMER, end);
    log.forget(end);
    until(|| log.has_forgotten(end));
    drop(log);
    machine.open_with_key(config(dir.path()), new).unwrap();
}

#[test]
fn what_is_to_be_forgotten_goes_at_once_and_nothing_else() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    machine.call(&log, b"to be forgotten");
    let end = *log.written().borrow();
    log.forget(end);
    until(|| log.stats().segments == 2);
    let kept = machine.call(&log, b"to be kept");
    assert!(!log.has_forgotten(end), "nobody has read it yet");
    assert_eq!(of_calls(read_all(&log, end).0), kept);
    log.release(CONSUMER, end);
    until(|| log.has_forgotten(end));
    assert_eq!(of_calls(read_all(&log, Position(0)).0), kept);
    drop(log);
    let (log, recovery) = machine.open(config(dir.path())).unwrap();
    assert!(recovery.start > end, "no position is used twice");
    assert_eq!(of_calls(read_all(&log, Position(0)).0), kept);

    // Also where nothing came afterwards.
    let end = *log.written().borrow();
    log.release(CONSUMER, end);
    log.forget(end);
    until(|| log.has_forgotten(end));
    assert_eq!(read_all(&log, Position(0)), (Vec::new(), 0));
    drop(log);
    let (log, recovery) = machine.open(config(dir.path())).unwrap();
    assert!(recovery.start > end);
    assert_eq!(of_calls(read_all(&log, Position(0)).0), Vec::new());
}

/// Waits for what the writer's thread does.
fn until(done: impl Fn() -> bool) {
    while !done() {
        std::thread::yield_now();
    }
}

#[test]
fn a_newer_format_is_left_alone() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    drop(log);
    let file = segments(dir.path())[0].clone();
    let mut bytes = fs::read(&file).unwrap();
    let header = SegmentHeader::parse(bytes.first_chunk().unwrap()).unwrap();
    bytes[..64].copy_from_slice(&SegmentHeader { format: 2, ..header }.to_bytes());
    fs::write(&file, &bytes).unwrap();
    let error = machine.open(config(dir.path())).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let file = dir.path().join("occupied");
    fs::write(&file, "").unwrap();
    let error = machine.open(config(&file.join("log"))).unwrap_err();
    assert!(error.to_string().contains("occupied/log"), "{error}");
}

#[test]
fn the_node_outlives_its_file() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let node = machine.open(config(dir.path())).unwrap().0.node();
    fs::write(dir.path().join("node"), "node_torn").unwrap();
    assert_eq!(machine.open(config(dir.path())).unwrap().0.node(), node);
    assert_eq!(fs::read_to_string(dir.path().join("node")).unwrap(), format!("{node}\n"));
}

#[test]
fn nothing_is_in_the_clear() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    machine.call(&log, b"a very secret prompt");
    drop(log);
    for file in segments(dir.path()) {
        let bytes = fs::read(file).unwrap();
        for marker in [b"secret".as_slice(), b"openai", b"completions"] {
            assert!(!bytes.windows(marker.len()).any(|window| window == marker));
        }
    }
}

#[test]
fn calls_and_memory_are_bounded_and_given_back() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    let mut slots: Vec<_> = (0..8).map(|_| log.reserve().unwrap()).collect();
    assert_eq!(log.reserve().unwrap_err(), Refused::TooManyCalls);
    assert!(slots[0].capture(4000));
    assert!(!slots[1].capture(4000));
    assert_eq!((log.stats().open_calls, log.stats().memory_used), (8, 4000));

    let opening = machine.opening(&log);
    wait(slots[0].open(opening.clone())).unwrap();
    assert!(matches!(wait(slots[0].open(opening.clone())), Err(AppendError::AlreadyOpen)));
    let first = slots.remove(0);
    wait(first.close(machine.closing(&opening, &[1; 4000], b""))).unwrap();
    drop(slots);
    assert_eq!((log.stats().open_calls, log.stats().memory_used), (0, 0));
}

#[test]
fn a_shut_down_writes_what_is_queued_and_refuses_the_rest() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    let (late, late_opening) = machine.begin(&log);
    let (slot, opening) = machine.begin(&log);
    let ack = slot.close(machine.closing(&opening, b"", b""));
    log.shut_down();
    log.shut_down();
    wait(ack).unwrap();
    assert_eq!(log.reserve().unwrap_err(), Refused::Closed);
    let answer = wait(late.close(machine.closing(&late_opening, b"", b"")));
    assert!(matches!(answer, Err(AppendError::Closed)), "{answer:?}");
    assert_eq!((log.stats().lost, of_calls(read_all(&log, Position(0)).0).len()), (1, 3));
}

#[test]
fn restarts_reuse_the_spare_segment_and_no_position() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let mut last = Position(0);
    for runs in 0..5 {
        let (log, recovery) = machine.open(config(dir.path())).unwrap();
        assert!(recovery.start > last);
        assert_eq!((recovery.segments, recovery.torn_bytes), (runs, 0));
        last = *log.written().borrow();
        assert_eq!(segments(dir.path()).len(), runs + 2);
        log.shut_down();
    }
}

#[test]
fn retention_outlives_a_restart() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let config = || LogConfig { min_retention: Duration::from_secs(60), ..config(dir.path()) };
    let (log, _) = machine.open(config()).unwrap();
    machine.call(&log, b"old");
    drop(log);
    machine.clock.advance(Duration::from_secs(61));
    let (log, recovery) = machine.open(config()).unwrap();
    log.shut_down();
    drop(log);
    // The first run's segment is repaired, and so dated, by the second; the third finds it as the second left it.
    machine.clock.advance(Duration::from_secs(30));
    let (log, _) = machine.open(config()).unwrap();
    log.release(CONSUMER, recovery.start);
    machine.clock.advance(Duration::from_secs(29));
    machine.call(&log, b"new");
    assert_eq!(log.first_position(), Position(0));
    machine.clock.advance(Duration::from_secs(2));
    log.release(CONSUMER, recovery.start);
    log.shut_down();
    assert!(log.first_position() > Position(0));
}

#[test]
fn many_callers_at_once() {
    const CALLERS: usize = 8;
    const CALLS: usize = 200;
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                for _ in 0..CALLS {
                    machine.call(&log, b"0123456789");
                }
            });
        }
    });
    let mut calls = HashMap::new();
    for record in of_calls(read_all(&log, Position(0)).0) {
        match record {
            Record::Opening(opening) => assert_eq!(calls.insert(opening.call, false), None),
            Record::Closing(closing) => assert_eq!(calls.insert(closing.opening.call, true), Some(false)),
            Record::Started(_) => {}
        }
    }
    assert_eq!(calls.len(), CALLERS * CALLS);
    assert!(calls.values().all(|closed| *closed));
    assert_eq!(log.stats().records, 2 * (CALLERS * CALLS) as u64);
}
