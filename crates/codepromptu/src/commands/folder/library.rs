//! What the library says of the prompts that a folder holds.

use std::collections::BTreeMap;

use anyhow::anyhow;
use cp_base::PromptId;
use cp_client::{Client, ClientError};
use cp_prompt::{Content, Document, File, ModelConfig, Syntax, VersionNumber};
use cp_wire::{Prompt, PromptQuery};

use super::decide::Said;
use super::state::{self, Agreed, State};
use crate::output::Failure;

/// As many prompts as a page holds.
const PAGE: u32 = 500;

/// A prompt as it is in the library.
#[derive(Clone, Debug)]
pub(super) struct Theirs {
    pub(super) prompt: Prompt,
    /// The version that counts: the newest, unless the folder went back to an earlier one since.
    pub(super) version: VersionNumber,
    pub(super) said: Said,
    /// What that version says, where it had to be read.
    document: Option<Document>,
}

/// The prompts in use that the folder holds.
pub(super) async fn list(client: &Client, state: &State) -> anyhow::Result<BTreeMap<PromptId, Prompt>> {
    let mut query =
        PromptQuery { limit: Some(PAGE.to_string()), folder: state.prefix.clone(), ..PromptQuery::default() };
    let mut prompts = BTreeMap::new();
    loop {
        let page = client.list_prompts(&query).await?;
        let held = page.prompts.into_iter().filter(|prompt| state.holds(&prompt.name));
        prompts.extend(held.map(|prompt| (prompt.id, prompt)));
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    for (id, agreed) in state.prompts.iter().filter(|(id, _)| !prompts.contains_key(id)).collect::<Vec<_>>() {
        check_known(client, *id, agreed).await?;
    }
    Ok(prompts)
}

/// A prompt that is not listed is archived, or has gone to another folder. What was never there is another library's, and
/// everything in the folder would look archived.
async fn check_known(client: &Client, id: PromptId, agreed: &Agreed) -> anyhow::Result<()> {
    match client.get_prompt(&id.to_string()).await {
        Ok(_) => Ok(()),
        Err(ClientError::Problem(problem)) if problem.status == 404 => Err(Failure {
            what: format!("the folder is of another project or server: `{}` was never here", agreed.name),
            help: format!(
                "name the one that it is of with --project or --server; to begin with this one, remove {}",
                state::FILE
            ),
        }
        .into()),
        Err(error) => Err(error.into()),
    }
}

impl Theirs {
    /// Reads what a prompt says, where it is not what was agreed on.
    pub(super) async fn of(client: &Client, prompt: Prompt, agreed: Option<&Agreed>) -> anyhow::Result<Self> {
        let details = state::said(&read(&prompt, nothing())?).details;
        if let Some(agreed) = agreed.filter(|agreed| agreed.latest == prompt.latest) {
            let said = Said { document: agreed.said().document, details };
            return Ok(Self { version: agreed.version, prompt, said, document: None });
        }
        let version = VersionNumber::try_from(prompt.latest)?;
        let document = document(client, &prompt, version).await?;
        let said = Said { document: document.digest(), details };
        Ok(Self { prompt, version, said, document: Some(document) })
    }

    /// The prompt, as a file.
    pub(super) async fn file(&self, client: &Client) -> anyhow::Result<File> {
        let document = match &self.document {
            Some(document) => document.clone(),
            None => document(client, &self.prompt, self.version).await?,
        };
        read(&self.prompt, document)
    }

    /// What is agreed on where the folder says the same as the library.
    pub(super) fn agreed(&self, file: &File) -> Agreed {
        Agreed::new(self.prompt.name.clone(), file, (self.version, self.prompt.latest))
    }
}

/// What a version of a prompt says.
pub(super) async fn document(
    client: &Client,
    prompt: &Prompt,
    version: VersionNumber,
) -> anyhow::Result<Document> {
    let found = client.get_version(&prompt.id.to_string(), &version.to_string()).await?;
    cp_import::document(&found).map_err(|what| unreadable(prompt, &what))
}

fn read(prompt: &Prompt, document: Document) -> anyhow::Result<File> {
    cp_import::file(prompt, document).map_err(|what| unreadable(prompt, &what))
}

fn unreadable(prompt: &Prompt, what: &str) -> anyhow::Error {
    anyhow!("what the library says of `{}` does not read here: {what}", prompt.name)
}

fn nothing() -> Document {
    Document {
        syntax: Syntax::default(),
        content: Content::Text(String::new()),
        config: ModelConfig::default(),
    }
}
