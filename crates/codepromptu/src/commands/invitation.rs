//! Inviting people: a part of `codepromptu member`.

use std::io::Write;

use clap::Subcommand;
use cp_base::InvitationId;
use cp_wire::NewInvitation;

use crate::cli::ServerArgs;
use crate::output;
use crate::output::table::{Table, text};

#[derive(Debug, Subcommand)]
pub(crate) enum InvitationCommand {
    /// Invite somebody; with `--project` into that project alone. The link is shown, and no e-mail is sent
    Invite {
        /// Their e-mail address
        email: String,
        /// What they may do: owner, admin, editor, analyst, viewer, operator or service
        #[arg(long, value_name = "ROLE", default_value = "viewer")]
        role: String,
    },
    /// List the invitations that nobody has taken yet
    Invitations {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Withdraw an invitation
    Withdraw {
        /// The invitation's id
        id: InvitationId,
    },
}

/// Runs the command.
pub(crate) async fn run(command: InvitationCommand, server: &ServerArgs) -> anyhow::Result<()> {
    let client = server.client()?;
    let mut out = output::stdout();
    match command {
        InvitationCommand::Invite { email, role } => {
            let project = server.project().map(str::to_owned);
            let made = client.create_invitation(&NewInvitation { email, role, project }).await?;
            let (id, end) = (made.invitation.id, made.invitation.expires_at);
            writeln!(
                std::io::stderr(),
                "{id}. Pass the link on yourself: no e-mail is sent. It works once, until {end}, and is not shown again:"
            )?;
            writeln!(out, "{}{}", client.server(), made.path)?;
        }
        InvitationCommand::Invitations { json } => {
            let found = client.list_invitations().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            let mut table = Table::new(["id", "for", "role", "project", "by", "ends"].map(text).into());
            for one in found.invitations {
                let project = one.project_id.map_or_else(|| "all".to_owned(), |project| project.to_string());
                let (id, end) = (one.id.to_string(), one.expires_at.to_string());
                table.push(vec![id, one.email, one.role, project, one.invited_by, end]);
            }
            table.write(&mut out)?;
        }
        InvitationCommand::Withdraw { id } => {
            client.withdraw_invitation(id).await?;
            writeln!(out, "{id} is withdrawn.")?;
        }
    }
    Ok(())
}
