//! The template language: Jinja as prompts need it, and names in braces alone.
//!
//! A template is given values and nothing else: it reads no file and no clock, cannot change a value, and stops when it
//! has taken its fuel. What is not given is an error, never an empty text.

mod engine;
mod error;
mod expression;
mod growth;
mod infer;
mod pieces;
mod value;

use std::sync::Arc;

use minijinja::machinery::ast::{Expr, Stmt};
use minijinja::machinery::parse;
use minijinja::{Environment, ErrorKind};
use serde_json::{Map, Value};

pub(crate) use error::nearest;
pub use error::{Fault, Position, TemplateError};
pub use infer::Variable;
use infer::{Included, Use};
use pieces::{Piece, Positions};

use crate::{Reference, Syntax, VariableType};

/// The most that one rendering gives, in bytes.
pub const MAX_OUTPUT_BYTES: usize = 4 << 20;

/// A parsed template. Cloning it costs nothing.
#[derive(Clone, Debug)]
pub struct Template(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    source: String,
    variables: Vec<Variable>,
    includes: Vec<Included>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// Without a variable.
    Plain,
    /// Texts and names alone.
    Pieces(Vec<Piece>),
    /// Anything else, and where its variables are used.
    Engine { engine: Box<Environment<'static>>, uses: Vec<Use> },
}

/// What the engine calls its one template.
const NAME: &str = "prompt";

impl Template {
    /// Parses a text.
    ///
    /// # Errors
    ///
    /// Where it is no Jinja, names something that there is none of, or wants what prompts cannot do. A text in another
    /// syntax is never wrong.
    pub fn parse(syntax: Syntax, source: &str) -> Result<Self, TemplateError> {
        let parsed = match syntax {
            Syntax::Plain => {
                Parsed { source: source.to_owned(), variables: vec![], includes: vec![], body: Body::Plain }
            }
            Syntax::Mustache => {
                let pieces = pieces::mustache(source);
                let variables = variables_of(&pieces);
                Parsed { source: source.to_owned(), variables, includes: vec![], body: Body::Pieces(pieces) }
            }
            Syntax::Jinja => jinja(source)?,
        };
        Ok(Self(Arc::new(parsed)))
    }

    /// The text that it was parsed from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The variables that it uses, in the order of their first uses.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.0.variables
    }

    /// The prompts that its `include` tags name, and where the tags' names begin and end.
    pub(crate) fn includes(&self) -> impl Iterator<Item = (&str, std::ops::Range<usize>)> {
        self.0.includes.iter().map(|include| (include.name.as_str(), include.start..include.end))
    }

    /// The same template as Jinja; a text in another syntax has braces that Jinja would read, so that they are quoted.
    pub(crate) fn to_jinja(&self, syntax: Syntax) -> String {
        match (syntax, &self.0.body) {
            (Syntax::Mustache, Body::Pieces(pieces)) => pieces::to_jinja(pieces),
            (Syntax::Plain, _) => pieces::quoted(&self.0.source),
            _ => self.0.source.clone(),
        }
    }

    /// The same template in Mustache style, where it is texts and names alone.
    pub(crate) fn to_mustache(&self) -> Option<String> {
        match &self.0.body {
            Body::Pieces(pieces) => Some(pieces::to_mustache(pieces)),
            Body::Plain => Some(self.0.source.clone()),
            Body::Engine { .. } => None,
        }
    }

    /// Renders it.
    ///
    /// # Errors
    ///
    /// Where a value is missing or cannot be used so, or where rendering takes too much.
    pub fn render(&self, values: &Map<String, Value>) -> Result<String, TemplateError> {
        match &self.0.body {
            Body::Plain => Ok(self.0.source.clone()),
            Body::Pieces(pieces) => pieces::render(pieces, values),
            Body::Engine { engine, uses } => self.render_by(engine, uses, values),
        }
    }

    fn render_by(
        &self,
        engine: &Environment<'static>,
        uses: &[Use],
        values: &Map<String, Value>,
    ) -> Result<String, TemplateError> {
        if let Some(include) = self.0.includes.first() {
            let position = Some(Position::of(&self.0.source, include.start));
            return Err(TemplateError { fault: Fault::Include(include.name.clone()), position });
        }
        let context = minijinja::Value::from(minijinja::value::Serde(values));
        let rendered = engine.get_template(NAME).and_then(|template| template.render(context));
        let output = rendered.map_err(|error| describe(&error, &self.0.source, Some((uses, values))))?;
        if output.len() > MAX_OUTPUT_BYTES {
            return Err(TemplateError { fault: Fault::TooLarge(MAX_OUTPUT_BYTES), position: None });
        }
        Ok(output)
    }
}

