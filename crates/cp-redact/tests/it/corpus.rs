//! The labelled corpus: of each kind what must be found, between ⟦ and ⟧, and what looks like it and is something else.

use std::fs;
use std::path::Path;

use cp_redact::DataKind;

use crate::redactor_of;

/// A line without its marks, and what was marked.
fn unmarked(line: &str) -> (String, Vec<String>) {
    let values = line.split('⟦').skip(1).map(|rest| rest.split_once('⟧').unwrap().0.to_owned()).collect();
    (line.replace(['⟦', '⟧'], ""), values)
}

/// Precision and recall, in percent.
fn measure(kind: DataKind) -> (f64, f64, Vec<String>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus").join(format!("{kind}.txt"));
    let redactor = redactor_of(&[kind]);
    let (mut right, mut wrong, mut missed) = (0, 0, 0);
    let mut faults = Vec::new();
    for line in fs::read_to_string(file).unwrap().lines() {
        let (text, values) = unmarked(line.get(2..).unwrap());
        assert_eq!(line.starts_with("- "), values.is_empty(), "{line}");
        let found: Vec<_> =
            redactor.find(&text).into_iter().map(|found| text[found.range].to_owned()).collect();
        right += found.iter().filter(|value| values.contains(value)).count();
        wrong += found.iter().filter(|value| !values.contains(value)).count();
        missed += values.iter().filter(|value| !found.contains(value)).count();
        if found != values {
            faults.push(format!("{line} → {found:?}"));
        }
    }
    let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
    (percent(right, right + wrong), percent(right, right + missed), faults)
}

#[test]
fn precision_and_recall_are_as_stated() {
    let mut short = Vec::new();
    for kind in DataKind::ALL.into_iter().filter(|kind| *kind != DataKind::PrivateKey) {
        let (precision, recall, faults) = measure(kind);
        // One fault in about twenty lines would be below.
        if precision < 96.0 || recall < 96.0 {
            short.push(format!(
                "{kind}: precision {precision:.1} %, recall {recall:.1} %\n{}",
                faults.join("\n")
            ));
        }
    }
    assert!(short.is_empty(), "{}", short.join("\n"));
}

#[test]
fn private_keys_are_found_whole_and_cut_off() {
    let redactor = redactor_of(&[DataKind::PrivateKey]);
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+IBAAK/CAQEA\nabc=\n-----END RSA PRIVATE KEY-----";
    let text = format!("before {key} after");
    let redacted = redactor.text(&text);
    assert!(redacted.starts_with("before ‹private_key:") && redacted.ends_with("› after"), "{redacted}");
    let cut = redactor.text(&text[..60]).into_owned();
    assert!(cut.starts_with("before ‹private_key:") && cut.ends_with('›'), "{cut}");
    let public = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----";
    assert_eq!(redactor.text(public), public);
}
