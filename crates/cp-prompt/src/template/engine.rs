//! The engine as prompts may use it: nothing that reads, nothing that lasts, nothing that grows without bound.

use std::sync::OnceLock;

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::error::{Fault, Position, TemplateError};
use super::value;

/// The functions that a template can call, beside its own macros.
pub(super) const FUNCTIONS: &[&str] = &["dict", "namespace", "range"];

/// The filters that a template can use.
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// The tests that a template can make.
pub(super) const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// What one rendering may take: about so many steps, or 64 times as many bytes.
const FUEL: u64 = 200_000;
/// How deep calls of macros and recursive loops may go.
const RECURSION: usize = 64;
/// How many tokens stand in one tag, and how many `elif` in one template. The engine walks what it has read by recursion;
/// these bound its stack, together with the depth that its parser bounds itself.
const MAX_TAG_TOKENS: usize = 400;
const MAX_ALTERNATIVES: usize = 100;

pub(super) fn syntax() -> SyntaxConfig {
    // A prompt's last line break is its author's.
    SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default()
}

/// An engine without templates.
pub(super) fn environment() -> Environment<'static> {
    static BASE: OnceLock<Environment<'static>> = OnceLock::new();
    BASE.get_or_init(|| {
        let mut engine = Environment::new();
        engine.set_syntax(syntax());
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_auto_escape_callback(|_| AutoEscape::None);
        engine.set_formatter(value::write);
        engine.set_fuel(Some(FUEL));
        engine.set_recursion_limit(RECURSION);
        engine.remove_global("debug");
        engine.remove_filter("pprint");
        engine.add_filter("tojson", value::to_json);
        engine
    })
    .clone()
}

/// Refuses what would take the engine's stack, before the engine reads it.
pub(super) fn check_depth(source: &str) -> Result<(), TemplateError> {
    let (mut tokens, mut alternatives, mut begins) = (0_usize, 0_usize, false);
    // What cannot be split into tokens cannot be parsed either, and is told of there.
    for (token, span) in tokenize(source, false, syntax()).map_while(Result::ok) {
        tokens += 1;
        match token {
            Token::VariableStart | Token::BlockStart => tokens = 0,
            Token::Ident("elif") if begins => alternatives += 1,
            _ => {}
        }
        begins = matches!(token, Token::BlockStart);
        let what = if tokens > MAX_TAG_TOKENS {
            "one tag has more than 400 words and signs in it: split it with `set`"
        } else if alternatives > MAX_ALTERNATIVES {
            "there are more than 100 `elif`: give an object, and look the value up in it"
        } else {
            continue;
        };
        let position = Some(Position::of(source, span.start_offset as usize));
        return Err(TemplateError { fault: Fault::NotAllowed(what), position });
    }
    Ok(())
}