fn jinja(source: &str) -> Result<Parsed, TemplateError> {
    engine::check_depth(source)?;
    let template = parse(source, NAME, engine::syntax()).map_err(|error| describe(&error, source, None))?;
    let reading = infer::read(source, &template)?;
    if let Some(include) = reading.includes.iter().find(|include| include.name.parse::<Reference>().is_err())
    {
        let fault = Fault::Syntax(format!("`{}` names no prompt", crate::text::shown(&include.name)));
        return Err(TemplateError { fault, position: Some(Position::of(source, include.start)) });
    }
    let body = match simple(source, &template) {
        Some(pieces) => Body::Pieces(pieces),
        None => {
            let mut engine = engine::environment();
            engine
                .add_template_owned(NAME, source.to_owned())
                .map_err(|error| describe(&error, source, None))?;
            Body::Engine { engine: Box::new(engine), uses: reading.uses }
        }
    };
    Ok(Parsed { source: source.to_owned(), variables: reading.variables, includes: reading.includes, body })
}

/// The pieces of a template that is texts and names alone.
fn simple(source: &str, template: &Stmt<'_>) -> Option<Vec<Piece>> {
    let Stmt::Template(template) = template else { return None };
    let mut positions = Positions::new(source);
    let piece = |statement: &Stmt<'_>| match statement {
        Stmt::EmitRaw(text) => Some(Piece::Text(text.raw.to_owned())),
        Stmt::EmitExpr(emit) => match &emit.expr {
            // A function's name, and `self`, are never undefined.
            Expr::Var(variable) if !engine::FUNCTIONS.contains(&variable.id) && variable.id != "self" => {
                let position = positions.of(variable.span().start_offset as usize);
                Some(Piece::Name { name: variable.id.to_owned(), position })
            }
            _ => None,
        },
        _ => None,
    };
    template.children.iter().map(piece).collect()
}

fn variables_of(pieces: &[Piece]) -> Vec<Variable> {
    let mut variables: Vec<Variable> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for piece in pieces {
        if let Piece::Name { name, position } = piece
            && seen.insert(name)
        {
            variables.push(Variable {
                name: name.clone(),
                kind: Some(VariableType::String),
                fields: std::collections::BTreeSet::new(),
                optional: false,
                position: *position,
            });
        }
    }
    variables
}

/// The engine's error in our words; `given` is what was rendered with.
fn describe(
    error: &minijinja::Error,
    source: &str,
    given: Option<(&[Use], &Map<String, Value>)>,
) -> TemplateError {
    let range = error.range().unwrap_or_default();
    let position = (!range.is_empty()).then(|| Position::of(source, range.start));
    let detail = || error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let fault = match error.kind() {
        ErrorKind::OutOfFuel | ErrorKind::WriteFailure => Fault::OutOfFuel,
        ErrorKind::SyntaxError | ErrorKind::BadEscape => Fault::Syntax(detail()),
        ErrorKind::UndefinedError => {
            let missing = given.and_then(|(uses, values)| {
                let found = missing_use(uses, values, source, &range)?;
                let fault = undefined(&found.path, values);
                Some(TemplateError { fault, position: Some(Position::of(source, found.start)) })
            });
            if let Some(missing) = missing {
                return missing;
            }
            let name = source.get(range).unwrap_or("a value").trim().to_owned();
            Fault::Undefined { name, nearest: None }
        }
        _ => Fault::Value(detail()),
    };
    TemplateError { fault, position }
}

/// The use of a missing variable that an error within `range` is about: one that lies in it, or else, as the range of a
/// filter does not include what it is put on, the last one before it in the same tag.
fn missing_use<'a>(
    uses: &'a [Use],
    values: &Map<String, Value>,
    source: &str,
    range: &std::ops::Range<usize>,
) -> Option<&'a Use> {
    let missing = || uses.iter().filter(|found| !is_given(&found.path, values));
    let within = |found: &&Use| found.start >= range.start && found.end <= range.end;
    let before = |found: &&Use| {
        let between = source.get(found.end..range.start);
        between.is_some_and(|between| !between.contains("}}") && !between.contains("%}"))
    };
    missing().find(within).or_else(|| missing().filter(before).max_by_key(|found| found.end))
}

fn is_given(path: &[String], values: &Map<String, Value>) -> bool {
    let Some((name, fields)) = path.split_first() else { return true };
    let start = values.get(name);
    fields.iter().fold(start, |value, field| value.and_then(|value| value.get(field))).is_some()
}

/// Names the first part of the path that is missing, and what was perhaps meant.
fn undefined(path: &[String], values: &Map<String, Value>) -> Fault {
    let mut fields = Some(values);
    let mut name = String::new();
    for part in path {
        let parent = name.clone();
        name = if parent.is_empty() { part.clone() } else { format!("{parent}.{part}") };
        let Some(known) = fields else { break };
        match known.get(part) {
            Some(value) => fields = value.as_object(),
            None => {
                let near = nearest(part, known.keys().map(String::as_str));
                let prefix = if parent.is_empty() { parent } else { format!("{parent}.") };
                return Fault::Undefined { name, nearest: near.map(|near| format!("{prefix}{near}")) };
            }
        }
    }
    Fault::Undefined { name, nearest: None }
}

#[cfg(test)]
mod tests;
