//! Whom a comment mentions: `@anna@x.example`, `@anna`.

/// The names behind each `@` that begins a word, in order, each once. Whose they are is for others to say.
#[must_use]
pub fn mentions(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut before = None;
    for (at, letter) in text.char_indices() {
        let begins = letter == '@' && before.is_none_or(|letter: char| !is_of_name(letter));
        before = Some(letter);
        if !begins {
            continue;
        }
        let rest = text.get(at + 1..).unwrap_or_default();
        let end = rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default().trim_end_matches(['.', '-', '@']);
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || "@._-+".contains(letter)
}

/// Whether a mention means somebody with this address and name: the address, what stands before its `@`, or the name with
/// its spaces left out or written as `.`, `-` or `_`; in whatever case.
#[must_use]
pub fn is_meant(mention: &str, email: &str, name: &str) -> bool {
    let bare = |text: &str| -> String {
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    if mention.contains('@') {
        return mention.to_lowercase() == email.to_lowercase();
    }
    let local = email.split('@').next().unwrap_or_default();
    let name = bare(name);
    mention.to_lowercase() == local.to_lowercase() || (!name.is_empty() && bare(mention) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_begins_a_word_and_ends_with_its_name() {
        let text = "@anna, see (@bo.b@x.example): mail me@x.example, @anna. @ and @@ are nobody; @Ürün-Ö!";
        assert_eq!(mentions(text), ["anna", "bo.b@x.example", "Ürün-Ö"]);
        assert!(mentions("").is_empty());
    }

    #[test]
    fn somebody_is_meant_by_address_or_name() {
        let meant = |mention| is_meant(mention, "anna.b@x.example", "Anna Berg");
        for mention in
            ["anna.b@x.example", "Anna.B@X.example", "anna.b", "AnnaBerg", "anna-berg", "anna_berg"]
        {
            assert!(meant(mention), "{mention}");
        }
        for mention in ["anna", "anna.b@y.example", "berg"] {
            assert!(!meant(mention), "{mention}");
        }
        assert!(!is_meant("_", "anna@x.example", ""));
    }
}
