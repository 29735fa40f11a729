//! A log of format 1 as it was first written: it must decode for ever.

use std::fs;
use std::path::Path;

use super::rig::{Machine, config, read_all};
use crate::{Body, Position, Record};

const SEGMENT: &str = "00000000000000000000.seg";
/// Made once by [`write`]; made again only for a new format, in a directory of its own.
const FORMAT_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/format-1");

#[test]
fn format_1_is_read() {
    if !Path::new(FORMAT_1).exists() {
        write(Path::new(FORMAT_1));
        panic!("{FORMAT_1} was missing and is written anew; check it in");
    }
    let segment = fs::read(Path::new(FORMAT_1).join(SEGMENT)).unwrap();
    assert_eq!(
        (segment.len(), crc32fast::hash(&segment)),
        (1025, 0xfe7ee109),
        "what was released never changes"
    );
    let (machine, dir) = (Machine::new(2), tempfile::tempdir().unwrap());
    for entry in fs::read_dir(FORMAT_1).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    let (log, recovery) = machine.open(config(dir.path())).unwrap();
    assert_eq!((recovery.segments, recovery.torn_bytes), (1, 0));
    assert_eq!(fs::read(dir.path().join(SEGMENT)).unwrap(), segment, "and opening it changes no byte");
    let (records, skipped) = read_all(&log, Position(0));
    assert_eq!(skipped, 0);
    let [Record::Started(started), Record::Opening(opening), Record::Closing(closing), Record::Started(_)] =
        records.as_slice()
    else {
        panic!("{records:?}");
    };
    assert_eq!((started.node, opening.node), (log.node(), log.node()));
    assert_eq!(started.at.to_string(), "2023-11-14T22:13:20.000000Z");
    assert_eq!((opening.call, opening.provider.as_str()), (closing.opening.call, "openai"));
    assert_eq!((opening.method.as_str(), opening.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(opening.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    assert_eq!((opening.query.as_deref(), opening.client_fingerprint), (None, Some([9; 16])));
    assert_eq!((closing.outcome.as_str(), closing.status, closing.overhead_us), ("completed", Some(200), 50));
    assert_eq!((closing.duration_us, closing.time_to_first_chunk_us), (1_000, Some(500)));
    let text = |body: &Body| String::from_utf8(body.pieces.concat()).unwrap();
    assert_eq!(text(&closing.request), r#"{"model":"m","messages":[]}"#);
    assert_eq!((text(&closing.response).as_str(), closing.response.total_bytes), ("data: [DONE]\n\n", 14));
}

fn write(dir: &Path) {
    let machine = Machine::new(1);
    let (log, _) = machine.open(config(dir)).unwrap();
    let (slot, opening) = machine.begin(&log);
    let closing = machine.closing(&opening, br#"{"model":"m","messages":[]}"#, b"data: [DONE]\n\n");
    super::rig::wait(slot.close(closing)).unwrap();
    drop(log);
    let spare = super::rig::segments(dir).pop().unwrap();
    fs::remove_file(spare).unwrap();
}
