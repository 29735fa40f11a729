//! Texts that hold several messages.

use serde_json::{Value, json};

/// `system:` alone on a line begins a message of that role.
pub(crate) fn by_role_lines(body: &str) -> Value {
    const ROLES: [&str; 6] = ["system", "user", "assistant", "developer", "tool", "function"];
    let mut messages: Vec<(String, String)> = Vec::new();
    for line in body.split_inclusive('\n') {
        let role = line.trim().trim_start_matches('#').trim_start().strip_suffix(':');
        let role = role.map(str::to_ascii_lowercase).filter(|role| ROLES.contains(&role.as_str()));
        match (role, messages.last_mut()) {
            (Some(role), _) => messages.push((role, String::new())),
            (None, Some((_, text))) => text.push_str(line),
            (None, None) if line.trim().is_empty() => {}
            (None, None) => messages.push(("system".to_owned(), line.to_owned())),
        }
    }
    messages.into_iter().map(|(role, text)| json!({ "role": role, "content": text.trim() })).collect()
}

/// Dotprompt's `{{role "…"}}` and `{{history}}`; a text without them stays one.
pub(crate) fn by_role_helpers(body: &str) -> Result<Value, String> {
    let mut parts: Vec<Value> = Vec::new();
    let (mut role, mut text, mut rest) = (None, String::new(), body);
    while let Some((before, (tag, after))) =
        rest.split_once("{{").and_then(|(before, tag)| Some((before, tag.split_once("}}")?)))
    {
        text.push_str(before);
        rest = after;
        let tag = tag.trim();
        match tag.split_once(char::is_whitespace) {
            Some(("role", named)) => {
                close(&mut parts, role.as_deref(), &mut text);
                role = Some(named.trim().trim_matches(['"', '\'']).to_owned());
            }
            None if tag == "history" => {
                close(&mut parts, role.as_deref(), &mut text);
                parts.push(json!({ "type": "placeholder", "name": "history" }));
            }
            None if tag.chars().all(|letter| letter.is_alphanumeric() || letter == '_') => {
                text.push_str(&format!("{{{{{tag}}}}}"));
            }
            _ if tag.starts_with('!') => {}
            _ => return Err(format!("it uses `{{{{{tag}}}}}` of Handlebars, which the library cannot say")),
        }
    }
    text.push_str(rest);
    if role.is_none() && parts.is_empty() {
        return Ok(text.into());
    }
    close(&mut parts, role.as_deref(), &mut text);
    Ok(parts.into())
}

fn close(parts: &mut Vec<Value>, role: Option<&str>, text: &mut String) {
    let said = std::mem::take(text);
    let role = match role {
        Some("model") => "assistant",
        Some(role) => role,
        None => "user",
    };
    if !said.trim().is_empty() {
        parts.push(json!({ "role": role, "content": said.trim() }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_lines_part_messages() {
        let said = by_role_lines("system:\nBe brief.\n\nuser:\n{{ question }}\n");
        assert_eq!(
            said,
            json!([{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "{{ question }}" }])
        );
    }

    #[test]
    fn role_helpers_part_messages_and_other_helpers_are_refused() {
        let said =
            by_role_helpers("{{role \"system\"}}Be {{ tone }}.{{history}}{{role \"model\"}}Yes").unwrap();
        assert_eq!(
            said,
            json!([
                { "role": "system", "content": "Be {{tone}}." },
                { "type": "placeholder", "name": "history" },
                { "role": "assistant", "content": "Yes" },
            ])
        );
        assert_eq!(by_role_helpers("Hello {{name}}{{! aside }}").unwrap(), json!("Hello {{name}}"));
        assert!(by_role_helpers("{{#if a}}b{{/if}}").unwrap_err().contains("{{#if a}}"));
    }
}
