//! `codepromptu search`: prompts by name and tag.

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use cp_wire::{PromptPage, PromptQuery};

use super::prompt::write_list;
use crate::cli::ServerArgs;
use crate::output;

/// `codepromptu search`.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// What the name holds, or a tag
    text: String,
    /// How many of either, 500 at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u32,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
pub(crate) async fn run(args: SearchArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let query = PromptQuery { limit: Some(args.limit.to_string()), ..PromptQuery::default() };
    let named = PromptQuery { name: Some(args.text.clone()), ..query.clone() };
    let named = client.list_prompts(&named).await?;
    let tagged = client.list_prompts(&PromptQuery { tag: Some(args.text), ..query }).await?;
    let has_more = named.next.is_some() || tagged.next.is_some();
    let found = named.prompts.into_iter().chain(tagged.prompts);
    let found: BTreeMap<_, _> = found.map(|prompt| (prompt.name.clone(), prompt)).collect();
    let prompts: Vec<_> = found.into_values().collect();
    if args.json {
        let page = PromptPage { prompts, next: None };
        return Ok(writeln!(output::stdout(), "{}", serde_json::to_string_pretty(&page)?)?);
    }
    write_list(&prompts)?;
    if has_more {
        writeln!(std::io::stderr(), "There are more: --limit NUMBER")?;
    }
    Ok(())
}
