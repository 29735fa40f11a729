//! The seeds: the golden fixtures of the codecs, the corpus of redaction, the vectors of rendering, and a log of format 1, as the targets read them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use cp_base::{CallId, NodeId, OrgId, Outcome, ProjectId, Timestamp};
use cp_capture::{Body, Closing, Opening, Record, Started};
use cp_genai::Exchange;
use serde_json::Value;

/// The seeds of each target: the bytes by a name.
pub type Seeds = BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>;

/// A path of each wire format, and two of none. Bytes choose by place, so new ones go to the end.
const PATHS: [&str; 18] = [
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/messages",
    "/v1beta/models/gemini-2.5-flash:generateContent",
    "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
    "/v1beta/models/gemini-embedding-001:embedContent",
    "/v1beta/models/gemini-embedding-001:batchEmbedContents",
    "/v1beta/interactions",
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/api/embeddings",
    "/openai/deployments/gpt/chat/completions",
    "/v1beta/interactions/v1_abc",
    "/v1/models",
    "/",
];
const STATUSES: [Option<u16>; 4] = [Some(200), Some(400), Some(500), None];
const TYPES: [Option<&str>; 4] =
    [Some("application/json"), Some("text/event-stream; charset=utf-8"), Some("application/x-ndjson"), None];
/// Streams beside a fixture, and the place of their type in [`TYPES`].
const STREAMS: [(&str, u8); 3] = [("sse", 1), ("ndjson", 2), ("array", 0)];
/// Both bodies are whole.
const COMPLETE: u8 = 0b11;

/// The exchange in some bytes: path (1) | bits for whole request, whole response, status, type (1) | length of the
/// request (2, little endian) | request | response.
pub(crate) fn exchange(data: &[u8]) -> Option<Exchange<'_>> {
    let [path, bits, low, high, bodies @ ..] = data else { return None };
    let length = usize::from(u16::from_le_bytes([*low, *high])).min(bodies.len());
    let (request, response) = bodies.split_at(length);
    let choose = |shift: u8| usize::from(bits >> shift & 0b11);
    Some(Exchange {
        method: "POST",
        path: PATHS[usize::from(*path) % PATHS.len()],
        status: STATUSES[choose(2)],
        request,
        response,
        response_content_type: TYPES[choose(4)],
        request_complete: bits & 0b01 != 0,
        response_complete: bits & 0b10 != 0,
    })
}

/// Everything that the repository has to begin with.
pub fn seeds() -> Result<Seeds> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/cp-genai/fixtures");
    let mut seeds = Seeds::new();
    for path in
        files(&fixtures)?.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json"))
    {
        let fixture: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        let Some(route) = fixture["path"].as_str() else { continue };
        let name = path.strip_prefix(&fixtures)?.with_extension("").display().to_string().replace('/', "-");
        let streams = STREAMS.iter().filter_map(|(extension, kind)| {
            Some((std::fs::read(path.with_extension(extension)).ok()?, *kind))
        });
        let plain = || (fixture["response"].to_string().into_bytes(), 0);
        let (response, kind) = streams.into_iter().next().unwrap_or_else(plain);
        if kind == 1 {
            seeds.entry("events").or_default().insert(name.clone(), [&[6], response.as_slice()].concat());
        }
        let request = fixture["request"].to_string().into_bytes();
        let Ok(length) = u16::try_from(request.len()) else { continue };
        let place =
            place_of(route).with_context(|| format!("{name}: {route} is of no path that is fuzzed"))?;
        let head = [place, COMPLETE | kind << 4];
        let seed = [&head, length.to_le_bytes().as_slice(), &request, &response].concat();
        seeds.entry("redaction").or_default().insert(name.clone(), response);
        seeds.entry("codecs").or_default().insert(name, seed);
    }
    for (name, record) in [("started", started()), ("opening", opened()), ("closing", closed())] {
        seeds.entry("records").or_default().insert(name.to_owned(), rmp_serde::to_vec_named(&record)?);
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/cp-redact/fixtures/corpus");
    for path in files(&corpus)? {
        let text = std::fs::read_to_string(&path)?.replace(['⟦', '⟧'], "");
        let name = format!("corpus-{}", path.file_stem().unwrap_or_default().to_string_lossy());
        seeds.entry("redaction").or_default().insert(name, text.into_bytes());
    }
    for (name, body) in BODIES {
        seeds.entry("bodies").or_default().insert((*name).to_owned(), body.to_vec());
    }
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance/render.json");
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(vectors)?)?;
    for (number, vector) in vectors.iter().enumerate() {
        let Some(template) = vector["template"].as_str() else { continue };
        let syntax = u8::from(vector["syntax"] == "mustache");
        let seed = [&[syntax], template.as_bytes()].concat();
        seeds.entry("templates").or_default().insert(format!("vector-{number}"), seed);
    }
    for (name, text) in crate::texts::SEEDS {
        seeds.entry("texts").or_default().insert((*name).to_owned(), text.to_vec());
    }
    Ok(seeds)
}

/// The place in [`PATHS`] of the path that is read like `route`: they end alike, or have the same verb.
fn place_of(route: &str) -> Option<u8> {
    let tail = |path: &str| path.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
    let same = PATHS.iter().position(|path| *path == route);
    let alike = || PATHS.iter().position(|path| tail(path) == tail(route));
    u8::try_from(same.or_else(alike).or_else(|| PATHS.iter().position(|path| *path == "/v1/models"))?).ok()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

/// "hello" in each encoding, after the bytes that choose it.
const BODIES: &[(&str, &[u8])] = &[
    ("plain", b"\x00\x02hello"),
    ("gzip", b"\x01\x02\x1f\x8b\x08\0\0\0\0\0\0\x03\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\x05\0\0\0"),
    ("deflate", b"\x02\x02x\x9c\xcbH\xcd\xc9\xc9\x07\0\x06,\x02\x15"),
    ("br", b"\x03\x02\x0b\x02\x80hello\x03"),
    ("zstd", b"\x04\x02(\xb5/\xfd \x05)\0\0hello"),
    ("unknown", b"\x07\x02hello"),
];

fn started() -> Record {
    Record::Started(Started { node: NodeId::from_uuid(Default::default()), at: Timestamp(1) })
}

fn opening() -> Opening {
    Opening {
        call: CallId::from_uuid(Default::default()),
        node: NodeId::from_uuid(Default::default()),
        org: OrgId::from_uuid(Default::default()),
        project: ProjectId::from_uuid(Default::default()),
        started_at: Timestamp(1),
        provider: "openai".to_owned(),
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        query: Some("a=b".to_owned()),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        client_fingerprint: Some([7; 16]),
        capture: cp_base::CaptureMark::default(),
        gateway_key: None,
        source: cp_base::CallSource::Gateway,
    }
}

fn opened() -> Record {
    Record::Opening(Box::new(opening()))
}

fn closed() -> Record {
    let body = |text: &'static str| Body { pieces: vec![Bytes::from(text)], total_bytes: text.len() as u64 };
    Record::Closing(Box::new(Closing {
        opening: opening(),
        outcome: Outcome::Completed,
        ended_at: Timestamp(2),
        duration_us: 1,
        time_to_first_chunk_us: Some(1),
        overhead_us: 1,
        status: Some(200),
        error: Some("upstream_error".to_owned()),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        prompt_version: None,
        request: body("{}"),
        response: body("data: [DONE]\n\n"),
    }))
}
