//! Disks that are full, fail, or fail to sync.

use std::time::Duration;

use super::rig::{CONSUMER, Machine, config, of_calls, read_all, wait};
use crate::faults::Fault;
use crate::{AppendError, Durability, Log, LogConfig, Position, Record, Refused};

const ALWAYS: u64 = u64::MAX;

/// Calls until the log refuses.
fn fill(machine: &Machine, log: &Log) -> (Vec<Record>, Refused) {
    let mut records = Vec::new();
    loop {
        let mut slot = match log.reserve() {
            Ok(slot) => slot,
            Err(refused) => return (records, refused),
        };
        let opening = machine.opening(log);
        wait(slot.open(opening.clone())).unwrap();
        let body = machine.noise(1000);
        let captured = slot.capture(body.len());
        let closing = machine.closing(&opening, if captured { &body } else { b"" }, b"");
        wait(slot.close(closing.clone())).unwrap();
        records.push(Record::Opening(Box::new(opening)));
        records.push(Record::Closing(Box::new(closing)));
    }
}

/// Lets time pass until the log gives slots again.
fn recover(machine: &Machine, log: &Log) {
    while log.reserve().is_err() {
        machine.clock.advance(Duration::from_secs(1));
        std::thread::yield_now();
    }
    while log.stats().last_error.is_some() {
        machine.clock.advance(Duration::from_secs(1));
        machine.call(log, b"");
    }
}

#[test]
fn a_full_disk_refuses_calls_before_it_loses_one() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, faults) = machine.open_faulty(config(dir.path()));
    faults.set(Fault::Allocate, ALWAYS);
    // These were let in, with what they have received so far, and end only when the disk is full.
    let under_way: Vec<_> = (0..3).map(|_| machine.begin(&log)).collect();
    let bodies: Vec<_> = under_way.iter().map(|_| machine.noise(1000)).collect();
    assert!(under_way.iter().all(|(slot, _)| slot.capture(1000)));

    let (mut written, refused) = fill(&machine, &log);
    assert_eq!(refused, Refused::DiskFull);
    assert!(written.len() > 10, "the spare segment was used: {}", written.len());
    assert!(log.stats().last_error.is_some());
    for ((slot, opening), body) in under_way.into_iter().zip(&bodies) {
        let closing = machine.closing(&opening, body, b"");
        wait(slot.close(closing.clone())).unwrap();
        written.insert(0, Record::Opening(Box::new(opening)));
        written.push(Record::Closing(Box::new(closing)));
    }
    assert_eq!(log.stats().lost, 0);
    written[..3].reverse();
    assert_eq!(of_calls(read_all(&log, Position(0)).0), written);

    faults.set(Fault::Allocate, 0);
    recover(&machine, &log);
    let later = machine.call(&log, b"later");
    assert!(of_calls(read_all(&log, Position(0)).0).ends_with(&later));
}

#[test]
fn a_full_log_goes_on_when_its_consumer_does() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let century = Duration::from_secs(100 * 365 * 24 * 3600);
    let config = LogConfig { max_bytes: 100_000, min_retention: century, ..config(dir.path()) };
    let (log, _) = machine.open(config).unwrap();
    let (_, refused) = fill(&machine, &log);
    assert_eq!(refused, Refused::LogFull);
    let stats = log.stats();
    assert!(stats.disk_bytes <= 100_000, "{stats:?}");
    assert!(stats.refused == 1 && stats.consumers[0].backlog_bytes > 50_000, "{stats:?}");

    // What it holds is younger than its retention, but a new call is worth more.
    log.release(CONSUMER, *log.written().borrow());
    recover(&machine, &log);
    assert!(log.first_position() > Position(0));
    assert_eq!(log.stats().consumers[0].backlog_bytes, log.stats().written.0 - stats.written.0);
}

#[test]
fn a_failed_write_goes_to_a_fresh_segment() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, faults) = machine.open_faulty(config(dir.path()));
    let mut written = machine.call(&log, b"before").to_vec();
    faults.set(Fault::Write, 1);
    written.extend(machine.call(&log, b"during"));
    written.extend(machine.call(&log, b"after"));
    assert_eq!((log.stats().lost, log.stats().segments), (0, 2));
    let (records, skipped) = read_all(&log, Position(0));
    assert_eq!((of_calls(records), skipped), (written, 0));
}

#[test]
fn a_disk_that_fails_is_reported_and_comes_back() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, faults) = machine.open_faulty(config(dir.path()));
    let (slot, opening) = machine.begin(&log);
    faults.set(Fault::Write, 2);
    let answer = wait(slot.close(machine.closing(&opening, b"", b"")));
    assert!(matches!(answer, Err(AppendError::Write(_))), "{answer:?}");
    assert_eq!(log.reserve().unwrap_err(), Refused::WriteFailed);
    assert_eq!(log.stats().lost, 1);
    assert!(log.stats().last_error.unwrap().contains("Input/output error"));

    recover(&machine, &log);
    let later = machine.call(&log, b"later");
    let (records, skipped) = read_all(&log, Position(0));
    assert_eq!(skipped, 0);
    assert!(of_calls(records).ends_with(&later));
}

