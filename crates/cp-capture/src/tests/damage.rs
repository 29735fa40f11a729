//! Bytes that are not as they were written.

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;

use super::rig::{Machine, config, of_calls, read_all, segments};
use crate::{Position, Record};

/// Whether `part` is `whole` with some left out.
fn is_subsequence(part: &[Record], whole: &[Record]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|record| whole.any(|other| other == record))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flipped_byte_costs_one_frame(
        seed: u64, sizes in vec(0usize..3000, 1..12), at in 0.0..1.0, flip in 1u8..,
    ) {
        let (machine, dir) = (Machine::new(seed), tempfile::tempdir().unwrap());
        let (log, _) = machine.open(config(dir.path())).unwrap();
        let node = log.node();
        let written: Vec<_> = sizes.iter().flat_map(|size| machine.call(&log, &machine.noise(*size))).collect();
        drop(log);

        let mut files: Vec<_> = segments(dir.path());
        files.pop();
        let lengths: Vec<_> = files.iter().map(|path| fs::metadata(path).unwrap().len()).collect();
        let mut offset = (lengths.iter().sum::<u64>() as f64 * at) as u64;
        let hit = lengths.iter().position(|length| {
            let here = offset < *length;
            offset -= if here { 0 } else { *length };
            here
        }).unwrap();
        let mut bytes = fs::read(&files[hit]).unwrap();
        bytes[offset as usize] ^= flip;
        fs::write(&files[hit], bytes).unwrap();

        let (log, _) = machine.open(config(dir.path())).unwrap();
        prop_assert_eq!(log.node(), node);
        let (records, _) = read_all(&log, Position(0));
        let records = of_calls(records);
        prop_assert!(is_subsequence(&records, &written));
        prop_assert!(records.len() + 1 >= written.len());
        let later = machine.call(&log, b"later");
        prop_assert_eq!(&of_calls(read_all(&log, Position(0)).0)[records.len()..], later.as_slice());
    }

    #[test]
    fn any_position_leads_to_the_next_frame(seed: u64, from in 0u64..60_000) {
        let (machine, dir) = (Machine::new(seed), tempfile::tempdir().unwrap());
        let (log, _) = machine.open(config(dir.path())).unwrap();
        let written: Vec<_> = (0..12).flat_map(|_| machine.call(&log, &machine.noise(2000))).collect();
        let (records, _) = read_all(&log, Position(from));
        prop_assert!(written.ends_with(&of_calls(records)));
    }
}

#[test]
fn a_lost_or_replaced_file_costs_itself() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    let written: Vec<_> = (0..40).flat_map(|_| machine.call(&log, &machine.noise(2000))).collect();
    let files = segments(dir.path());
    assert!(files.len() > 4, "{files:?}");
    fs::remove_file(&files[1]).unwrap();
    fs::copy(&files[0], &files[2]).unwrap();
    let (records, skipped) = read_all(&log, Position(0));
    let records = of_calls(records);
    assert!(is_subsequence(&records, &written));
    assert!(records.len() > written.len() / 3);
    assert!(skipped > 20_000, "{skipped}");
    assert!(log.reader(Position(0)).read(usize::MAX).unwrap().skipped_bytes == skipped);
}

#[test]
fn a_torn_frame_is_reported_and_its_forerunners_stay() {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let (log, _) = machine.open(config(dir.path())).unwrap();
    let kept = machine.call(&log, b"kept");
    let end = log.written().borrow().0;
    machine.call(&log, b"torn");
    let file = &segments(dir.path())[0];
    let mut bytes = fs::read(file).unwrap();
    bytes.truncate(usize::try_from(end).unwrap() + 100);
    drop(log);
    fs::write(file, bytes).unwrap();
    let (log, recovery) = machine.open(config(dir.path())).unwrap();
    assert_eq!((recovery.torn_bytes, recovery.segments), (100, 1));
    let (records, skipped) = read_all(&log, Position(0));
    assert_eq!((of_calls(records).as_slice(), skipped), (kept.as_slice(), 0));
}
