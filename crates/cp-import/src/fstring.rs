//! Python's format strings, `{name}`, in the library's `{{name}}`.

/// The same text with `{{name}}` for `{name}`, and single braces for doubled ones.
pub(crate) fn to_mustache(text: &str) -> Result<String, String> {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(['{', '}']) {
        let (before, braces) = rest.split_at(place);
        made.push_str(before);
        rest = match (braces.strip_prefix("{{"), braces.strip_prefix("}}"), braces.strip_prefix('{')) {
            (Some(after), ..) => literal(&mut made, '{', after)?,
            (_, Some(after), _) => literal(&mut made, '}', after)?,
            (.., Some(field)) => variable(&mut made, field)?,
            _ => return Err("it has a single `}`, which no format string can".to_owned()),
        };
    }
    Ok(made + rest)
}

fn variable<'a>(made: &mut String, field: &'a str) -> Result<&'a str, String> {
    let (name, after) = field.split_once('}').ok_or("it has a `{` that nothing closes")?;
    let plain = |letter: char| letter.is_alphanumeric() || letter == '_';
    if name.is_empty() || !name.chars().all(plain) || name.starts_with(|first: char| first.is_numeric()) {
        return Err(format!("its field `{{{name}}}` is more than a name"));
    }
    if made.ends_with('{') {
        return Err(MEETING.to_owned());
    }
    made.push_str(&format!("{{{{{name}}}}}"));
    Ok(after)
}

const MEETING: &str = "braces of its text meet and would be read as a variable";

fn literal<'a>(made: &mut String, brace: char, after: &'a str) -> Result<&'a str, String> {
    if made.ends_with(brace) {
        return Err(MEETING.to_owned());
    }
    made.push(brace);
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_variables_and_doubled_braces_single_ones() {
        assert_eq!(to_mustache("Hi {name}, {{\"a\": {n_1} }}").unwrap(), "Hi {{name}}, {\"a\": {{n_1}} }");
        for wrong in ["{price:.2f}", "{a.b}", "{}", "{0}", "{open", "shut}", "{{{{x}}}}", "{{{x}}}"] {
            assert!(to_mustache(wrong).is_err(), "{wrong}");
        }
    }
}
