//! `codepromptu prompt edit`: a version in the person's own editor.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;
use cp_client::Client;
use cp_wire::{NewPromptVersion, PromptVersion};
use tempfile::NamedTempFile;

use super::Json;
use super::input::{self, VersionRef};
use super::save::told;
use crate::output::{self, Failure};

/// `codepromptu prompt edit`.
#[derive(Debug, Args)]
pub(super) struct EditArgs {
    /// The version: NAME@LABEL, NAME#NUMBER, or NAME for the newest
    #[arg(value_name = "PROMPT")]
    of: VersionRef,
    /// Why
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    message: String,
    /// A label that moves to what is saved
    #[arg(long)]
    label: Vec<String>,
    #[arg(long, env = "VISUAL", hide = true)]
    visual: Option<String>,
    /// The editor, where `VISUAL` names none; `vi` without either
    #[arg(long, value_name = "COMMAND", env = "EDITOR")]
    editor: Option<String>,
    #[command(flatten)]
    json: Json,
}

/// Nothing is saved where somebody else saved a version since the editor was opened.
pub(super) async fn edit(client: &Client, args: EditArgs) -> anyhow::Result<()> {
    let prompt = client.get_prompt(&args.of.prompt).await?;
    let version = client.get_version(&args.of.prompt, &args.of.version).await?;
    let before = input::editable(&version.content)?;
    let suffix = if prompt.kind == "text" { ".txt" } else { ".json" };
    let file = tempfile::Builder::new().prefix("codepromptu-").suffix(suffix).tempfile()?;
    std::fs::write(file.path(), &before)?;
    let editor = [args.visual, args.editor].into_iter().flatten().find(|editor| !editor.is_empty());
    open(editor.as_deref().unwrap_or("vi"), file.path())?;
    let after = std::fs::read_to_string(file.path()).context("what was edited cannot be read")?;
    let after = without_added_end(&before, after);
    if after == before {
        return Ok(writeln!(output::stdout(), "Nothing was changed.")?);
    }
    let saving = async {
        let new = NewPromptVersion {
            message: args.message,
            parent: Some(prompt.latest),
            labels: args.label,
            ..revised(version, input::content(&prompt.kind, after)?)
        };
        anyhow::Ok(client.create_version(&args.of.prompt, &new).await?)
    };
    match saving.await {
        Ok(saved) => told(&args.json, &saved),
        Err(error) => Err(error.context(kept(&args.of.prompt, file)?)),
    }
}

fn revised(version: PromptVersion, content: serde_json::Value) -> NewPromptVersion {
    let (syntax, config) = (Some(version.syntax), version.config);
    NewPromptVersion { content, syntax, config, ..NewPromptVersion::default() }
}

/// The editor is a command line of its own, such as `code --wait`.
fn open(editor: &str, file: &Path) -> anyhow::Result<()> {
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(file).status();
    let status = status.with_context(|| format!("the editor `{editor}` cannot be started"))?;
    if !status.success() {
        bail!("the editor `{editor}` ended with {status}: nothing is saved");
    }
    Ok(())
}

/// Editors end the last line, and a text that had no such end is not to get one by being looked at.
fn without_added_end(before: &str, mut after: String) -> String {
    if !before.ends_with('\n') && after.ends_with('\n') {
        after.pop();
    }
    after
}

/// What somebody wrote is not lost with what went wrong.
fn kept(prompt: &str, file: NamedTempFile) -> anyhow::Result<Failure> {
    let (_, path) = file.keep().context("what was edited cannot be kept")?;
    let path = path.display();
    Ok(Failure {
        what: format!("nothing is saved; what you wrote is in {path}"),
        help: format!("save it with `codepromptu prompt save {prompt} --file {path}`"),
    })
}
