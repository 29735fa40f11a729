//! What folder and library made of a prompt, put together.

use cp_prompt::{Conflict, Content, Document, File, ModelConfig, Place, Syntax, has_markers, merge};
use serde_json::{Map, Value};

/// What came of it.
pub(super) enum Merged {
    /// A file that says what both wanted.
    Clean(Box<File>),
    /// Where they disagree.
    Conflicts(Vec<String>),
}

const CONFIG: &str = "config";
const SAID: &str = "said";

/// Merges what both made of a file.
pub(super) fn merge_files(base: &File, ours: &File, theirs: &File) -> Merged {
    let merged = merge(&whole(base), &whole(ours), &whole(theirs));
    if !merged.conflicts.is_empty() {
        return Merged::Conflicts(merged.conflicts.iter().map(told).collect());
    }
    let Document { syntax, content, config } = merged.document;
    let part = |name: &str| config.as_map().get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let document = Document { syntax, content, config: part(CONFIG).into() };
    match File::of(part(SAID), document) {
        Ok(file) => Merged::Clean(Box::new(file)),
        Err(error) => Merged::Conflicts(vec![format!("together, they do not fit: {}", error.what)]),
    }
}

/// A file as one document, whose fields are then merged like those of a configuration.
fn whole(file: &File) -> Document {
    let Document { syntax, content, config } = file.document.clone();
    let fields = [(CONFIG, Value::from(config)), (SAID, Value::Object(file.said()))];
    let fields: Map<String, Value> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Document { syntax, content, config: fields.into() }
}

fn told(conflict: &Conflict) -> String {
    let in_message =
        |message: Option<usize>| message.map_or_else(String::new, |number| format!(" of message {number}"));
    let sides = format!("here {}, in the library {}", shown(&conflict.ours), shown(&conflict.theirs));
    match &conflict.place {
        Place::Kind => "one is a text, the other one a chat".to_owned(),
        Place::Syntax => format!("syntax: {sides}"),
        Place::Lines { message, .. } => format!("lines{}: {sides}", in_message(*message)),
        Place::Message { message } => format!("message {message}: {sides}"),
        Place::Field { message, path } => format!("`{path}`{}: {sides}", in_message(Some(*message))),
        Place::Config { path } => {
            format!("`{}`: {sides}", path.trim_start_matches("/said").trim_start_matches('/'))
        }
    }
}

/// So much of a value as a line of a terminal has room for.
fn shown(value: &Value) -> String {
    const SHOWN: usize = 60;
    let text = match value {
        Value::Null => "nothing".to_owned(),
        value => value.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The lines of both files; where they disagree, both stand there between markers.
pub(super) fn merge_lines(base: Option<&File>, ours: &File, theirs: &File) -> String {
    let document = |text: String| Document {
        syntax: Syntax::Plain,
        content: Content::Text(text),
        config: ModelConfig::default(),
    };
    let base = base.map(File::format).unwrap_or_default();
    let merged = merge(&document(base), &document(ours.format()), &document(theirs.format()));
    match merged.document.content {
        Content::Text(text) if has_markers(&text) => text,
        // What disagrees need not lie in the same lines.
        _ => ours.format(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::parse(text).unwrap().file
    }

    const BASE: &str = "---\ndescription: a\nconfig:\n  model: m\n---\n\none\ntwo\nthree\n";

    fn merged(ours: &str, theirs: &str) -> Result<String, Vec<String>> {
        match merge_files(&file(BASE), &file(ours), &file(theirs)) {
            Merged::Clean(file) => Ok(file.format()),
            Merged::Conflicts(conflicts) => Err(conflicts),
        }
    }

    #[test]
    fn what_both_want_stands_together() {
        let ours = BASE.replace("description: a", "description: b").replace("one", "One");
        let theirs = BASE
            .replace("model: m", "model: m2")
            .replace("three", "Three")
            .replace("---\n\n", "tags: [t]\n---\n\n");
        let whole = "---\ndescription: b\ntags:\n- t\nconfig:\n  model: m2\n---\n\nOne\ntwo\nThree\n";
        assert_eq!(merged(&ours, &theirs).unwrap(), whole);
    }

    #[test]
    fn conflicts_name_the_place_and_both_sides() {
        let ours = BASE.replace("description: a", "description: b").replace("two", "zwei");
        let theirs = BASE.replace("description: a", "description: c").replace("two", "deux");
        assert_eq!(
            merged(&ours, &theirs).unwrap_err(),
            [
                r#"lines: here "zwei\n", in the library "deux\n""#,
                r#"`description`: here "b", in the library "c""#,
            ]
        );
        let text = merge_lines(Some(&file(BASE)), &file(&ours), &file(&theirs));
        assert!(has_markers(&text) && text.contains("\nzwei\n") && text.contains("\ndeux\n"), "{text}");
        assert!(text.contains("\ndescription: b\n") && text.contains("\ndescription: c\n"), "{text}");
        let strangers = merge_lines(None, &file(&ours), &file(&theirs));
        assert!(has_markers(&strangers), "{strangers}");
    }
}
