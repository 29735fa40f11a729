//! The contents of calls: cut into bodies, hashed, compressed and sealed, and the way back.
//!
//! A body is a message, the system instructions, the tool definitions, or a raw body. It is stored once for a project,
//! under a keyed hash; a call keeps the list of its bodies (`refs`: for each one byte of [`Slot`] and 32 of hash) and a
//! document for the rest. A resent conversation thus costs 33 bytes a message.
//!
//! The bodies of calls that name an end user are that person's: the hash is over their secret's name too, and the secret
//! takes part in the seal. Two people who say the same share nothing, so that either can be erased alone.
//!
//! Packed, before sealing: `1 | bytes`, or `2 | length (4, little endian) | zstd frame`. The seal binds a value to its
//! project and its hash or call.

mod scores;

use std::collections::HashMap;
use std::sync::Arc;

use cp_base::{CallId, DataKeys, Digest, ProjectScope, Random, SealingKey, SubjectKeyId, names_key};
use cp_genai::{Message, Part};
use serde::{Deserialize, Serialize};
use zstd::bulk::Compressor;

use crate::store::StoreError;
use crate::subjects::{Holder, SubjectKey};
use crate::{CallDetail, CallDocument, CallMessages, CallSummary, FinishedCall, RawBodies};

/// What a body is to its call. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Slot {
    SystemInstructions = 1,
    ToolDefinitions = 2,
    Input = 3,
    Output = 4,
    RawRequest = 5,
    RawResponse = 6,
}

impl Slot {
    const ALL: [Self; 6] = [
        Self::SystemInstructions,
        Self::ToolDefinitions,
        Self::Input,
        Self::Output,
        Self::RawRequest,
        Self::RawResponse,
    ];

    /// Hashed with the body, so that bodies of unlike form never meet. An answer and the same message sent back do.
    const fn form(self) -> &'static [u8] {
        match self {
            Self::SystemInstructions => b"parts",
            Self::ToolDefinitions => b"tools",
            Self::Input | Self::Output => b"message",
            Self::RawRequest | Self::RawResponse => b"raw",
        }
    }
}

/// A call's hold on a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ref {
    pub(crate) slot: Slot,
    pub(crate) hash: Digest,
}

const REF_LEN: usize = 1 + size_of::<Digest>();

pub(crate) fn refs_from_bytes(bytes: &[u8]) -> Option<Vec<Ref>> {
    let entries = bytes.chunks(REF_LEN).map(|entry| {
        let (number, hash) = entry.split_first()?;
        let slot = Slot::ALL.into_iter().find(|slot| *slot as u8 == *number)?;
        Some(Ref { slot, hash: hash.try_into().ok()? })
    });
    entries.collect()
}

pub(crate) fn refs_to_bytes(refs: &[Ref]) -> Vec<u8> {
    refs.iter().flat_map(|entry| [entry.slot as u8].into_iter().chain(entry.hash)).collect()
}

/// The version of [`StoredDocument`] that this program writes.
const DOCUMENT_VERSION: u32 = 1;

/// What is sealed of a [`CallDocument`].
#[derive(Serialize, Deserialize)]
struct StoredDocument<D> {
    version: u32,
    document: D,
}

/// Bodies in the clear, by hash.
pub(crate) type Bodies = HashMap<Digest, Vec<u8>>;

/// A call's contents, ready to store.
#[derive(Debug)]
pub(crate) struct Contents {
    /// Sealed.
    pub(crate) document: Vec<u8>,
    pub(crate) refs: Vec<u8>,
}

/// One project's keys, at work: for what names nobody, or for one person's.
#[derive(Clone, Debug)]
pub(crate) struct Vault {
    pub(crate) scope: ProjectScope,
    pub(crate) keys: Arc<DataKeys>,
    subject: Option<Arc<SubjectKey>>,
    sealing: SealingKey,
}

/// Compresses and seals.
pub(crate) struct Sealer<'a> {
    random: &'a Random,
    compressor: Compressor<'static>,
}

const PLAIN: u8 = 1;
const ZSTD: u8 = 2;
const ZSTD_LEVEL: i32 = 3;
/// What is shorter than this seldom shrinks.
const MIN_COMPRESSED_LEN: usize = 128;

