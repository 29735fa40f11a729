//! Files as other programs write them, and what is made of each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use cp_import::{Format, Found, read};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Reads a file whose name, or else whose content, says its format.
fn found(name: &str, text: &str) -> Found {
    let format = Format::of(name, text).unwrap();
    read(format, name.rsplit_once('.').unwrap().0, text).unwrap()
}

/// Name, content, syntax and configuration of each.
fn said(found: &Found) -> Vec<Value> {
    let prompts = found.prompts.iter().map(|imported| &imported.prompt);
    prompts
        .map(|new| json!([new.name, new.version.content, new.version.syntax, new.version.config]))
        .collect()
}

#[test]
fn langfuse_versions_come_in_order_and_a_list_of_names_is_left_out() {
    let page = json!({ "data": [
        { "name": "greet", "version": 2, "type": "chat", "config": { "model": "m" }, "commitMessage": "warmer",
          "labels": ["latest", "production"], "tags": ["a"],
          "prompt": [{ "type": "chatmessage", "role": "system", "content": "Hi {{name}}" },
                     { "type": "placeholder", "name": "history" }] },
        { "name": "greet", "version": 1, "type": "chat", "config": {}, "labels": [], "tags": ["a"],
          "prompt": [{ "role": "system", "content": "Hello" }] },
        { "name": "bare", "versions": [1, 2], "labels": [], "tags": [] },
    ], "meta": { "page": 1 } });
    let found = found("prompts.json", &page.to_string());
    assert_eq!(
        said(&found),
        [
            json!(["greet", [{ "role": "system", "content": "Hello" }], "mustache", {}]),
            json!(["greet", [{ "type": "chatmessage", "role": "system", "content": "Hi {{name}}" },
                { "type": "placeholder", "name": "history" }], "mustache", { "model": "m" }]),
        ]
    );
    let newest = &found.prompts[1].prompt.version;
    assert_eq!(
        (newest.labels.as_slice(), newest.message.as_str()),
        (&["production".to_owned()][..], "warmer")
    );
    assert_eq!(found.skipped.len(), 1);
    assert!(found.skipped[0].place == "entry 3" && found.skipped[0].why.contains("list of names"));
}

#[test]
fn promptlayer_templates_in_python_syntax_get_the_librarys() {
    let page = json!({ "items": [
        { "prompt_name": "sum", "version": 1, "tags": ["t"], "commit_message": "first",
          "prompt_template": { "type": "chat", "messages": [
              { "role": "user", "template_format": "f-string", "content": [{ "type": "text", "text": "Sum {text} as {{}}" }] }] },
          "metadata": { "model": { "provider": "openai", "name": "gpt-4o", "parameters": { "temperature": 0.5, "n": null } } } },
        { "prompt_name": "odd", "version": 1, "prompt_template": { "type": "completion",
          "content": [{ "type": "text", "text": "{price:.2f}" }] } },
    ] });
    let found = found("layer.json", &page.to_string());
    assert_eq!(
        said(&found),
        [json!(["sum", [{ "role": "user", "content": "Sum {{text}} as {}" }], "mustache",
            { "model": "gpt-4o", "temperature": 0.5 }])]
    );
    assert!(found.skipped[0].why.contains("price:.2f"), "{:?}", found.skipped);
}

#[test]
fn mlflow_templates_stand_in_a_field_or_in_a_tag() {
    let page = json!({ "model_versions": [
        { "name": "a", "version": "1", "description": "why", "aliases": ["champion"],
          "tags": [{ "key": "mlflow.prompt.is_prompt", "value": "true" },
                   { "key": "mlflow.prompt.text", "value": "Say {{ x }}" }] },
        { "name": "model", "version": "1", "tags": [] },
    ] });
    let tagged = found("registry.json", &page.to_string());
    assert_eq!(said(&tagged), [json!(["a", "Say {{ x }}", "mustache", {}])]);
    assert_eq!(tagged.prompts[0].prompt.version.labels, ["champion"]);
    assert!(tagged.skipped[0].why.contains("it is a model"), "{:?}", tagged.skipped);
    let plain = json!({ "name": "b", "version": 3, "template": [{ "role": "user", "content": "{{q}}" }] });
    assert_eq!(
        said(&found("prompt.json", &plain.to_string())),
        [json!(["b", [{ "role": "user", "content": "{{q}}" }], "mustache", {}])]
    );
}

#[test]
fn phoenix_versions_are_named_by_their_file_where_no_prompt_is_beside_them() {
    let version = json!({ "data": { "description": "d", "model_provider": "OPENAI", "model_name": "gpt-4o",
        "template_type": "CHAT", "template_format": "MUSTACHE",
        "template": { "type": "chat", "messages": [
            { "role": "user", "content": [{ "type": "text", "text": "Ask {{q}}" }] },
            { "role": "ai", "content": "Yes" }] },
        "invocation_parameters": { "type": "openai", "openai": { "temperature": 0 } } } });
    assert_eq!(
        said(&found("asker.json", &version.to_string())),
        [
            json!(["asker", [{ "role": "user", "content": "Ask {{q}}" }, { "role": "assistant", "content": "Yes" }],
            "mustache", { "model": "gpt-4o", "temperature": 0 }])
        ]
    );
}

