//! `codepromptu team`: the teams of an organisation, and who is in them.

use std::io::Write;

use clap::{Args, Subcommand};
use cp_wire::Named;

use crate::cli::ServerArgs;
use crate::output;
use crate::output::table::{Table, text};

/// `codepromptu team`.
#[derive(Debug, Args)]
pub(crate) struct TeamArgs {
    #[command(subcommand)]
    command: TeamCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum TeamCommand {
    /// List the teams, with who is in them
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a team
    Show {
        /// Its short name or id
        team: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a team
    Create {
        /// Its name for people
        name: String,
        /// Its name in addresses; made from the other one without it
        #[arg(long, value_name = "NAME")]
        slug: Option<String>,
    },
    /// Give a team other names
    Rename {
        /// Its short name or id
        team: String,
        /// Its new name for people
        name: String,
        /// Its new name in addresses; made from the other one without it
        #[arg(long, value_name = "NAME")]
        slug: Option<String>,
    },
    /// Delete a team, and the roles that it gave
    Delete {
        /// Its short name or id
        team: String,
    },
    /// Let a member into a team
    Add {
        /// Its short name or id
        team: String,
        /// Their e-mail address or id
        member: String,
    },
    /// Take a member out of a team
    Remove {
        /// Its short name or id
        team: String,
        /// Their e-mail address or id
        member: String,
    },
}

/// Runs the command.
pub(crate) async fn run(args: TeamArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        TeamCommand::List { json } => {
            let found = client.list_teams().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            let mut table = Table::new(["team", "name", "members", "id"].map(text).into());
            for team in found.teams {
                let members = team.members.into_iter().map(|member| member.email).collect::<Vec<_>>();
                table.push(vec![team.slug, team.name, members.join(", "), team.id.to_string()]);
            }
            table.write(&mut out)?;
        }
        TeamCommand::Show { team, json } => {
            let team = client.get_team(&team).await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&team)?)?);
            }
            writeln!(out, "{} ({}), {}", team.name, team.slug, team.id)?;
            let mut table = Table::new(["address", "name", "id"].map(text).into());
            for member in team.members {
                table.push(vec![member.email, member.name, member.id.to_string()]);
            }
            table.write(&mut out)?;
        }
        TeamCommand::Create { name, slug } => {
            let made = client.create_team(&Named { name, slug }).await?;
            writeln!(out, "Team {} is made: codepromptu team add {} ADDRESS", made.slug, made.slug)?;
        }
        TeamCommand::Rename { team, name, slug } => {
            let renamed = client.rename_team(&team, &Named { name, slug }).await?;
            writeln!(out, "It is called {} ({}) now.", renamed.name, renamed.slug)?;
        }
        TeamCommand::Delete { team } => {
            client.delete_team(&team).await?;
            writeln!(out, "Team {team} is gone, and the roles that it gave.")?;
        }
        TeamCommand::Add { team, member } => {
            client.join_team(&team, &member).await?;
            writeln!(out, "{member} is in team {team} now.")?;
        }
        TeamCommand::Remove { team, member } => {
            client.leave_team(&team, &member).await?;
            writeln!(out, "{member} is in team {team} no more.")?;
        }
    }
    Ok(())
}