impl<'a> Sealer<'a> {
    pub(crate) fn new(random: &'a Random) -> Result<Self, StoreError> {
        let compressor = Compressor::new(ZSTD_LEVEL).map_err(StoreError::Compress)?;
        Ok(Self { random, compressor })
    }

    fn pack(&mut self, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        if let Ok(length) = u32::try_from(plain.len())
            && plain.len() >= MIN_COMPRESSED_LEN
        {
            let frame = self.compressor.compress(plain).map_err(StoreError::Compress)?;
            if frame.len() < plain.len() {
                return Ok([[ZSTD].as_slice(), &length.to_le_bytes(), &frame].concat());
            }
        }
        Ok([[PLAIN].as_slice(), plain].concat())
    }
}

fn unpack(packed: Vec<u8>) -> Option<Vec<u8>> {
    match packed.split_first()? {
        (&PLAIN, bytes) => Some(bytes.to_vec()),
        (&ZSTD, rest) => {
            let (length, frame) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            zstd::bulk::decompress(frame, length).ok().filter(|plain| plain.len() == length)
        }
        _ => None,
    }
}

impl Vault {
    pub(crate) fn new(scope: ProjectScope, keys: Arc<DataKeys>) -> Self {
        let sealing = keys.sealing().clone();
        Self { scope, keys, subject: None, sealing }
    }

    /// The same for what is a person's.
    pub(crate) fn of_subject(&self, subject: Arc<SubjectKey>) -> Self {
        let sealing = self.keys.sealing_for(&subject.secret);
        Self { scope: self.scope, keys: self.keys.clone(), subject: Some(subject), sealing }
    }

