//! The names that a model goes by, from the one that a call says to those that a list may have.

/// The name itself and what it stands for, the most exact one first: without the path that some APIs write before it,
/// `ft:` and the base of a fine-tuned model, and each without the snapshot's mark. A shorter name is never among them.
pub(super) fn names(model: &str) -> impl Iterator<Item = &str> {
    let bare = model.rsplit('/').next().filter(|bare| *bare != model);
    let all = [Some(model), bare, tuned_base(model)];
    all.into_iter().flatten().flat_map(|name| [Some(name), unmarked(name)]).flatten()
}

/// `ft:gpt-4o-mini-2024-07-18` of `ft:gpt-4o-mini-2024-07-18:org:name:id`.
fn tuned_base(model: &str) -> Option<&str> {
    let (base, _) = model.strip_prefix("ft:")?.split_once(':')?;
    model.get(.."ft:".len() + base.len())
}

/// The name without the mark of a snapshot: `-2024-08-06`, `-20250929`, `@20250929`, `-001`, `@001`, `@default`, or
/// `-latest`.
fn unmarked(model: &str) -> Option<&str> {
    const DIGITS: [&str; 5] = ["-dddd-dd-dd", "-dddddddd", "@dddddddd", "-00d", "@00d"];
    let named = || ["-latest", "@latest", "@default"].iter().find_map(|mark| model.strip_suffix(mark));
    let dated = || DIGITS.iter().find_map(|shape| without(model, shape));
    named().or_else(dated).filter(|name| !name.is_empty())
}

fn without<'a>(model: &'a str, shape: &str) -> Option<&'a str> {
    let (name, mark) = model.split_at_checked(model.len().checked_sub(shape.len())?)?;
    let fits = |(byte, shape): (u8, u8)| if shape == b'd' { byte.is_ascii_digit() } else { byte == shape };
    mark.bytes().zip(shape.bytes()).all(fits).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_snapshot_is_taken_off() {
        for (model, name) in [
            ("gpt-4o-2024-08-06", Some("gpt-4o")),
            ("claude-sonnet-4-5-20250929", Some("claude-sonnet-4-5")),
            ("claude-sonnet-4-5@20250929", Some("claude-sonnet-4-5")),
            ("claude-sonnet-4-5-latest", Some("claude-sonnet-4-5")),
            ("claude-opus-4-8@default", Some("claude-opus-4-8")),
            ("gemini-2.0-flash-001", Some("gemini-2.0-flash")),
            ("gemini-2.0-flash@001", Some("gemini-2.0-flash")),
            ("gpt-4o", None),
            ("gpt-4-0613", None),
            ("mistral-large-2411", None),
            ("claude-sonnet-4-5-2025092", None),
            ("é-2024-08-0€", None),
            ("-latest", None),
            ("", None),
        ] {
            assert_eq!(unmarked(model), name, "{model}");
        }
    }

    #[test]
    fn the_most_exact_name_comes_first() {
        let all = |model| names(model).collect::<Vec<_>>();
        assert_eq!(all("gpt-4o"), ["gpt-4o"]);
        assert_eq!(
            all("publishers/google/models/gemini-2.0-flash@001"),
            [
                "publishers/google/models/gemini-2.0-flash@001",
                "publishers/google/models/gemini-2.0-flash",
                "gemini-2.0-flash@001",
                "gemini-2.0-flash",
            ]
        );
        assert_eq!(
            all("ft:gpt-4o-mini-2024-07-18:acme:support:Abc1"),
            ["ft:gpt-4o-mini-2024-07-18:acme:support:Abc1", "ft:gpt-4o-mini-2024-07-18", "ft:gpt-4o-mini"]
        );
    }
}
