//! `codepromptu prompt comment`, `comments`, `rate`, `ratings` and `mentions`.

use std::io::Write;

use clap::Args;
use cp_base::{CommentId, ProposalId};
use cp_client::Client;
use cp_wire::{Comment, CommentChange, CommentQuery, NewComment, ProposalComment, RateVersion};

use super::history::{one_line, time};
use super::input::{VersionRef, Which};
use super::{Json, write_json};
use crate::output;
use crate::output::table::{Table, number, text};

/// `codepromptu prompt comment`.
#[derive(Debug, Args)]
pub(super) struct CommentArgs {
    /// A version (NAME@LABEL, NAME#NUMBER, or NAME for the newest), a proposal, or a comment of yours that is to say
    /// something else
    of: String,
    /// What it says; `@anna` mentions a member by name or address
    #[arg(required_unless_present = "state")]
    text: Option<String>,
    /// Of a version: the comment that this answers
    #[arg(long, value_name = "COMMENT")]
    reply_to: Option<CommentId>,
    /// Of a comment: open, resolved or hidden
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn comment(client: &Client, args: CommentArgs) -> anyhow::Result<()> {
    let text = args.text.clone().unwrap_or_default();
    if let Ok(id) = args.of.parse::<CommentId>() {
        let change = CommentChange { text: args.text, state: args.state };
        return tell(&args.json, &client.update_comment(id, &change).await?);
    }
    if args.state.is_some() {
        anyhow::bail!("--state is of a comment: name it by its id");
    }
    if let Ok(id) = args.of.parse::<ProposalId>() {
        let found = client.comment_on_proposal(id, &ProposalComment { text }).await?;
        if write_json(&args.json, &found)?.is_some() {
            return Ok(());
        }
        return Ok(writeln!(output::stdout(), "That is comment {} of {id}.", found.entries.len())?);
    }
    let of: VersionRef = args.of.parse()?;
    let new = NewComment { text, reply_to: args.reply_to };
    tell(&args.json, &client.create_comment(&of.prompt, &of.version, &new).await?)
}

fn tell(json: &Json, comment: &Comment) -> anyhow::Result<()> {
    if write_json(json, comment)?.is_some() {
        return Ok(());
    }
    let mut out = output::stdout();
    write!(out, "{} on {}#{} is {}.", comment.id, comment.prompt, comment.version, comment.state)?;
    if !comment.mentions.is_empty() {
        write!(out, " It mentions {}.", comment.mentions.join(", "))?;
    }
    Ok(writeln!(out)?)
}

/// `codepromptu prompt comments`.
#[derive(Debug, Args)]
pub(super) struct CommentsArgs {
    /// The prompt
    name: String,
    /// On this version alone: a number or a label
    #[arg(value_name = "VERSION")]
    on: Option<Which>,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn comments(client: &Client, args: CommentsArgs) -> anyhow::Result<()> {
    let query = CommentQuery { version: args.on.map(|on| on.0) };
    let found = client.list_comments(&args.name, &query).await?;
    match write_json(&args.json, &found)? {
        Some(()) => Ok(()),
        None => write(found.comments),
    }
}

pub(super) async fn mentions(client: &Client, json: &Json) -> anyhow::Result<()> {
    let found = client.list_mentions().await?;
    match write_json(json, &found)? {
        Some(()) => Ok(()),
        None => write(found.comments),
    }
}

fn write(comments: Vec<Comment>) -> anyhow::Result<()> {
    let heads = ["id", "version", "time (utc)", "by", "state", "answers", "text"].map(text);
    let mut table = Table::new(heads.into());
    for comment in comments {
        let edited = if comment.edited_at.is_some() { "edited: " } else { "" };
        table.push(vec![
            comment.id.to_string(),
            format!("{}#{}", comment.prompt, comment.version),
            time(comment.created_at),
            comment.author,
            comment.state,
            comment.reply_to.map_or("–".to_owned(), |id| id.to_string()),
            format!("{edited}{}", one_line(&comment.text)),
        ]);
    }
    Ok(table.write(&mut output::stdout())?)
}

/// `codepromptu prompt rate`.
#[derive(Debug, Args)]
pub(super) struct RateArgs {
    /// The version: NAME@LABEL, NAME#NUMBER, or NAME for the newest
    #[arg(value_name = "PROMPT")]
    of: VersionRef,
    /// How good it is: 1 to 5; without it, how good people find it
    stars: Option<u64>,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn rate(client: &Client, args: RateArgs) -> anyhow::Result<()> {
    let VersionRef { prompt, version } = &args.of;
    if let Some(stars) = args.stars {
        let rated = client.rate_version(prompt, version, &RateVersion { stars }).await?;
        return match write_json(&args.json, &rated)? {
            Some(()) => Ok(()),
            None => Ok(writeln!(
                output::stdout(),
                "{prompt}#{} has {} of 5 from you.",
                rated.version,
                rated.stars
            )?),
        };
    }
    let found = client.list_ratings(prompt, version).await?;
    if write_json(&args.json, &found)?.is_some() {
        return Ok(());
    }
    let mut table = Table::new(vec![number("stars"), text("by"), text("time (utc)")]);
    for rating in found.ratings {
        table.push(vec![rating.stars.to_string(), rating.author, time(rating.rated_at)]);
    }
    Ok(table.write(&mut output::stdout())?)
}
