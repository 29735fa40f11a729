//! Records that are changed on their way to the disk.

use bytes::Bytes;

use super::rig::{Machine, config, of_calls, read_all, wait};
use crate::{LogConfig, Position, Record, Rewrite};

/// Puts `length` bytes in the stead of each response.
fn replacing(length: usize) -> Rewrite {
    Rewrite::new(move |record| {
        if let Record::Closing(closing) = record {
            closing.response.pieces = vec![Bytes::from(vec![b'x'; length])];
            closing.response.total_bytes = length as u64;
        }
    })
}

/// What is read of a response of 100 bytes: its captured bytes, and how many there were.
fn read_back(length: usize) -> (Vec<u8>, u64) {
    let (machine, dir) = (Machine::new(1), tempfile::tempdir().unwrap());
    let rewrite = Some(replacing(length));
    let (log, _) = machine.open(LogConfig { rewrite, ..config(dir.path()) }).unwrap();
    let (slot, opening) = machine.begin(&log);
    assert!(slot.capture(100));
    wait(slot.close(machine.closing(&opening, b"", &[b's'; 100]))).unwrap();
    assert_eq!(log.stats().memory_used, 0, "what was taken is given back");
    let (records, damaged) = read_all(&log, Position(0));
    assert_eq!(damaged, 0);
    let records = of_calls(records);
    let [Record::Opening(_), Record::Closing(closing)] = &*records else { panic!("{records:?}") };
    (closing.response.pieces.concat(), closing.response.total_bytes)
}

#[test]
fn what_is_read_is_what_was_made_of_it() {
    assert_eq!(read_back(10), (vec![b'x'; 10], 10));
    assert_eq!(read_back(100), (vec![b'x'; 100], 100));
}

#[test]
fn a_body_that_grows_takes_more_room_and_is_cut_where_there_is_none() {
    assert_eq!(read_back(4000), (vec![b'x'; 4000], 4000));
    assert_eq!(read_back(5000), (vec![b'x'; 100], 5000));
}
