//! Serving prompts to applications, out of memory.
//!
//! Nothing here goes on record or asks the database, but for a version that is neither labelled nor the newest: that one is
//! read, and kept for a while.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use cp_base::{
    Clock, InstallationScope, MasterKey, ProjectScope, PromptId, PromptVersionId, Timestamp, hex, sha256,
};
use cp_prompt::{
    Document, LabelName, PromptName, Rendered, Selector, Values, VariableSpec, VersionNumber, check_values,
};
use cp_store::{Principal, Serves};
use tokio::sync::watch;

use crate::access::Action;
use crate::prompts::{MAX_NAMES, find, gather, nearest, no_prompt, put_together};
use crate::shelf::{self, Body, Books, CopyError, Restored, Shelf, Shelved};
use crate::{App, AppError, Credential, Ctx, Wanted};

/// Serves prompts out of memory; and what is not there out of the database, where it is not away.
#[derive(Clone)]
pub struct Serving {
    pub(crate) shelf: Arc<Shelf>,
    clock: Arc<dyn Clock>,
    pub(crate) stopped: watch::Sender<bool>,
    app: Option<App>,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("shelf", &self.shelf).finish_non_exhaustive()
    }
}

/// A version as it is served.
#[derive(Clone, Debug)]
pub struct Served {
    shelved: Arc<Shelved>,
    label: Option<LabelName>,
    body: Arc<Body>,
}

/// A prompt, and a version of it that may have to be read.
enum Found {
    Ready(Served),
    Rare(Arc<Shelved>, VersionNumber),
}

/// Bytes of a tag: enough to tell documents apart.
const TAG_BYTES: usize = 16;

impl Served {
    /// The prompt.
    #[must_use]
    pub fn prompt(&self) -> PromptId {
        self.shelved.id
    }

    /// The prompt's name.
    #[must_use]
    pub fn name(&self) -> &PromptName {
        &self.shelved.name
    }

    /// The label that it was asked for by.
    #[must_use]
    pub const fn label(&self) -> Option<&LabelName> {
        self.label.as_ref()
    }

    /// The number of the version.
    #[must_use]
    pub fn number(&self) -> VersionNumber {
        self.body.number
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> PromptVersionId {
        self.body.id
    }

    /// What it says, with everything that it includes.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.body.document
    }

    /// Two that have the same tag are the same, and are answered alike.
    #[must_use]
    pub fn tag(&self) -> String {
        let label = self.label.as_ref().map_or("", LabelName::as_str);
        let number = self.body.number.get().to_be_bytes();
        let named = [b"served prompt v1", self.name().as_str().as_bytes(), label.as_bytes(), &number];
        let digest = sha256(&[named.as_slice(), &[&self.body.digest]].concat());
        hex(digest.get(..TAG_BYTES).unwrap_or(&digest))
    }

    fn specs(&self) -> &[VariableSpec] {
        &self.shelved.specs
    }
}

impl Serving {
    /// Out of the copy that a node wrote down: for while its database is away.
    pub fn restore(
        path: &Path,
        master: &MasterKey,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Timestamp), CopyError> {
        let Restored { shelf, written_at } = shelf::read_copy(path, &master.library_copy_key())?;
        Ok((
            Self { shelf: Arc::new(shelf), clock, stopped: watch::Sender::new(false), app: None },
            written_at,
        ))
    }

    /// Whoever shows a key that is known in memory, at the place that they want.
    pub fn recall(
        &self,
        credential: &Credential,
        wanted: &Wanted,
        address: Option<IpAddr>,
    ) -> Result<Option<Ctx>, AppError> {
        let now = self.clock.now();
        if let Some(app) = &self.app {
            app.entrance.admit(address, now)?;
        }
        Ok(self.shelf.passes().recall(credential, wanted, address, now))
    }

    /// Ends the subscriptions to changes.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// The use cases that need the database; or that it is away.
    pub fn app(&self) -> Result<&App, AppError> {
        self.app.as_ref().ok_or_else(|| {
            AppError::unavailable(
                "the database is away: what was known when it was last read is served, and everything else waits",
            )
        })
    }

    /// A version of a prompt with everything that it includes.
    pub async fn serve(&self, ctx: &Ctx, name: &str, selector: &Selector) -> Result<Served, AppError> {
        ctx.require(Action::ServePrompts)?;
        let name = name.parse().map_err(AppError::invalid)?;
        let served = self.find_served(ctx.scope, &name, selector).await?;
        self.count(ctx, served.version());
        Ok(served)
    }

