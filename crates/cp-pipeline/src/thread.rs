//! Conversations without a cookie: who sends the chain of an earlier call and its answer goes on with it. Where a
//! provider has its own way of going on, such as OpenAI's `previous_response_id`, that is believed first.

use cp_base::{Digest, SealingKey};
use cp_capture::Opening;
use cp_genai::{DecodedCall, Message, Part, identity_bytes};
use cp_traffic::CallMessages;
use serde_json::Value;

/// Answers of this many turns back are looked for; a client that cuts its history deeper begins a conversation.
const MAX_LOOKED_FOR: usize = 64;

/// Of an answer in several choices so many can be gone on with.
const MAX_CHOICES: usize = 16;

/// The rolling digest of a call's messages: `link[n] = digest(link[n-1], message[n])`.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    /// Links that end with an answer of the model: the tips of calls that this one may continue, the longest first.
    answered: Vec<Digest>,
    /// The link that ends with this call's own answer.
    tip: Option<Digest>,
    /// Handles for the links that end with one of its other choices.
    choices: Vec<Digest>,
    /// By what handle this call goes on with another choice than the first.
    chosen: Option<Digest>,
}

impl Chain {
    pub(crate) fn of(key: &SealingKey, client: Option<[u8; 16]>, messages: &CallMessages) -> Self {
        let mut link = Digest::default();
        let mut answered = Vec::new();
        for message in messages.input.iter().filter(|message| is_turn(message)) {
            link = key.digest(&[&link, &identity_bytes(message)]);
            if message.role == "assistant" {
                answered.push(link);
            }
        }
        answered.reverse();
        answered.truncate(MAX_LOOKED_FOR);
        let mut ends = messages.output.iter().map(|answer| key.digest(&[&link, &identity_bytes(answer)]));
        let tip = ends.next();
        // A handle holds for all clients, and a chain for its own.
        let client = client.unwrap_or_default();
        let choice = |link: &Digest| key.digest(&[b"choice", &client, link]);
        let choices = ends.take(MAX_CHOICES).map(|link| choice(&link)).collect();
        let chosen = answered.first().map(choice);
        Self { answered, tip, choices, chosen }
    }

    /// The tips that this call may continue, the longest first.
    pub(crate) fn answered(&self) -> &[Digest] {
        &self.answered
    }

    pub(crate) fn tip(&self) -> Option<Digest> {
        self.tip
    }

    /// The handles of the choices beyond the first.
    pub(crate) fn choices(&self) -> &[Digest] {
        &self.choices
    }

    pub(crate) fn chosen(&self) -> Option<Digest> {
        self.chosen
    }
}

/// What a call says of its conversation in the provider's own terms.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// What it continues.
    pub(crate) continues: Option<Digest>,
    /// By what later calls may continue it.
    pub(crate) handles: Vec<Digest>,
}

impl Named {
    /// OpenAI's Responses and Google's Interactions keep answers under their ids, and OpenAI their items and conversations
    /// too; Anthropic keeps an answer where it is asked for a thread.
    pub(crate) fn of(
        key: &SealingKey,
        opening: &Opening,
        call: &DecodedCall,
        messages: &CallMessages,
    ) -> Self {
        let path = opening.path.trim_end_matches('/');
        let keeps_answers = path.ends_with("/responses") || path.ends_with("/interactions");
        let thread = call.parameters.get("thread").and_then(Value::as_object);
        if !keeps_answers && thread.is_none() {
            return Self::default();
        }
        let provider = opening.provider.as_bytes();
        let digest = |kind: &[u8], id: &str| key.digest(&[kind, provider, id.as_bytes()]);
        let said = |name: &str| call.parameters.get(name);
        let previous = ["previous_response_id", "previous_interaction_id"]
            .into_iter()
            .find_map(|name| said(name)?.as_str())
            .or_else(|| thread?.get("previous_message_id")?.as_str());
        let conversation = said("conversation")
            .and_then(|value| value.as_str().or_else(|| value.get("id").and_then(Value::as_str)))
            .map(|id| digest(b"conversation", id));
        let response = call.response_id.as_deref().map(|id| response_digest(key, &opening.provider, id));
        let item = last_item(&messages.output, |_| true).map(|id| digest(b"item", id));
        let referred = last_item(&messages.input, is_reference).map(|id| digest(b"item", id));
        Self {
            continues: previous
                .map(|id| response_digest(key, &opening.provider, id))
                .or(conversation)
                .or(referred),
            handles: response.into_iter().chain(conversation).chain(item).collect(),
        }
    }
}

/// The handle of an answer that the provider keeps.
pub(crate) fn response_digest(key: &SealingKey, provider: &str, id: &str) -> Digest {
    key.digest(&[b"response", provider.as_bytes(), id.as_bytes()])
}

/// The id of the last item that has one. Clients may send an item's id in its stead.
fn last_item(messages: &[Message], is_meant: fn(&Value) -> bool) -> Option<&str> {
    let parts = messages.iter().rev().flat_map(|message| message.parts.iter().rev());
    let mut values = parts.filter_map(|part| match part {
        Part::Generic { value } if is_meant(value) => Some(value),
        _ => None,
    });
    values.find_map(|value| value.get("id")?.as_str())
}

fn is_reference(item: &Value) -> bool {
    item.get("type").is_some_and(|kind| kind == "item_reference")
}

/// Instructions are not turns: many clients write the date into them, and they stand anew before each call.
fn is_turn(message: &Message) -> bool {
    !matches!(message.role.as_str(), "system" | "developer")
}
