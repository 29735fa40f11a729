//! The library's prompts, for calls that name one.

use cp_app::Serving;
use cp_base::ProjectScope;
use cp_gateway::{Filled, Filling, Library, Unfilled, WantedPrompt};

/// What the node serves, as the gateway asks for it.
#[derive(Debug)]
pub(super) struct Prompts(pub(super) Serving);

impl Library for Prompts {
    fn has_prompts(&self, project: ProjectScope) -> bool {
        self.0.has_prompts(project)
    }

    fn fill<'a>(&'a self, project: ProjectScope, wanted: WantedPrompt) -> Filling<'a> {
        Box::pin(async move {
            let WantedPrompt { prompt, selector, values } = wanted;
            let served = self.0.serve_call(project, &prompt, &selector, values).await;
            let (served, rendered) =
                served.map_err(|error| Unfilled { kind: error.kind, message: error.public })?;
            Ok(Filled { version: served.version(), rendered, config: served.document().config.clone() })
        })
    }
}
