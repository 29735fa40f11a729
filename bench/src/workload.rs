//! What is sent. Every body differs from every other one, as in life: its last message carries a number.

use bytes::Bytes;

/// Words of the made-up prompts. Fixed, so that two runs send the same bytes.
const WORDS: [&str; 24] = [
    "invoice",
    "customer",
    "refund",
    "shipment",
    "please",
    "summarise",
    "the",
    "following",
    "paragraph",
    "about",
    "a",
    "delayed",
    "order",
    "and",
    "its",
    "consequences",
    "for",
    "support",
    "agents",
    "who",
    "answer",
    "within",
    "one",
    "hour",
];

/// A kind of call.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// Connections of the closed-loop measurements.
    pub(crate) concurrencies: &'static [usize],
    /// Calls per second of the constant-rate measurements.
    pub(crate) rates: &'static [u64],
    before_number: Bytes,
    after_number: Bytes,
}

impl Workload {
    /// The three kinds that the report is about.
    pub(crate) fn all() -> [Self; 3] {
        [
            Self::new("JSON, 1.4 KB in, 1.1 KB out", false, 1_400, &[1, 16, 64], &[500, 1_000]),
            Self::new("stream of 24 events", true, 1_400, &[1, 16, 64], &[500, 1_000]),
            Self::new("JSON, 100 KB in, 1.1 KB out", false, 100_000, &[16], &[]),
        ]
    }

    fn new(
        name: &'static str,
        stream: bool,
        request_bytes: usize,
        concurrencies: &'static [usize],
        rates: &'static [u64],
    ) -> Self {
        let model = cp_mock::BENCH_MODEL;
        let head = format!(r#"{{"model":"{model}","stream":{stream},"messages":["#);
        let last = r#"{"role":"user","content":"Question "#;
        let tail = r#"."}]}"#;
        let history = history(request_bytes.saturating_sub(head.len() + last.len() + tail.len() + 16));
        Self {
            name,
            concurrencies,
            rates,
            before_number: (head + &history + last).into(),
            after_number: tail.into(),
        }
    }

    /// The body of the call with this number.
    pub(crate) fn body(&self, number: u64) -> Bytes {
        [&self.before_number[..], format!("{number:016x}").as_bytes(), &self.after_number[..]].concat().into()
    }
}

/// Messages of an earlier conversation, `bytes` long or a little less, each up to 2 KB.
fn history(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    let mut words = WORDS.iter().cycle();
    let mut stride = 0;
    while text.len() + 100 < bytes {
        let role = if text.is_empty() { "system" } else { "user" };
        text.push_str(&format!(r#"{{"role":"{role}","content":""#));
        let end = (text.len() + 2_000).min(bytes - 20);
        while text.len() < end {
            stride = (stride * 5 + 3) % 23;
            text.push_str(words.nth(stride).unwrap_or(&"word"));
            text.push(' ');
        }
        text.push_str(r#""},"#);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_of_the_stated_size_and_differ() {
        for (workload, bytes) in Workload::all().iter().zip([1_400, 1_400, 100_000]) {
            let body = workload.body(7);
            assert!(body.len().abs_diff(bytes) < bytes / 10, "{}: {} bytes", workload.name, body.len());
            serde_json::from_slice::<serde_json::Value>(&body).unwrap();
            assert_ne!(body, workload.body(8));
        }
    }
}
