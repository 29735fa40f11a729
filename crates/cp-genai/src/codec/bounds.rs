//! What a body may make of memory. A list or object of three bytes takes a hundred times as much when it is read, and a
//! message a thousand times as much when it is stored, so that a few megabytes written for it would fill a machine.

use crate::Message;

/// Lists and objects in one JSON text. The longest conversations with the most tools have some thousands.
const MAX_CONTAINERS: usize = 100_000;
/// Values between commas, with room for the embeddings of a page of inputs.
const MAX_VALUES: usize = 500_000;
/// Parts of the messages of one side of a call; a message without one counts as one.
const MAX_PARTS: usize = 20_000;

/// Refuses a JSON text of too many values.
pub(super) fn check(text: &[u8]) -> Result<(), String> {
    let (mut containers, mut values, mut in_string, mut escaped) = (0, 1, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => containers += 1,
            b',' if !in_string => values += 1,
            _ => {}
        }
    }
    if containers <= MAX_CONTAINERS && values <= MAX_VALUES {
        return Ok(());
    }
    Err(format!(
        "it holds {values} values in {containers} lists and objects; {MAX_VALUES} in {MAX_CONTAINERS} are read at most"
    ))
}

/// Leaves out what is too much, and says so.
pub(super) fn limit(messages: &mut Vec<Message>, warnings: &mut Vec<String>) {
    let (mut left, count) = (MAX_PARTS, messages.len());
    let mut cut = false;
    messages.retain_mut(|message| {
        cut |= message.parts.len() > left;
        message.parts.truncate(left);
        let kept = left > 0;
        left = left.saturating_sub(message.parts.len().max(1));
        kept
    });
    if cut || messages.len() < count {
        warnings.push(format!("Of the messages, only the first {MAX_PARTS} parts are kept."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Part;

    fn message(parts: usize) -> Message {
        let part = Part::Text { content: "x".to_owned() };
        Message { role: "user".to_owned(), parts: vec![part; parts], name: None, finish_reason: None }
    }

    #[test]
    fn only_what_is_no_text_is_counted() {
        let text = format!(r#"{{"code": "{}\"{}"}}"#, "[".repeat(MAX_CONTAINERS), "{".repeat(9));
        assert_eq!(check(text.as_bytes()), Ok(()));
        assert_eq!(check("[".repeat(MAX_CONTAINERS).as_bytes()), Ok(()));
        assert!(check("[".repeat(MAX_CONTAINERS + 1).as_bytes()).unwrap_err().contains("100001"));
        assert_eq!(check(",".repeat(MAX_VALUES - 1).as_bytes()), Ok(()));
        assert!(check(",".repeat(MAX_VALUES).as_bytes()).unwrap_err().contains("500001"));
    }

    #[test]
    fn what_is_too_much_is_left_out_and_named() {
        let mut warnings = Vec::new();
        let mut messages = vec![message(1), message(MAX_PARTS - 1)];
        limit(&mut messages, &mut warnings);
        assert_eq!((messages.len(), warnings.len()), (2, 0));
        messages.push(message(0));
        limit(&mut messages, &mut warnings);
        assert_eq!((messages.len(), warnings.len()), (2, 1));
        let mut messages = vec![message(3), message(MAX_PARTS)];
        limit(&mut messages, &mut warnings);
        assert_eq!((messages[1].parts.len(), warnings.len()), (MAX_PARTS - 3, 2));
    }
}
