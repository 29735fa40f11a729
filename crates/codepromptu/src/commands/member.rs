//! `codepromptu member`: the members of an organisation.

use std::io::Write;

use clap::{Args, Subcommand};
use cp_wire::MemberRole;

use super::invitation::{self, InvitationCommand};
use crate::cli::ServerArgs;
use crate::output;
use crate::output::table::{Table, text};

/// What stands for no role.
const NONE: &str = "none";

/// `codepromptu member`.
#[derive(Debug, Args)]
pub(crate) struct MemberArgs {
    #[command(subcommand)]
    command: MemberCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum MemberCommand {
    /// List the members
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a member another role in the organisation
    Role {
        /// Their e-mail address or id
        member: String,
        /// owner, admin, editor, analyst, viewer, operator or service; or none, but those in projects
        role: String,
    },
    /// Remove a member from the organisation, its teams and its projects
    Remove {
        /// Their e-mail address or id
        member: String,
    },
    #[command(flatten)]
    Invitation(InvitationCommand),
}

/// Runs the command.
pub(crate) async fn run(args: MemberArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        MemberCommand::List { json } => {
            let found = client.list_members().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            let mut table = Table::new(["address", "name", "role", "since", "id"].map(text).into());
            for member in found.members {
                let (role, since) = (member.role.unwrap_or_else(|| NONE.into()), member.joined_at);
                let row = [member.email, member.name, role, since.to_string(), member.id.to_string()];
                table.push(row.into());
            }
            table.write(&mut out)?;
        }
        MemberCommand::Role { member, role } => {
            let role = Some(role).filter(|role| role != NONE);
            let changed = client.set_member_role(&member, &MemberRole { role }).await?;
            match changed.role {
                Some(role) => writeln!(out, "{} is {role} now.", changed.email)?,
                None => writeln!(out, "{} has no role now but those in projects.", changed.email)?,
            }
        }
        MemberCommand::Remove { member } => {
            client.remove_member(&member).await?;
            writeln!(out, "{member} is no member any more.")?;
        }
        MemberCommand::Invitation(command) => {
            drop(out);
            return invitation::run(command, &args.server).await;
        }
    }
    Ok(())
}
