//! `codepromptu prompt render`.

use clap::Args;
use cp_client::Client;
use cp_wire::RenderPrompt;

use super::input::{ValueArgs, VersionRef};
use super::see::write_content;
use super::{Json, write_json};

/// `codepromptu prompt render`.
#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// The version: NAME@LABEL, NAME#NUMBER, or NAME for the newest
    #[arg(value_name = "PROMPT")]
    of: VersionRef,
    #[command(flatten)]
    values: ValueArgs,
    /// With the model's configuration and what is included, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn render(client: &Client, args: RenderArgs) -> anyhow::Result<()> {
    let values = RenderPrompt { variables: args.values.read()? };
    let rendered = client.render_version(&args.of.prompt, &args.of.version, &values).await?;
    if write_json(&Json { json: args.json }, &rendered)?.is_some() {
        return Ok(());
    }
    write_content(&rendered.rendered)
}
