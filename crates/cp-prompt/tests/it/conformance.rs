//! The published vectors of rendering: whoever renders prompts elsewhere can hold their engine against them.

use cp_prompt::{Syntax, Template, TemplateError};
use serde_json::{Map, Value, json};

const VECTORS: &str = include_str!("../../../../docs/conformance/render.json");

#[test]
fn every_vector_renders_as_it_is_published() {
    /// What a case comes to: an output, or an error with its place and words.
    fn outcome(case: &Value) -> Map<String, Value> {
        let syntax: Syntax = case["syntax"].as_str().unwrap().parse().unwrap();
        let values = case["values"].as_object().unwrap();
        let render = |template: &str| Template::parse(syntax, template)?.render(values);
        let told = match render(case["template"].as_str().unwrap()) {
            Ok(output) => json!({ "output": output }),
            Err(TemplateError { fault, position }) => json!({
                "error": { "code": fault.code(), "position": position, "message": fault.to_string() },
            }),
        };
        told.as_object().unwrap().clone()
    }

    let cases: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    assert!(cases.len() >= 80, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let mut rendered = case.as_object().unwrap().clone();
        rendered.remove("output");
        rendered.remove("error");
        rendered.extend(outcome(case));
        if rendered != *case.as_object().unwrap() {
            wrong.push(Value::Object(rendered));
        }
    }
    assert!(wrong.is_empty(), "{}", serde_json::to_string_pretty(&wrong).unwrap());
}

#[test]
fn every_difference_from_langfuse_says_why() {
    let cases: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let compared: Vec<&Value> = cases.iter().filter(|case| case["syntax"] == "mustache").collect();
    assert!(compared.len() >= 15, "{}", compared.len());
    for case in compared {
        assert_eq!(case["output"] != case["langfuse_python"], case["difference"].is_string(), "{case}");
    }
}
