//! `codepromptu key`: the API keys of an organisation; with `--project` those of one project.

use std::io::Write;

use clap::{Args, Subcommand};
use cp_base::{ApiKeyId, Timestamp};
use cp_wire::{ApiKey, MadeApiKey, NewApiKey, Rotation};

use crate::cli::ServerArgs;
use crate::output;
use crate::output::table::{Table, text};

/// `codepromptu key`.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// List the keys; with `--project` those that reach that project alone
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a key; with `--project` one that reaches that project alone
    Create {
        /// What it is for
        name: String,
        /// What it may do: owner, admin, editor, analyst, viewer, operator or service
        #[arg(long, value_name = "ROLE", default_value = "viewer")]
        role: String,
        /// When it ends: a time such as 2027-01-31T00:00:00Z
        #[arg(long, value_name = "TIME")]
        expires: Option<Timestamp>,
    },
    /// Make another key like one, which goes on working for a while
    Rotate {
        /// The key's id
        id: ApiKeyId,
        /// Hours for which the old one goes on working
        #[arg(long, value_name = "HOURS", default_value_t = 24)]
        overlap: u32,
    },
    /// End a key at once
    Revoke {
        /// The key's id
        id: ApiKeyId,
    },
}

/// Runs the command.
pub(crate) async fn run(args: KeyArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let of_project = args.server.names_project();
    let mut out = output::stdout();
    match args.command {
        KeyCommand::List { json } => {
            let found = match of_project {
                true => client.list_project_keys().await?,
                false => client.list_api_keys().await?,
            };
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            let columns = ["id", "name", "begins with", "role", "reaches", "last used", "ends"];
            let mut table = Table::new(columns.map(text).into());
            for key in found.keys {
                table.push(row(key));
            }
            table.write(&mut out)?;
        }
        KeyCommand::Create { name, role, expires } => {
            let new = NewApiKey { name, role, expires_at: expires };
            let made = match of_project {
                true => client.create_project_key(&new).await?,
                false => client.create_api_key(&new).await?,
            };
            show(&mut out, &made)?;
        }
        KeyCommand::Rotate { id, overlap } => {
            let rotation = Rotation { overlap_hours: Some(overlap) };
            let made = match of_project {
                true => client.rotate_project_key(id, &rotation).await?,
                false => client.rotate_api_key(id, &rotation).await?,
            };
            show(&mut out, &made)?;
            writeln!(std::io::stderr(), "{id} goes on working for {overlap} hours.")?;
        }
        KeyCommand::Revoke { id } => {
            match of_project {
                true => client.revoke_project_key(id).await?,
                false => client.revoke_api_key(id).await?,
            }
            writeln!(out, "{id} has ended.")?;
        }
    }
    Ok(())
}

/// The key alone on standard output, so that it can be piped to where it is needed.
fn show(out: &mut impl Write, made: &MadeApiKey) -> std::io::Result<()> {
    let (id, role) = (made.key.id, made.key.role.as_deref().unwrap_or_default());
    writeln!(std::io::stderr(), "{id}, {role}. This is the only time that it is shown:")?;
    writeln!(out, "{}", made.token)
}

fn row(key: ApiKey) -> Vec<String> {
    const NONE: &str = "–";
    let time = |time: Option<Timestamp>| time.map_or_else(|| NONE.to_owned(), |time| time.to_string());
    let ends = match key.revoked_at {
        Some(_) => "revoked".to_owned(),
        None => time(key.expires_at),
    };
    let reaches = key.project_id.map_or_else(|| "everything".to_owned(), |project| project.to_string());
    let role = key.role.unwrap_or_else(|| NONE.to_owned());
    vec![key.id.to_string(), key.name, key.shown, role, reaches, time(key.last_used_at), ends]
}