    /// What a version says with these values.
    pub async fn serve_rendered(
        &self,
        ctx: &Ctx,
        name: &str,
        selector: &Selector,
        values: Values,
    ) -> Result<(Served, Rendered), AppError> {
        ctx.require(Action::ServePrompts)?;
        let name = name.parse().map_err(AppError::invalid)?;
        let (served, rendered) = self.render_served(ctx.scope, &name, selector, values).await?;
        self.count(ctx, served.version());
        Ok((served, rendered))
    }

    /// Whether a project has prompts.
    #[must_use]
    pub fn has_prompts(&self, project: ProjectScope) -> bool {
        self.shelf.projects().get(&project.project()).is_some_and(|books| !books.is_empty())
    }

    /// What a version says with these values, for a call of the project: whoever may put calls into it may name its prompts.
    pub async fn serve_call(
        &self,
        project: ProjectScope,
        prompt: &str,
        selector: &Selector,
        values: Values,
    ) -> Result<(Served, Rendered), AppError> {
        let name = prompt.parse().ok().and_then(|id| self.shelf.name(project, id));
        let name = name.map_or_else(|| prompt.parse().map_err(AppError::invalid), Ok)?;
        let (served, rendered) = self.render_served(project, &name, selector, values).await?;
        self.shelf.tally.count(project, served.body.id, None, self.clock.now());
        Ok((served, rendered))
    }

    /// The version of that name, which is not served now.
    pub(crate) async fn find_version(
        &self,
        project: ProjectScope,
        name: &str,
        selector: &Selector,
    ) -> Result<PromptVersionId, AppError> {
        let name = name.parse().map_err(AppError::invalid)?;
        Ok(self.find_served(project, &name, selector).await?.version())
    }

    async fn render_served(
        &self,
        project: ProjectScope,
        name: &PromptName,
        selector: &Selector,
        values: Values,
    ) -> Result<(Served, Rendered), AppError> {
        let served = self.find_served(project, name, selector).await?;
        let compiled = &served.body.compiled;
        let values = check_values(served.specs(), compiled.variables(), values).map_err(AppError::invalid)?;
        let rendered = compiled.render(&values).map_err(AppError::invalid)?;
        Ok((served, rendered))
    }

    /// A version was served to whoever asks.
    pub(crate) fn count(&self, ctx: &Ctx, version: PromptVersionId) {
        let key = match ctx.org.caller.principal {
            Some(Principal::ApiKey(key)) => Some(key),
            _ => None,
        };
        self.shelf.tally.count(ctx.scope, version, key, self.clock.now());
    }

    async fn find_served(
        &self,
        project: ProjectScope,
        name: &PromptName,
        selector: &Selector,
    ) -> Result<Served, AppError> {
        match self.shelf.find(project, name, selector)? {
            Found::Ready(served) => Ok(served),
            Found::Rare(shelved, number) => {
                let body = self.app()?.find_rare(project, &shelved, number).await?;
                Ok(Served { shelved, label: None, body })
            }
        }
    }
}

impl Shelf {
    fn find(&self, scope: ProjectScope, name: &PromptName, selector: &Selector) -> Result<Found, AppError> {
        let projects = self.projects();
        let books = projects.get(&scope.project());
        let Some((books, shelved)) = books.and_then(|books| Some((books, books.get(name)?))) else {
            let names = books.map(names).unwrap_or_default();
            // Comparing names takes longer than others should wait.
            drop(projects);
            return Err(no_prompt(name.as_str(), &names));
        };
        if shelved.is_archived {
            return Err(AppError::absent(format_args!("the prompt `{name}` is archived")));
        }
        let number = number(shelved, selector)?;
        let Some(body) = books.body(shelved, number) else {
            return Ok(Found::Rare(Arc::clone(shelved), number));
        };
        let body = body.map_err(|error| broken(name, number, error))?;
        let label = match selector {
            Selector::Label(label) => Some(label.clone()),
            Selector::Version(_) => None,
        };
        Ok(Found::Ready(Served { shelved: Arc::clone(shelved), label, body }))
    }
}

impl App {
    /// What serves prompts, out of memory.
    #[must_use]
    pub fn serving(&self) -> Serving {
        let clock = Arc::clone(&self.parts.clock);
        let (shelf, stopped) = (Arc::clone(&self.shelf), self.stopped.clone());
        Serving { shelf, clock, stopped, app: Some(self.clone()) }
    }

