//! `codepromptu project`: the projects of an organisation, and who has a role in one.

use std::io::Write;

use clap::{Args, Subcommand};
use cp_wire::{Grants, Named, NewGrant};

use crate::cli::ServerArgs;
use crate::output;
use crate::output::table::{Table, text};

/// `codepromptu project`.
#[derive(Debug, Args)]
pub(crate) struct ProjectArgs {
    #[command(subcommand)]
    command: ProjectCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum ProjectCommand {
    /// List the projects that you see
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a project
    Create {
        /// Its name for people
        name: String,
        /// Its name in addresses; made from the other one without it
        #[arg(long, value_name = "NAME")]
        slug: Option<String>,
    },
    /// Give the project that `--project` names other names
    Rename {
        /// Its new name for people
        name: String,
        /// Its new name in addresses; made from the other one without it
        #[arg(long, value_name = "NAME")]
        slug: Option<String>,
    },
    /// List who has a role in the project itself
    Grants {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a person, team or API key a role in the project
    Grant {
        /// A person's e-mail address or id, a team's short name or id, or a key's id
        holder: String,
        /// owner, admin, editor, analyst, viewer, operator or service
        role: String,
    },
    /// Take the role of a person, team or API key in the project
    Revoke {
        /// A person's e-mail address or id, a team's short name or id, or a key's id
        holder: String,
    },
}

/// What changes with the second project.
const SEVERAL: &str = "With several projects a call says whose it is: by that path, by a gateway key, or by a provider's key \
that a project claims.\nCalls that say nothing go to the project in `gateway.default_project`; without that they are refused.";

/// Runs the command.
pub(crate) async fn run(args: ProjectArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        ProjectCommand::List { json } => {
            let found = client.list_projects().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            let mut table = Table::new(["project", "name", "id", "made"].map(text).into());
            for project in found.projects {
                let made = project.created_at.to_string();
                table.push(vec![project.slug, project.name, project.id.to_string(), made]);
            }
            table.write(&mut out)?;
        }
        ProjectCommand::Create { name, slug } => {
            let made = client.create_project(&Named { name, slug }).await?;
            writeln!(
                out,
                "Project {} is made. Calls to {}/p/{}/… are its own.",
                made.slug,
                client.server(),
                made.slug
            )?;
            writeln!(std::io::stderr(), "{SEVERAL}")?;
        }
        ProjectCommand::Rename { name, slug } => {
            let renamed = client.rename_project(&Named { name, slug }).await?;
            writeln!(out, "It is called {} ({}) now.", renamed.name, renamed.slug)?;
        }
        ProjectCommand::Grants { json } => {
            let found = client.list_grants().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            list_grants(&mut out, found)?;
        }
        ProjectCommand::Grant { holder, role } => {
            let granted = client.set_grant(&holder, &NewGrant { role }).await?;
            writeln!(out, "{} is {} in this project now.", granted.name, granted.role)?;
        }
        ProjectCommand::Revoke { holder } => {
            client.remove_grant(&holder).await?;
            writeln!(out, "{holder} has no role in this project itself any more.")?;
        }
    }
    Ok(())
}

fn list_grants(out: &mut impl Write, found: Grants) -> std::io::Result<()> {
    let mut table = Table::new(["who", "kind", "role", "since", "id"].map(text).into());
    for grant in found.grants {
        table.push(vec![grant.name, grant.kind, grant.role, grant.granted_at.to_string(), grant.holder]);
    }
    table.write(out)
}
