//! How many megabytes a second are looked through: prose, code, an exchange in JSON, a stream, and the same with something
//! to find in every kilobyte.

use std::io::Write;
use std::sync::Arc;

use cp_base::{Clock, SealingKey, SystemClock};
use cp_redact::{DataKind, Redactor, Rules};
use serde_json::json;

const PROSE: &str = "The committee met on Tuesday and agreed, after some discussion, that the new bridge would be built by 2027. \
    It costs 12.5 million, which is less than was feared; the naïve estimate had been 14. ";
const CODE: &str = "    let total = items.iter().map(|item| item.price * item.count).sum::<i64>(); // see #1234\n    assert_eq!(total, 4711);\n";
const FINDS: &str = "Write to ann.lee@example.com or call +1 415 555 2671; the card is 4111 1111 1111 1111. ";

fn main() -> std::io::Result<()> {
    let rules = Rules::new(DataKind::ALL.into_iter().collect(), &[]).map_err(std::io::Error::other)?;
    let redactor = Redactor::new(Arc::new(rules), &SealingKey::new([1; 32]));
    let chat =
        |text: &str| json!({ "model": "gpt", "messages": [{ "role": "user", "content": text }] }).to_string();
    let event = |text: &str| {
        format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }))
    };
    let dirty = format!("{}{FINDS}", PROSE.repeat(5));
    let bodies = [
        ("prose", PROSE.repeat(20_000)),
        ("code", CODE.repeat(20_000)),
        ("requests in JSON", (0..1000).map(|_| chat(&PROSE.repeat(20)) + "\n").collect()),
        ("one event for each word", PROSE.repeat(500).split_inclusive(' ').map(event).collect()),
        ("prose with finds", dirty.repeat(3_000)),
    ];
    let clock = SystemClock::default();
    let mut out = std::io::stdout().lock();
    for (name, body) in bodies {
        drop(redactor.body(body.as_bytes()));
        let begun = clock.ticks();
        drop(redactor.body(body.as_bytes()));
        let rate = body.len() as f64 / 1e6 / clock.ticks().since(begun).as_secs_f64();
        writeln!(out, "{name}: {rate:.0} MB/s of {:.1} MB", body.len() as f64 / 1e6)?;
    }
    Ok(())
}
