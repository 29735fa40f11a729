//! `codepromptu calls`: what was captured.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use cp_base::CallId;
use cp_client::{Client, TailEvent};
use cp_wire::{CallQuery, PageQuery};

use super::{export, show};
use crate::cli::ServerArgs;
use crate::output;

/// `codepromptu calls`.
#[derive(Debug, Args)]
pub(crate) struct CallsArgs {
    #[command(subcommand)]
    command: CallsCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum CallsCommand {
    /// Follow calls as they end
    Tail {
        #[command(flatten)]
        filter: FilterArgs,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// List calls, newest first
    List {
        #[command(flatten)]
        filter: RangeArgs,
        /// How many: 1 to 500
        #[arg(long, value_name = "N", default_value = "50")]
        limit: String,
        /// Go on after an earlier list: the cursor that it ended with
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
        /// The page as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one call: messages, parameters, tokens, cost, timings
    Show {
        /// The call's id
        #[arg(value_name = "ID")]
        id: CallId,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write calls to a file, newest first: one JSON object a line, or a Parquet table
    Export {
        #[command(flatten)]
        filter: RangeArgs,
        /// The file; standard output without it
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// How to write them; the name of the file decides without it
        #[arg(long, requires = "output")]
        format: Option<export::Format>,
        /// Go on where an export to the same file, with the same filters and times, broke off; begin where none did
        #[arg(long, requires = "output")]
        resume: bool,
    },
}

/// Which calls. The server reads the values and says what is wrong with one.
#[derive(Debug, Args)]
struct FilterArgs {
    /// Provider's name
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Model asked for, or that answered
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Kind of call, such as chat
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Ending, such as completed or client_cancelled
    #[arg(long, value_name = "NAME")]
    outcome: Option<String>,
    /// Status: 429, 4xx or 400-499
    #[arg(long)]
    status: Option<String>,
    /// Lasted at least so many milliseconds
    #[arg(long, value_name = "MS")]
    min_duration_ms: Option<String>,
    /// Cost at least so many dollars
    #[arg(long, value_name = "USD")]
    min_cost_usd: Option<String>,
    /// Input and output tokens together at least
    #[arg(long, value_name = "N")]
    min_tokens: Option<String>,
    /// Conversation's id
    #[arg(long, value_name = "ID")]
    conversation: Option<String>,
    /// Client's fingerprint
    #[arg(long, value_name = "HEX")]
    client: Option<String>,
    /// Version of a prompt that they were made from, by its id
    #[arg(long, value_name = "ID")]
    prompt_version: Option<String>,
    /// How they are known: gateway, which they passed, or ingestion, by which a client told of them
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

/// Which stored calls.
#[derive(Debug, Args)]
struct RangeArgs {
    /// Started at or after: a time, or so long ago (15m, 2h, 7d)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Started before: a time, or so long ago
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Text in any message, without regard to case
    #[arg(long)]
    text: Option<String>,
    /// End user, as the SDK's field names them
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Session, as its client calls it
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// An entry of the SDK's metadata, such as team=search
    #[arg(long, value_name = "NAME=VALUE")]
    metadata: Option<String>,
    /// Trace of the client's span: its id, or its traceparent
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// Batch that served it, by the provider's id
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
}

impl FilterArgs {
    fn into_query(self) -> CallQuery {
        CallQuery {
            provider: self.provider,
            model: self.model,
            operation: self.operation,
            outcome: self.outcome,
            status: self.status,
            min_duration_ms: self.min_duration_ms,
            min_cost_usd: self.min_cost_usd,
            min_tokens: self.min_tokens,
            conversation: self.conversation,
            client: self.client,
            prompt_version: self.prompt_version,
            source: self.source,
            ..CallQuery::default()
        }
    }
}

impl RangeArgs {
    fn into_query(self) -> CallQuery {
        CallQuery {
            since: self.since,
            until: self.until,
            text: self.text,
            user: self.user,
            session: self.session,
            metadata: self.metadata,
            trace: self.trace,
            batch: self.batch,
            ..self.filter.into_query()
        }
    }
}

/// Runs the command.
pub(crate) async fn run(args: CallsArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    match args.command {
        CallsCommand::Tail { filter, json } => tail(&client, &filter.into_query(), json).await,
        CallsCommand::List { filter, limit, after, json } => {
            list(&client, &filter.into_query(), &PageQuery { limit: Some(limit), after }, json).await
        }
        CallsCommand::Show { id, json: false } => {
            Ok(show::show(&mut output::stdout(), &client.get_call(id).await?)?)
        }
        CallsCommand::Show { id, json: true } => {
            let call = client.get_call(id).await?;
            Ok(writeln!(output::stdout(), "{}", serde_json::to_string_pretty(&call)?)?)
        }
        CallsCommand::Export { filter, output, format, resume } => {
            let query = filter.into_query();
            let Some(file) = output else { return export::to_stdout(&client, &query).await };
            let format = format.unwrap_or_else(|| export::Format::of(&file));
            if resume {
                export::resume(&client, &query, &file, format).await
            } else {
                export::to_file(&client, &query, &file, format).await
            }
        }
    }
}

/// Follows calls until the reader or the server stops. A call is shown when it has ended.
async fn tail(client: &Client, query: &CallQuery, json: bool) -> anyhow::Result<()> {
    let mut tail = client.tail(query).await?;
    let mut out = output::stdout();
    if !json {
        writeln!(out, "{}", output::call_heads())?;
    }
    while let Some(event) = tail.next().await? {
        match event {
            TailEvent::Call(call) if call.outcome.is_none() => {}
            TailEvent::Call(call) if json => writeln!(out, "{}", serde_json::to_string(&call)?)?,
            TailEvent::Call(call) => writeln!(out, "{}", output::call_line(&call))?,
            TailEvent::Lagged(missed) => {
                let mut err = anstream::AutoStream::auto(std::io::stderr());
                writeln!(err, "{missed} calls came too fast to be shown; `codepromptu calls list` has them")?;
            }
        }
        out.flush()?;
    }
    Err(output::Failure {
        what: format!("the server at {} stopped", client.server()),
        help: "start it again with `codepromptu serve`; `codepromptu calls list` shows what was missed"
            .to_owned(),
    }
    .into())
}

async fn list(client: &Client, query: &CallQuery, page: &PageQuery, json: bool) -> anyhow::Result<()> {
    let found = client.list_calls(query, page).await?;
    let mut out = output::stdout();
    if json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
    }
    if found.calls.is_empty() && found.next.is_none() {
        let text = if *query == CallQuery::default() && page.after.is_none() {
            "No calls yet. `codepromptu demo` sends some."
        } else {
            "No call passes these filters."
        };
        return Ok(writeln!(out, "{text}")?);
    }
    writeln!(out, "{}", output::call_heads())?;
    for call in &found.calls {
        writeln!(out, "{}", output::call_line(call))?;
    }
    let (soft, plain) = (output::SOFT, output::SOFT.render_reset());
    if found.scan_stopped {
        writeln!(out, "{soft}The search for the text stopped at its bound; there may be more.{plain}")?;
    }
    if let Some(next) = found.next {
        writeln!(out, "{soft}More: the same command with --after {next}{plain}")?;
    }
    Ok(())
}
