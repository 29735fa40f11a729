//! A version, put together and ready to be rendered.

use std::sync::Arc;

use cp_base::{Digest, PromptVersionId};
use cp_prompt::{Compiled, Document, Fetched, Reference, Resolution, VersionNumber, resolve};

/// A version with everything that it includes.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) id: PromptVersionId,
    pub(crate) number: VersionNumber,
    /// What it says, in which nothing is included any more.
    pub(crate) document: Document,
    /// The same for rendering.
    pub(crate) compiled: Compiled,
    /// Tells the document apart from others.
    pub(crate) digest: Digest,
    includes_nothing: bool,
}

impl Body {
    /// Puts a version together with what `fetch` finds, or says why that cannot be.
    pub(crate) fn new(
        named: (PromptVersionId, VersionNumber),
        document: &Document,
        fetch: impl Fn(&Reference) -> Option<Fetched>,
    ) -> Result<Arc<Self>, String> {
        Self::of(named, resolve(document, fetch).map_err(|error| error.to_string())?)
    }

    /// A version that was put together.
    pub(crate) fn of(
        (id, number): (PromptVersionId, VersionNumber),
        resolution: Resolution,
    ) -> Result<Arc<Self>, String> {
        let Resolution { document, graph } = resolution;
        let compiled = Compiled::new(&document).map_err(|error| error.to_string())?;
        let digest = document.digest();
        Ok(Arc::new(Self { id, number, document, compiled, digest, includes_nothing: graph.is_empty() }))
    }

    /// Whether it stays as it is, whatever becomes of other prompts.
    pub(crate) const fn includes_nothing(&self) -> bool {
        self.includes_nothing
    }
}
