//! The command line's grammar.

use clap::{Args, Parser, Subcommand};
use cp_client::{Client, ClientError};

use crate::commands::{calls, cost, demo, mock, prices, run, status};
use crate::serve::ServeArgs;

/// The system of record for the prompts that an organisation sends to language models
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start gateway, store and API
    Serve(ServeArgs),
    /// Send realistic traffic through the gateway, without any provider key
    Demo(demo::DemoArgs),
    /// Start the mock provider alone
    Mock(mock::MockArgs),
    /// See the calls that were captured
    Calls(Box<calls::CallsArgs>),
    /// See what calls cost
    Cost(cost::CostArgs),
    /// See prices, find calls that lack one, and price calls again
    Prices(prices::PricesArgs),
    /// See how the server is
    Status(status::StatusArgs),
    /// Run a program so that its calls go through the gateway
    Run(run::RunArgs),
}

/// Which server a command asks.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// The server's address
    #[arg(
        long,
        value_name = "URL",
        env = "CODEPROMPTU_SERVER",
        default_value = "http://127.0.0.1:8080",
        global = true
    )]
    server: String,
}

impl ServerArgs {
    pub(crate) fn client(&self) -> Result<Client, ClientError> {
        Client::new(&self.server)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_words_of_another_program_are_left_alone() {
        let cli =
            Cli::try_parse_from(["codepromptu", "run", "--", "python", "app.py", "--server", "x"]).unwrap();
        let Command::Run(args) = cli.command else { panic!("not run") };
        assert_eq!(args.command(), ["python", "app.py", "--server", "x"]);
    }
}
