//! `codepromptu org`: the organisations of an installation.

use std::io::Write;

use clap::{Args, Subcommand};
use cp_wire::{Named, NewOrg, SecondFactorRule};

use crate::cli::ServerArgs;
use crate::output;
use crate::output::table::{Table, text};

/// `codepromptu org`.
#[derive(Debug, Args)]
pub(crate) struct OrgArgs {
    #[command(subcommand)]
    command: OrgCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum OrgCommand {
    /// List the organisations that you belong to
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make an organisation, with a first project
    Create {
        /// Its name for people
        name: String,
        /// Its name in addresses; made from the other one without it
        #[arg(long, value_name = "NAME")]
        slug: Option<String>,
        /// The e-mail address of its owner; you without it
        #[arg(long, value_name = "ADDRESS")]
        owner: Option<String>,
    },
    /// Require a second factor: whoever is signed in without one can then only set one up
    RequireSecondFactor {
        /// Leave it to everybody again
        #[arg(long)]
        off: bool,
    },
    /// Give the organisation that `--org` names other names
    Rename {
        /// Its new name for people
        name: String,
        /// Its new name in addresses; made from the other one without it
        #[arg(long, value_name = "NAME")]
        slug: Option<String>,
    },
}

/// Runs the command.
pub(crate) async fn run(args: OrgArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        OrgCommand::List { json } => {
            let found = client.list_orgs().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            let mut table = Table::new(["organisation", "name", "id", "made"].map(text).into());
            for org in found.orgs {
                table.push(vec![org.slug, org.name, org.id.to_string(), org.created_at.to_string()]);
            }
            table.write(&mut out)?;
        }
        OrgCommand::Create { name, slug, owner } => {
            let made = client.create_org(&NewOrg { name, slug, owner }).await?;
            let (org, project) = (made.org.slug, made.project.slug);
            writeln!(out, "Organisation {org} is made, with a project called {project}: --org {org}")?;
        }
        OrgCommand::RequireSecondFactor { off } => {
            let rule = client.set_second_factor_rule(SecondFactorRule { required: !off }).await?;
            let told = if rule.required {
                "A second factor is required from now on. Whoever has none sets one up at /account."
            } else {
                "A second factor is everybody's own decision."
            };
            writeln!(out, "{told}")?;
        }
        OrgCommand::Rename { name, slug } => {
            let renamed = client.rename_org(&Named { name, slug }).await?;
            writeln!(out, "It is called {} ({}) now.", renamed.name, renamed.slug)?;
        }
    }
    Ok(())
}