    pub(crate) fn holder(&self) -> Holder<'_> {
        Holder { scope: self.scope, keys: &self.keys }
    }

    pub(crate) fn subject_id(&self) -> Option<SubjectKeyId> {
        self.subject.as_ref().map(|subject| subject.id)
    }

    fn address(&self, slot: Slot, body: &[u8]) -> Digest {
        match &self.subject {
            None => self.keys.hashing().digest(&[slot.form(), body]),
            Some(subject) => {
                self.keys.hashing().digest(&[b"subject", subject.id.uuid().as_bytes(), slot.form(), body])
            }
        }
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(match &self.subject {
            None => self.keys.open(context, sealed)?,
            Some(subject) => self.keys.open_for(&subject.secret, context, sealed)?,
        })
    }

    /// The same value under the key of now; none where it is under that already.
    fn reseal(&self, random: &Random, context: &[u8], sealed: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if names_key(sealed, self.keys.sealing().id()) {
            return Ok(None);
        }
        let packed = self.open(context, sealed)?;
        Ok(Some(self.sealing.seal(random, context, &packed)))
    }

    pub(crate) fn reseal_body(
        &self,
        random: &Random,
        hash: &Digest,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.reseal(random, &self.body_context(hash), sealed)
    }

    pub(crate) fn reseal_document(
        &self,
        random: &Random,
        call: CallId,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.reseal(random, &self.document_context(call), sealed)
    }

    /// Cuts a call's contents up: seals its document, and adds its bodies to `bodies`.
    pub(crate) fn take_apart(
        &self,
        sealer: &mut Sealer<'_>,
        call: FinishedCall,
        bodies: &mut Bodies,
    ) -> Result<Contents, StoreError> {
        let mut refs = Vec::new();
        let mut keep = |slot: Slot, bytes: Vec<u8>| {
            let hash = self.address(slot, &bytes);
            refs.push(Ref { slot, hash });
            bodies.entry(hash).or_insert(bytes);
        };
        let mut document = call.document;
        let instructions = std::mem::take(&mut document.decoded.system_instructions);
        if !instructions.is_empty() {
            keep(Slot::SystemInstructions, json(&instructions)?);
        }
        let tools = std::mem::take(&mut document.decoded.tool_definitions);
        if !tools.is_empty() {
            keep(Slot::ToolDefinitions, json(&tools)?);
        }
        for message in &call.messages.input {
            keep(Slot::Input, json(message)?);
        }
        for message in &call.messages.output {
            keep(Slot::Output, json(message)?);
        }
        if let Some(raw) = call.raw {
            keep(Slot::RawRequest, raw.request);
            keep(Slot::RawResponse, raw.response);
        }
        let document = json(&StoredDocument { version: DOCUMENT_VERSION, document: &document })?;
        let context = self.document_context(call.summary.call);
        let document = self.sealing.seal(sealer.random, &context, &sealer.pack(&document)?);
        Ok(Contents { document, refs: refs_to_bytes(&refs) })
    }

    pub(crate) fn seal_body(
        &self,
        sealer: &mut Sealer<'_>,
        hash: &Digest,
        plain: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let packed = sealer.pack(plain)?;
        Ok(self.sealing.seal(sealer.random, &self.body_context(hash), &packed))
    }

    pub(crate) fn open_body(&self, hash: &Digest, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let packed = self.open(&self.body_context(hash), sealed)?;
        unpack(packed).ok_or(StoreError::Damaged("body"))
    }

    pub(crate) fn open_document(&self, call: CallId, sealed: &[u8]) -> Result<CallDocument, StoreError> {
        let packed = self.open(&self.document_context(call), sealed)?;
        let stored: StoredDocument<serde_json::Value> =
            parse(&unpack(packed).unwrap_or_default(), "document")?;
        if stored.version > DOCUMENT_VERSION {
            return Err(StoreError::NewerDocument(stored.version));
        }
        serde_json::from_value(stored.document).map_err(|_| StoreError::Damaged("document"))
    }

    /// Puts a call together again.
    pub(crate) fn put_together(
        &self,
        summary: CallSummary,
        document: &[u8],
        refs: &[Ref],
        bodies: &Bodies,
    ) -> Result<CallDetail, StoreError> {
        let mut document = self.open_document(summary.call, document)?;
        let mut messages = CallMessages::default();
        let mut raw = None;
        for entry in refs {
            let body = bodies.get(&entry.hash).ok_or(StoreError::Damaged("list of bodies"))?;
            match entry.slot {
                Slot::SystemInstructions => {
                    document.decoded.system_instructions = parse(body, "system instructions")?;
                }
                Slot::ToolDefinitions => document.decoded.tool_definitions = parse(body, "tool definitions")?,
                Slot::Input => messages.input.push(parse(body, "message")?),
                Slot::Output => messages.output.push(parse(body, "message")?),
                Slot::RawRequest => raw.get_or_insert_with(RawBodies::default).request.clone_from(body),
                Slot::RawResponse => raw.get_or_insert_with(RawBodies::default).response.clone_from(body),
            }
        }
        Ok(CallDetail { summary, document: Some(document), messages, raw })
    }

    /// A tip as it is stored: with the client, since only the same client continues a conversation.
    pub(crate) fn chain_tip(&self, client: Option<[u8; 16]>, tip: &Digest) -> Digest {
        let client = client.as_ref().map_or([].as_slice(), |client| client);
        self.keys.hashing().digest(&[b"chain tip", client, tip])
    }

    fn body_context(&self, hash: &Digest) -> Vec<u8> {
        [b"body".as_slice(), self.scope.project().uuid().as_bytes(), hash].concat()
    }

    fn document_context(&self, call: CallId) -> Vec<u8> {
        [b"call document".as_slice(), self.scope.project().uuid().as_bytes(), call.uuid().as_bytes()].concat()
    }
}

/// The texts of a body in which people search.
pub(crate) fn any_text(slot: Slot, body: &[u8], found: &dyn Fn(&str) -> bool) -> Result<bool, StoreError> {
    Ok(match slot {
        Slot::SystemInstructions => {
            parse::<Vec<Part>>(body, "system instructions")?.iter().any(|part| in_part(part, found))
        }
        Slot::Input | Slot::Output => {
            let message: Message = parse(body, "message")?;
            message.name.as_deref().is_some_and(found)
                || message.parts.iter().any(|part| in_part(part, found))
        }
        Slot::RawRequest | Slot::RawResponse => found(&String::from_utf8_lossy(body)),
        Slot::ToolDefinitions => false,
    })
}

