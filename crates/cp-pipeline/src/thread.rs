//! Conversations without a cookie: who sends the chain of an earlier call and its answer goes on with it.

use cp_base::{Digest, SealingKey};
use cp_genai::{Message, identity_bytes};
use cp_traffic::CallMessages;

/// Answers of this many turns back are looked for; a client that cuts its history deeper begins a conversation.
const MAX_LOOKED_FOR: usize = 64;

/// The rolling digest of a call's messages: `link[n] = digest(link[n-1], message[n])`.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    /// Links that end with an answer of the model: the tips of calls that this one may continue, the longest first.
    answered: Vec<Digest>,
    /// The link that ends with this call's own answer.
    tip: Option<Digest>,
}

impl Chain {
    pub(crate) fn of(key: &SealingKey, messages: &CallMessages) -> Self {
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
        let tip = messages.output.first().map(|answer| key.digest(&[&link, &identity_bytes(answer)]));
        Self { answered, tip }
    }

    /// The tips that this call may continue, the longest first.
    pub(crate) fn answered(&self) -> &[Digest] {
        &self.answered
    }

    pub(crate) fn tip(&self) -> Option<Digest> {
        self.tip
    }
}

/// Instructions are not turns: many clients write the date into them, and they stand anew before each call.
fn is_turn(message: &Message) -> bool {
    !matches!(message.role.as_str(), "system" | "developer")
}
