//! Prompts as somebody may write them: templates, names of others within them, and two lines that are merged.

use cp_prompt::{
    Compiled, Content, Document, Fetched, MAX_OUTPUT_BYTES, ModelConfig, Reference, Rendered, Syntax, Values,
    VersionNumber, includes, merge, resolve,
};
use serde_json::{Value, json};

/// What is no template is refused; what is one renders within bounds, the same each time. A prompt that includes itself
/// ends in an error. A merge with oneself changes nothing. The first byte says the syntax.
pub fn templates(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let syntax = Syntax::ALL.get(usize::from(*first) % Syntax::ALL.len()).copied().unwrap_or_default();
    let document = document(syntax, text);
    assert_eq!(Document::decode(&document.canonical()).ok().as_ref(), Some(&document));
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string().parse().as_ref(), Ok(&reference));
    }
    let itself = |_: &Reference| Some(Fetched { version: VersionNumber::FIRST, document: document.clone() });
    if let Ok(found) = includes(&document)
        && !found.is_empty()
    {
        assert!(resolve(&document, itself).is_err(), "a circle was put together");
    }
    rendered(&document);
    let (one, other) = text.split_at(text.floor_char_boundary(text.len() / 2));
    let other = self::document(syntax, other);
    let merged = merge(&self::document(syntax, one), &other, &other);
    assert_eq!((merged.document, merged.conflicts.len()), (other, 0));
}

fn document(syntax: Syntax, text: &str) -> Document {
    Document { syntax, content: Content::Text(text.to_owned()), config: ModelConfig::default() }
}

fn rendered(document: &Document) {
    let Ok(compiled) = Compiled::new(document) else { return };
    let samples = [json!("text"), json!(7), json!([1, "a", null]), json!({ "name": "x", "items": [1] })];
    let given = compiled.variables().iter().zip(samples.iter().cycle());
    let values: Values =
        given.map(|(variable, sample)| (variable.name.to_string(), sample.clone())).collect();
    let once = compiled.render(&values);
    assert_eq!(compiled.render(&values), once);
    if let Ok(Rendered::Text(text)) = once {
        assert!(text.len() <= MAX_OUTPUT_BYTES, "{} bytes", text.len());
    }
    // Without values it fails or does not need them; it does not panic.
    drop(compiled.render(&Values::from_iter([("x".to_owned(), Value::Null)])));
}