fn in_part(part: &Part, found: &dyn Fn(&str) -> bool) -> bool {
    match part {
        Part::Text { content } | Part::Reasoning { content } | Part::Refusal { content } => found(content),
        Part::ToolCall { name, arguments, .. } => found(name) || in_value(arguments, found),
        Part::ToolCallResponse { response, .. } => in_value(response, found),
        Part::Generic { value } => in_value(value, found),
    }
}

fn in_value(value: &serde_json::Value, found: &dyn Fn(&str) -> bool) -> bool {
    match value {
        serde_json::Value::String(text) => found(text),
        serde_json::Value::Array(items) => items.iter().any(|item| in_value(item, found)),
        serde_json::Value::Object(fields) => fields.values().any(|field| in_value(field, found)),
        _ => false,
    }
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(StoreError::Encode)
}

fn parse<T: for<'de> Deserialize<'de>>(bytes: &[u8], what: &'static str) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|_| StoreError::Damaged(what))
}

#[cfg(test)]
mod tests {
    use cp_base::{MasterKey, OrgId, ProjectId};

    use super::*;

    fn with_vault<T>(test: impl FnOnce(Vault, &mut Sealer<'_>) -> T) -> T {
        let random = Random::seeded(1);
        let (key, _) = MasterKey::new([1; 32]).new_data_key(&random, b"");
        let scope = ProjectScope::grant(
            OrgId::from_uuid(Default::default()),
            ProjectId::from_uuid(Default::default()),
        );
        test(Vault::new(scope, Arc::new(key.into())), &mut Sealer::new(&random).unwrap())
    }

    #[test]
    fn every_length_packs_and_unpacks() {
        with_vault(|_, sealer| {
            for length in [0, 1, MIN_COMPRESSED_LEN - 1, MIN_COMPRESSED_LEN, 5_000_000] {
                let plain: Vec<u8> = b"to be or not to be, ".iter().copied().cycle().take(length).collect();
                let packed = sealer.pack(&plain).unwrap();
                assert!(packed.len() <= MIN_COMPRESSED_LEN.max(length / 100), "{length} → {}", packed.len());
                assert_eq!(unpack(packed), Some(plain));
            }
        });
        assert_eq!(unpack(vec![]), None);
        assert_eq!(unpack(vec![9, 1]), None);
        assert_eq!(unpack(vec![ZSTD, 255, 255]), None);
    }

    #[test]
    fn refs_are_read_back_or_refused() {
        let refs = Slot::ALL.map(|slot| Ref { slot, hash: [slot as u8; 32] });
        let bytes = refs_to_bytes(&refs);
        assert_eq!(refs_from_bytes(&bytes), Some(refs.to_vec()));
        assert_eq!(refs_from_bytes(&bytes[1..]), None);
        assert_eq!(refs_from_bytes(&bytes[..bytes.len() - 1]), None);
    }

    const MESSAGE: &str = r#"{"role":"user","parts":[{"type":"text","content":"Good morning"},{"type":"tool_call","id":"t1","name":"look_up","arguments":{"city":"Lima"}},{"type":"tool_call_response","id":"t1","response":"rain"},{"type":"reasoning","content":"hm"},{"type":"refusal","content":"no"},{"type":"generic","value":{"type":"image"}}],"name":"ann"}"#;

    /// What format 1 wrote can be read for ever: these files are never made again.
    #[test]
    fn format_1_is_read() {
        let document = include_bytes!("../fixtures/format-1/document.sealed");
        let body = include_bytes!("../fixtures/format-1/message.sealed");
        with_vault(|vault, _| {
            let call = CallId::from_uuid(Default::default());
            let document = vault.open_document(call, document).unwrap();
            assert_eq!(document.query.as_deref(), Some("api-version=1"));
            assert_eq!(document.decoded.parameters["temperature"], 0.5);
            assert!(document.truncated);
            let hash = vault.keys.hashing().digest(&[b"message", MESSAGE.as_bytes()]);
            let body = vault.open_body(&hash, body).unwrap();
            assert_eq!(body, MESSAGE.as_bytes());
            assert!(any_text(Slot::Input, &body, &|text| text == "Good morning").unwrap());
        });
    }
}
