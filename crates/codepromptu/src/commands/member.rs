//! `codepromptu member`: the people of an organisation.

use clap::{Args, Subcommand};

use super::invitation::{self, InvitationCommand};
use crate::cli::ServerArgs;

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
    #[command(flatten)]
    Invitation(InvitationCommand),
}

/// Runs the command.
pub(crate) async fn run(args: MemberArgs) -> anyhow::Result<()> {
    match args.command {
        MemberCommand::Invitation(command) => invitation::run(command, &args.server).await,
    }
}