    /// Which state of the library and its keys is in memory.
    #[must_use]
    pub fn shelf_revision(&self) -> (i64, i64) {
        (self.shelf.revision(), self.shelf.passes().revision)
    }

    /// Writes what is in memory down, sealed, for a start while the database is away. It blocks.
    pub fn write_library_copy(&self, path: &Path) -> std::io::Result<()> {
        let key = self.parts.master.library_copy_key();
        shelf::write_copy(&self.shelf, path, (&key, &self.parts.random), self.parts.clock.now())
    }

    async fn find_rare(
        &self,
        project: ProjectScope,
        shelved: &Shelved,
        number: VersionNumber,
    ) -> Result<Arc<Body>, AppError> {
        if let Some(body) = self.shelf.rare(shelved.id, number) {
            return Ok(body);
        }
        let revision = self.shelf.revision();
        let keys = self.keys_of_project(project).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.parts.db.begin_read(project).await?;
        let version = cp_store::find_version(&mut tx, &sealer, project, shelved.id, number).await?;
        let version = version.ok_or_else(|| no_version(shelved, number))?;
        let found = gather(&mut tx, &sealer, project, &version.document).await?;
        let resolution = put_together(&version.document, &found)?;
        let body = Body::of((version.id, number), resolution);
        let body = body.map_err(|error| broken(&shelved.name, number, error))?;
        self.shelf.keep_rare(shelved.id, revision, &body);
        Ok(body)
    }

    /// Writes down how often versions were served. What cannot be written is kept for the next time.
    pub async fn flush_serves(&self) -> Result<(), AppError> {
        let counted = self.shelf.tally.take();
        if counted.is_empty() {
            return Ok(());
        }
        let written = async {
            let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
            cp_store::add_serves(&mut tx, &counted.served()).await?;
            cp_store::touch_api_keys(
                &mut tx,
                &counted.used.iter().map(|(key, at)| (*key, *at)).collect::<Vec<_>>(),
            )
            .await?;
            tx.commit().await
        };
        let written = written.await;
        if written.is_err() {
            self.shelf.tally.put_back(counted);
        }
        Ok(written?)
    }

    /// How often a prompt's versions were served on each day: by every node a few seconds ago, by this one until now.
    pub async fn list_serves(&self, ctx: &Ctx, prompt: &str) -> Result<Vec<Serves>, AppError> {
        ctx.require(Action::ReadPrompts)?;
        self.flush_serves().await?;
        let keys = self.keys_of(ctx).await?;
        let mut tx = self.read_library(ctx).await?;
        let prompt = find(&mut tx, &self.sealer(&keys), ctx, prompt).await?;
        Ok(cp_store::list_serves(&mut tx, ctx.scope, prompt.id).await?)
    }
}

/// Names that are looked through for one that somebody may have meant.
fn names(books: &Books) -> Vec<String> {
    let most = usize::try_from(MAX_NAMES).unwrap_or(usize::MAX);
    books.served_names().take(most).map(ToString::to_string).collect()
}

/// The number of the version that is meant, where there is one.
fn number(shelved: &Shelved, selector: &Selector) -> Result<VersionNumber, AppError> {
    match (selector, shelved.number(selector)) {
        (Selector::Label(label), None) => Err(no_label(shelved, label)),
        (_, Some(number)) if Some(&number) > shelved.labels.get(&LabelName::latest()) => {
            Err(no_version(shelved, number))
        }
        (_, Some(number)) => Ok(number),
        (Selector::Version(number), None) => Err(no_version(shelved, *number)),
    }
}

fn no_label(shelved: &Shelved, label: &LabelName) -> AppError {
    let labels: Vec<_> = shelved.labels.keys().map(ToString::to_string).collect();
    let near = nearest(label.as_str(), &labels);
    let hint = if near.is_empty() {
        format!("it has {}", labels.join(", "))
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    AppError::absent(format_args!("`{}` has no label `{label}`: {hint}", shelved.name))
}

fn no_version(shelved: &Shelved, number: VersionNumber) -> AppError {
    let newest = shelved.labels.get(&LabelName::latest()).map_or("none".to_owned(), ToString::to_string);
    AppError::absent(format_args!("`{}` has no version {number}: its newest is {newest}", shelved.name))
}

fn broken(name: &PromptName, number: VersionNumber, error: String) -> AppError {
    AppError::invalid(format_args!("version {number} of `{name}`: {error}"))
}
