//! Files with front matter: YAML between two lines `---`, and a text after it.

use cp_prompt::{File, FrontMatter};
use cp_wire::{NewPrompt, NewPromptVersion, PromptDetails, Variable};
use serde_json::{Map, Value};

use crate::entry::{Entries, Entry, object, some, text, texts};
use crate::{Found, ImportError, sections};

type Fields = Map<String, Value>;

/// Dotprompt: Handlebars, with helpers that part messages.
pub(crate) fn dotprompt(stem: &str, file: &str) -> Result<Found, ImportError> {
    let (fields, body) = parts(file)?;
    let input = object(&fields, "input");
    let config = with_model(text(&fields, "model"), object(&fields, "config"));
    let content = sections::by_role_helpers(body.trim());
    Ok(alone(content.map(|content| NewPrompt {
        name: text(&fields, "name").unwrap_or_else(|| stem.to_owned()),
        version: version(content, "mustache", config),
        details: PromptDetails {
            description: text(&fields, "description"),
            variables: variables(&object(&input, "schema"), &object(&input, "default")),
            metadata: Some(object(&fields, "metadata")).filter(|metadata| !metadata.is_empty()),
            ..PromptDetails::default()
        },
    })))
}

/// Prompty: Jinja, with lines such as `system:` that part messages.
pub(crate) fn prompty(stem: &str, file: &str) -> Result<Found, ImportError> {
    let (fields, body) = parts(file)?;
    let model = object(&fields, "model");
    let configuration = object(&model, "configuration");
    let named = ["azure_deployment", "model", "name"].iter().find_map(|key| text(&configuration, key));
    let named = named.or_else(|| text(&model, "id")).or_else(|| text(&fields, "model"));
    let parameters = ["parameters", "options"].iter().flat_map(|key| object(&model, key));
    let config = with_model(named, parameters.collect());
    Ok(alone(Ok(NewPrompt {
        name: text(&fields, "name").unwrap_or_else(|| stem.to_owned()),
        version: version(sections::by_role_lines(body), "jinja", config),
        details: PromptDetails {
            description: text(&fields, "description"),
            tags: some(texts(&fields, "tags")),
            variables: variables(&object(&fields, "inputs"), &Map::new()),
            ..PromptDetails::default()
        },
    })))
}

/// The library's own files, and plain Markdown, of which the text is the prompt.
pub(crate) fn markdown(stem: &str, file: &str) -> Result<Found, ImportError> {
    let file = File::parse_foreign(file)?.file;
    let name = file.name.as_ref().map_or_else(|| stem.to_owned(), ToString::to_string);
    Ok(alone(crate::new_prompt(name, &file)))
}

/// The front matter, empty where there is none, and what follows it.
fn parts(file: &str) -> Result<(Fields, &str), ImportError> {
    let FrontMatter { fields, body, .. } = FrontMatter::split(file)?;
    Ok((fields, body))
}

fn alone(prompt: Result<NewPrompt, String>) -> Found {
    let mut entries = Entries::default();
    entries.push("the prompt".to_owned(), prompt.map(|prompt| Entry { prompt, number: None }));
    entries.finish()
}

fn version(content: Value, syntax: &str, config: Fields) -> NewPromptVersion {
    NewPromptVersion { content, syntax: Some(syntax.to_owned()), config, ..NewPromptVersion::default() }
}

fn with_model(model: Option<String>, config: Fields) -> Fields {
    model.map(|model| ("model".to_owned(), model.into())).into_iter().chain(config).collect()
}

/// Variables of a schema: `name: string, what it is for`, or `name: { type, description, default }`.
fn variables(schema: &Fields, defaults: &Fields) -> Option<Vec<Variable>> {
    const KINDS: [&str; 6] = ["string", "number", "integer", "boolean", "array", "object"];
    let variable = |(name, said): (&String, &Value)| {
        let (kind, description, default) = match said {
            Value::String(said) => {
                let (kind, description) = said.split_once(',').unwrap_or((said, ""));
                (Some(kind.trim().to_owned()), description.trim().to_owned(), None)
            }
            Value::Object(fields) => (
                text(fields, "type"),
                text(fields, "description").unwrap_or_default(),
                fields.get("default").cloned(),
            ),
            _ => (None, String::new(), None),
        };
        let optional = name.strip_suffix('?');
        let name = optional.unwrap_or(name);
        let default = default.or_else(|| defaults.get(name).cloned());
        Variable {
            name: name.to_owned(),
            kind: kind.filter(|kind| KINDS.contains(&kind.as_str())),
            description,
            required: (optional.is_some() || default.is_some()).then_some(false),
            default,
            examples: Vec::new(),
        }
    };
    Some(schema.iter().map(variable).collect::<Vec<_>>()).filter(|variables| !variables.is_empty())
}
