//! `codepromptu prompt`: the prompts of the library, their versions and their labels.

mod diff;
mod edit;
mod history;
mod input;
mod labels;
mod relate;
mod render;
mod review;
mod save;
mod see;
mod set;
mod sure;
mod talk;

pub(super) use diff::{unified, write_diff};
pub(super) use see::write_list;

use std::io::Write;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::ServerArgs;
use crate::output;

/// `codepromptu prompt`.
#[derive(Debug, Args)]
pub(crate) struct PromptArgs {
    #[command(subcommand)]
    command: PromptCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum PromptCommand {
    /// List prompts, by name
    List(see::ListArgs),
    /// Write what a version says, as it is
    Get(see::GetArgs),
    /// Make a prompt, with its first version
    Create(save::CreateArgs),
    /// Save a version of a prompt
    Save(save::SaveArgs),
    /// Change what a version says in your editor, and save it as the newest
    Edit(edit::EditArgs),
    /// Show what differs between two versions
    Diff(diff::DiffArgs),
    /// Write what a version says with values in it
    Render(render::RenderArgs),
    /// List the versions of a prompt, newest first
    History(history::HistoryArgs),
    /// List where a prompt's labels have been, newest first
    Moves(history::NameArgs),
    /// List the versions that include a prompt
    Includers(history::NameArgs),
    /// Move a label to a version
    Label(labels::LabelArgs),
    /// Take a label away
    Unlabel(labels::UnlabelArgs),
    /// Move a label back to where it was
    Rollback(labels::RollbackArgs),
    /// Propose to move a label to a version
    Propose(review::ProposeArgs),
    /// List proposals to move labels, newest first
    Proposals(review::ProposalsArgs),
    /// Show a proposal, with what was said of it
    Proposal(review::ProposalArgs),
    /// Approve a proposal; the last approval that it takes moves the label
    Approve(review::ApproveArgs),
    /// Reject a proposal
    Reject(review::EndArgs),
    /// Take a proposal back
    Withdraw(review::EndArgs),
    /// Say what a label asks of a move, of every prompt; list such labels without a name
    Protect(labels::ProtectArgs),
    /// Let whoever may write prompts move a label again
    Unprotect(labels::UnprotectArgs),
    /// Say something of a version or a proposal; change, resolve or hide a comment
    Comment(talk::CommentArgs),
    /// List the comments on a prompt
    Comments(talk::CommentsArgs),
    /// List the comments that mention you, newest first
    Mentions(Json),
    /// Say how good you find a version; list what people find without it
    Rate(talk::RateArgs),
    /// Say what a prompt has to do with another, or with something else
    Relate(relate::RelateArgs),
    /// List what a prompt has to do with others
    Related(history::NameArgs),
    /// Take such a reference away
    Unrelate(relate::UnrelateArgs),
    /// Give a prompt another name
    Rename(set::RenameArgs),
    /// Change what is said of a prompt
    Set(set::SetArgs),
    /// Put a prompt out of use
    Archive(set::ArchiveArgs),
    /// Take an archived prompt into use again
    Restore(set::RestoreArgs),
}

/// Runs the command.
pub(crate) async fn run(args: PromptArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    match args.command {
        PromptCommand::List(args) => see::list(&client, args).await,
        PromptCommand::Get(args) => see::get(&client, &args).await,
        PromptCommand::Create(args) => save::create(&client, args).await,
        PromptCommand::Save(args) => save::save(&client, args).await,
        PromptCommand::Edit(args) => edit::edit(&client, args).await,
        PromptCommand::Diff(args) => diff::diff(&client, &args).await,
        PromptCommand::Render(args) => render::render(&client, args).await,
        PromptCommand::History(args) => history::history(&client, args).await,
        PromptCommand::Moves(args) => history::moves(&client, &args).await,
        PromptCommand::Includers(args) => history::includers(&client, &args).await,
        PromptCommand::Label(args) => labels::label(&client, args).await,
        PromptCommand::Unlabel(args) => labels::unlabel(&client, &args).await,
        PromptCommand::Rollback(args) => labels::roll_back(&client, args).await,
        PromptCommand::Propose(args) => review::propose(&client, args).await,
        PromptCommand::Proposals(args) => review::list(&client, args).await,
        PromptCommand::Proposal(args) => review::show(&client, &args).await,
        PromptCommand::Approve(args) => review::approve(&client, args).await,
        PromptCommand::Reject(args) => review::reject(&client, args).await,
        PromptCommand::Withdraw(args) => review::withdraw(&client, args).await,
        PromptCommand::Protect(args) => labels::protect(&client, args).await,
        PromptCommand::Unprotect(args) => labels::unprotect(&client, &args).await,
        PromptCommand::Comment(args) => talk::comment(&client, args).await,
        PromptCommand::Comments(args) => talk::comments(&client, args).await,
        PromptCommand::Mentions(json) => talk::mentions(&client, &json).await,
        PromptCommand::Rate(args) => talk::rate(&client, args).await,
        PromptCommand::Relate(args) => relate::relate(&client, args).await,
        PromptCommand::Related(args) => relate::related(&client, &args).await,
        PromptCommand::Unrelate(args) => relate::unrelate(&client, &args).await,
        PromptCommand::Rename(args) => set::rename(&client, args).await,
        PromptCommand::Set(args) => set::set(&client, args).await,
        PromptCommand::Archive(args) => set::archive(&client, &args).await,
        PromptCommand::Restore(args) => set::restore(&client, &args).await,
    }
}

/// Writes a value as JSON where it was asked for, and tells whether it did.
fn write_json<T: Serialize>(json: &Json, value: &T) -> anyhow::Result<Option<()>> {
    if !json.json {
        return Ok(None);
    }
    writeln!(output::stdout(), "{}", serde_json::to_string_pretty(value)?)?;
    Ok(Some(()))
}

/// `--json`.
#[derive(Debug, Args)]
struct Json {
    /// As JSON
    #[arg(long)]
    json: bool,
}
