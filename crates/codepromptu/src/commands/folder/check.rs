//! What is wrong with files that read: their templates, what is said of their variables, and what they include, as the
//! library would find it.

use std::collections::{BTreeMap, HashMap};

use cp_client::{Client, ClientError};
use cp_prompt::{
    Compiled, ComposeError, Content, Document, Fetched, FileError, Include, Limits, Position, Reference,
    Selector, VariableSpec, VariableType, VersionNumber, includes, resolve,
};

use super::Folder;
use super::survey::{Item, Ours};

/// What was found, as `path:line:column: message`.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What the library would refuse, or nobody could render.
    pub(super) problems: Vec<String>,
    /// What looks like a mistake.
    pub(super) warnings: Vec<String>,
}

/// Checks files; those of `items` that are not `checked` are there to be included.
pub(super) async fn files(
    client: &Client,
    folder: &Folder,
    items: &[Item],
    checked: impl Fn(&Item) -> bool,
) -> anyhow::Result<Found> {
    let mut checker = Checker { client, folder: BTreeMap::new(), fetched: HashMap::new() };
    for item in items {
        if let Some(ours) = &item.ours {
            let newest = item.theirs.as_ref().map_or(0, |theirs| theirs.prompt.latest);
            checker.folder.insert(ours.name.as_str(), (newest + 1, &ours.parsed.file.document));
        }
    }
    let mut found = Found::default();
    for ours in items.iter().filter(|item| checked(item)).filter_map(|item| item.ours.as_ref()) {
        let place = folder.root.join(&ours.path).display().to_string();
        let told = |error: &FileError| {
            let Position { line, column } = error.position;
            format!("{place}:{line}:{column}: {}", error.what)
        };
        match checker.check(ours).await? {
            Ok(warnings) => found.warnings.extend(warnings.iter().map(told)),
            Err(problem) => found.problems.push(told(&problem)),
        }
    }
    Ok(found)
}

struct Checker<'a> {
    client: &'a Client,
    /// What is in the folder, with the number that it would have in the library.
    folder: BTreeMap<&'a str, (i64, &'a Document)>,
    fetched: HashMap<Reference, Option<Fetched>>,
}

impl Checker<'_> {
    /// What is wrong with a file, or else what looks wrong.
    async fn check(&mut self, ours: &Ours) -> anyhow::Result<Result<Vec<FileError>, FileError>> {
        let parsed = &ours.parsed;
        let document = &parsed.file.document;
        let first = Position { line: 1, column: 1 };
        if let Err(error) = Limits::DEFAULT.check(document) {
            return Ok(Err(FileError { position: first, what: error.to_string() }));
        }
        if let Err(error) = Compiled::new(document) {
            return Ok(Err(parsed.wrong_template(&error)));
        }
        // A document that compiles has includes that read.
        let included = includes(document).unwrap_or_default();
        self.fetch_all(&included).await?;
        let fetch = |reference: &Reference| self.fetched.get(reference).cloned().flatten();
        let whole = match resolve(document, fetch) {
            Ok(resolution) => resolution.document,
            Err(error) => {
                let (message, position) = place(document, &included, &error);
                return Ok(Err(parsed.wrong_include(message, position, &error)));
            }
        };
        let whole = match Compiled::new(&whole) {
            Ok(whole) => whole,
            Err(error) => return Ok(Err(FileError { position: first, what: error.to_string() })),
        };
        let specs = &parsed.file.details.variables;
        let warnings = contradictions(specs, &whole).chain(unused(specs, &whole));
        Ok(Ok(warnings.map(|what| parsed.wrong_variable(format!("warning: {what}"))).collect()))
    }

    /// Looks up what is included, and what that includes.
    async fn fetch_all(&mut self, included: &[Include]) -> anyhow::Result<()> {
        let mut left: Vec<Reference> = included.iter().map(|include| include.reference.clone()).collect();
        while let Some(reference) = left.pop() {
            if self.fetched.contains_key(&reference) {
                continue;
            }
            let fetched = self.fetch(&reference).await?;
            let further = fetched.as_ref().and_then(|fetched| includes(&fetched.document).ok());
            left.extend(further.unwrap_or_default().into_iter().map(|include| include.reference));
            self.fetched.insert(reference, fetched);
        }
        Ok(())
    }

    /// The newest version is what the folder says; labels and numbers are the library's.
    async fn fetch(&self, reference: &Reference) -> anyhow::Result<Option<Fetched>> {
        let selector = match &reference.selector {
            Selector::Label(label) if label.is_latest() => {
                if let Some((number, document)) = self.folder.get(reference.name.as_str()) {
                    let version = VersionNumber::try_from(*number)?;
                    return Ok(Some(Fetched { version, document: (*document).clone() }));
                }
                label.to_string()
            }
            Selector::Label(label) => label.to_string(),
            Selector::Version(number) => number.to_string(),
        };
        match self.client.get_version(reference.name.as_str(), &selector).await {
            Ok(found) => {
                let version = VersionNumber::try_from(found.number)?;
                let document = cp_import::document(&found).map_err(anyhow::Error::msg)?;
                Ok(Some(Fetched { version, document }))
            }
            Err(ClientError::Problem(problem)) if problem.status == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// In which message, and where in it, stands what leads to an error.
fn place(
    document: &Document,
    included: &[Include],
    error: &ComposeError,
) -> (Option<usize>, Option<Position>) {
    let outermost = match error {
        ComposeError::Missing { reference, path } => path.first().or(Some(reference)),
        ComposeError::Cycle(path) | ComposeError::TooDeep(path) => path.first(),
        ComposeError::Included { reference, .. }
        | ComposeError::Chat(reference)
        | ComposeError::Syntax(reference) => Some(reference),
        ComposeError::Template { .. } | ComposeError::TooLarge(_) => None,
    };
    let include = included.iter().find(|include| Some(&include.reference) == outermost);
    let Some(include) = include.or(included.first()) else { return (None, None) };
    let text = match (&document.content, include.message) {
        (Content::Text(text), _) => Some(text),
        (Content::Chat(parts), Some(number)) => {
            parts.get(number - 1).and_then(|part| part.message()).map(|message| &message.content)
        }
        (Content::Chat(_), None) => None,
    };
    (include.message, text.map(|text| Position::of(text, include.span.start)))
}

/// Variables that the template seems to use as something else than they are said to be.
fn contradictions<'a>(specs: &'a [VariableSpec], whole: &'a Compiled) -> impl Iterator<Item = String> {
    let contradiction = |spec: &VariableSpec| {
        let variable = whole.variables().iter().find(|variable| variable.name == spec.name.as_str())?;
        let used = variable.kind.filter(|used| !agree(spec.kind, *used))?;
        Some(format!("the variable `{}` is described as {}, and used as {used}", spec.name, spec.kind))
    };
    specs.iter().filter_map(contradiction)
}

fn agree(said: VariableType, used: VariableType) -> bool {
    use VariableType::{Array, Integer, Messages, Number};
    said == used
        || matches!(
            (said, used),
            (Integer, Number) | (Number, Integer) | (Messages, Array) | (Array, Messages)
        )
}

/// Variables that are described and used nowhere.
fn unused<'a>(specs: &'a [VariableSpec], whole: &'a Compiled) -> impl Iterator<Item = String> {
    let is_used =
        |spec: &VariableSpec| whole.variables().iter().any(|variable| variable.name == spec.name.as_str());
    let unused = specs.iter().filter(move |spec| !is_used(spec));
    unused.map(|spec| format!("the variable `{}` is described, and used nowhere", spec.name))
}