#[test]
fn a_table_has_a_row_a_prompt() {
    let found =
        found("prompts.csv", "act,prompt,for_devs\nLinux Terminal,\"Act as\na terminal\",TRUE\nEmpty,,\n");
    assert_eq!(said(&found), [json!(["Linux Terminal", "Act as\na terminal", "none", {}])]);
    let metadata = found.prompts[0].prompt.details.metadata.as_ref().unwrap();
    assert_eq!(metadata["for_devs"], "TRUE");
    assert_eq!(
        (found.skipped[0].place.as_str(), found.skipped[0].why.as_str()),
        ("line 4", "it says nothing")
    );
    assert!(read(Format::Csv, "x", "a,b\n1,2\n").unwrap_err().to_string().contains("column `act`"));
}

#[test]
fn promptfoo_prompts_are_texts_or_name_other_files() {
    let yaml = "description: x\nprompts:\n  - 'Translate {{text}}'\n  - file://more.txt\n  - label: named\n    raw: |-\n      \
                [{\"role\": \"user\", \"content\": \"{{ q }}\"}]\nproviders: [openai:gpt-4o]\n";
    let found = found("promptfooconfig.yaml", yaml);
    assert_eq!(
        said(&found),
        [
            json!(["promptfooconfig/1", "Translate {{text}}", null, {}]),
            json!(["named", [{ "role": "user", "content": "{{ q }}" }], null, {}]),
        ]
    );
    assert!(found.skipped[0].why.contains("file://more.txt"), "{:?}", found.skipped);
    assert!(read(Format::Promptfoo, "x", "tests: []").unwrap_err().to_string().contains("prompts"));
    assert!(read(Format::Promptfoo, "x", "prompts: [").is_err());
}

#[test]
fn front_matter_says_what_a_file_is() {
    let dot = "---\nmodel: google/gemini\nconfig:\n  temperature: 0.7\ninput:\n  schema:\n    name?: string, who\n  \
               default:\n    name: Guest\n---\n{{role \"system\"}}\nGreet {{name}}.\n";
    let dot = found("greeting.prompt", dot);
    assert_eq!(
        said(&dot),
        [json!(["greeting", [{ "role": "system", "content": "Greet {{name}}." }], "mustache",
            { "model": "google/gemini", "temperature": 0.7 }])]
    );
    let variable = &dot.prompts[0].prompt.details.variables.as_ref().unwrap()[0];
    assert_eq!((variable.name.as_str(), variable.description.as_str()), ("name", "who"));
    assert_eq!((variable.required, variable.default.as_ref()), (Some(false), Some(&json!("Guest"))));

    let prompty = "---\nname: Basic\nmodel:\n  api: chat\n  configuration:\n    azure_deployment: gpt-4o\n  parameters:\n    \
                   max_tokens: 128\n---\nsystem:\nBe brief.\n\nuser:\n{{question}}\n";
    assert_eq!(
        said(&found("basic.prompty", prompty)),
        [
            json!(["Basic", [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "{{question}}" }],
            "jinja", { "model": "gpt-4o", "max_tokens": 128 }])
        ]
    );

    let plain = found("note.md", "---\ntags: [x]\nlabels: [staging]\n---\n# Title\n---\nText\n");
    assert_eq!(said(&plain), [json!(["note", "# Title\n---\nText", "jinja", {}])]);
    assert_eq!(plain.prompts[0].prompt.version.labels, ["staging"]);
    assert!(read(Format::Markdown, "x", "---\nopen").unwrap_err().to_string().contains("line 1"));
}

#[test]
fn what_the_library_cannot_hold_is_left_out_with_the_reason() {
    let page = json!([
        { "name": " edges ", "version": 1, "prompt": "x" },
        { "name": "shape", "version": 1, "prompt": 7 },
        { "version": 1, "prompt": "x" },
    ]);
    let found = found("l.json", &page.to_string());
    assert_eq!(found.prompts, []);
    let whys: Vec<&str> = found.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    assert!(
        whys[0].contains("white space") && whys[1].contains("a number") && whys[2].contains("`name`"),
        "{whys:?}"
    );
    let lines = read(Format::Jsonl, "x", "\n{\"prompt\": 1}\n").unwrap();
    assert_eq!((lines.prompts.len(), lines.skipped[0].place.as_str()), (0, "line 2"));
    assert_eq!(Format::of("a.bin", ""), None);
    assert_eq!(Format::of("a.json", "{}"), None);
    assert!("word".parse::<Format>().unwrap_err().contains("langfuse"));
}

/// JSON of a few levels, with the fields that readers look for.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[{}a-z:.!# ]{0,12}".prop_map(Value::from)
    ];
    let key = prop::sample::select(vec![
        "name",
        "prompt",
        "prompts",
        "data",
        "version",
        "versions",
        "template",
        "template_format",
        "messages",
        "content",
        "text",
        "role",
        "type",
        "tags",
        "key",
        "value",
        "prompt_template",
        "prompt_name",
        "raw",
        "id",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from);
        let fields = prop::collection::vec((key.clone(), inner), 0..6);
        prop_oneof![
            list,
            fields.prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            })
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_found_can_be_stored(json in value(), text in "(---\n)?[-a-z:{}\"',\\[\\]# \n\r]{0,80}") {
        for (_, format) in Format::ALL {
            for text in [json.to_string(), text.clone()] {
                let Ok(found) = read(format, "stem", &text) else { continue };
                for imported in found.prompts {
                    prop_assert!(cp_import::digest(&imported.prompt).is_some());
                }
            }
        }
    }
}