#[test]
fn a_closing_that_was_not_synced_is_not_acknowledged() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let config = LogConfig { durability: Durability::Strict, ..config(dir.path()) };
    let (log, faults) = machine.open_faulty(config);
    faults.set(Fault::Sync, 1);
    let (slot, opening) = machine.begin(&log);
    let answer = wait(slot.close(machine.closing(&opening, b"", b"")));
    assert!(matches!(answer, Err(AppendError::Sync(_))), "{answer:?}");
    assert!(log.stats().last_error.is_some());
    let later = machine.call(&log, b"later");
    let records = of_calls(read_all(&log, Position(0)).0);
    assert_eq!(records.len(), 4, "it is written all the same");
    assert!(records.ends_with(&later));
    recover(&machine, &log);
}

#[test]
fn an_opening_does_not_wait_for_the_sync() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let config = LogConfig { durability: Durability::Strict, ..config(dir.path()) };
    let (log, faults) = machine.open_faulty(config);
    faults.set(Fault::Sync, ALWAYS);
    machine.begin(&log);
    assert_eq!(log.stats().lost, 0);
    faults.set(Fault::Sync, 0);
}

#[test]
fn a_record_larger_than_a_segment_is_refused_alone() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    let (slot, opening) = machine.begin(&log);
    let answer = wait(slot.close(machine.closing(&opening, &machine.noise(50_000), b"")));
    assert!(matches!(answer, Err(AppendError::TooLarge { .. })), "{answer:?}");
    machine.call(&log, b"later");
    assert_eq!((log.stats().lost, log.stats().last_error), (1, None));
}

#[test]
fn a_disk_that_fills_up_midway_in_a_frame_costs_nothing() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, faults) = machine.open_faulty(config(dir.path()));
    let mut written = Vec::new();
    for parts in [0, 1, 85, 254, 255] {
        faults.set_written(parts);
        faults.set(Fault::Write, 1);
        written.extend(machine.call(&log, &machine.noise(500)));
    }
    assert_eq!((log.stats().lost, of_calls(read_all(&log, Position(0)).0)), (0, written.clone()));
    drop(log);
    let (log, recovery) = machine.open(config(dir.path())).unwrap();
    assert_eq!(recovery.torn_bytes, 0, "what arrived of a failed frame is cut off at once");
    assert_eq!(of_calls(read_all(&log, Position(0)).0), written);
}

#[test]
fn a_directory_that_is_moved_away_stops_capture_until_it_is_back() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (home, away) = (dir.path().join("log"), dir.path().join("away"));
    let (log, _) = machine.open(config(&home)).unwrap();
    let mut reader = log.reader(Position(0));
    let mut written = machine.call(&log, b"before").to_vec();
    for replaced in [false, true] {
        std::fs::rename(&home, &away).unwrap();
        if replaced {
            std::fs::create_dir(&home).unwrap();
        }
        // Until it is noticed, records go on into the files that are away.
        let refused = loop {
            let mut slot = match log.reserve() {
                Ok(slot) => slot,
                Err(refused) => break refused,
            };
            let opening = machine.opening(&log);
            wait(slot.open(opening.clone())).unwrap();
            let closing = machine.closing(&opening, b"", b"");
            wait(slot.close(closing.clone())).unwrap();
            written.extend([Record::Opening(Box::new(opening)), Record::Closing(Box::new(closing))]);
            machine.clock.advance(Duration::from_millis(300));
        };
        assert_eq!(refused, Refused::WriteFailed);
        let trouble = log.stats().last_error.unwrap();
        assert!(trouble.contains("log was moved or replaced"), "{trouble}");
        // A reader that needs another file waits for it, and passes nothing over.
        assert!(log.reader(Position(0)).read(usize::MAX).is_err());

        if replaced {
            std::fs::remove_dir(&home).unwrap();
        }
        std::fs::rename(&away, &home).unwrap();
        recover(&machine, &log);
        let batch = reader.read(usize::MAX).unwrap();
        // What `recover` tried is there too, behind it.
        assert!(of_calls(batch.records).starts_with(&written), "{written:?}");
        assert_eq!(batch.skipped_bytes, 0);
        written.clear();
    }
}

#[test]
fn files_that_are_deleted_under_the_log_cost_themselves() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    machine.call(&log, b"deleted");
    super::rig::segments(dir.path()).into_iter().for_each(|file| std::fs::remove_file(file).unwrap());
    machine.clock.advance(Duration::from_secs(1));
    // The writer looks after its files when it has done this.
    machine.call(&log, b"deleted too");
    while super::rig::segments(dir.path()).is_empty() {
        std::thread::yield_now();
    }
    let later = machine.call(&log, b"later");
    let (records, skipped) = read_all(&log, Position(0));
    assert!(of_calls(records).ends_with(&later) && skipped > 0, "{skipped}");
    drop(log);
    let (log, _) = machine.open(config(dir.path())).unwrap();
    assert!(of_calls(read_all(&log, Position(0)).0).ends_with(&later));
}
