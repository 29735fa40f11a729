//! The command line's grammar.

use clap::{Args, Parser, Subcommand};
use cp_base::Secret;
use cp_client::{Client, ClientError};

use crate::commands::{
    audit, calls, completion, config, cost, demo, doctor, fingerprint, folder, gateway_key, key, keys,
    library, login, man, member, mock, org, policy, prices, project, prompt, provider_key, retention, run,
    search, sso, status, subject, team,
};
use crate::credentials;
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
    /// See, write, label and render the prompts of the library
    Prompt(Box<prompt::PromptArgs>),
    /// Find prompts by name and tag
    Search(search::SearchArgs),
    /// See what calls cost
    Cost(cost::CostArgs),
    /// See prices, find calls that lack one, and price calls again
    Prices(prices::PricesArgs),
    /// See, make and rename organisations
    Org(org::OrgArgs),
    /// See, set and test the provider that people sign in with
    Sso(sso::SsoArgs),
    /// See, make and rename projects, and say who has a role in one
    Project(project::ProjectArgs),
    /// See and invite members, change their roles and remove them
    Member(member::MemberArgs),
    /// See, make and change teams
    Team(team::TeamArgs),
    /// See, make, rotate and revoke API keys
    Key(key::KeyArgs),
    /// Become the owner, with the link of the first start
    Setup(login::SetupArgs),
    /// Sign in, for all commands from now on
    Login(login::LoginArgs),
    /// Sign out, and forget it
    Logout(login::LogoutArgs),
    /// See, set and try what is captured and redacted of calls
    Policy(policy::PolicyArgs),
    /// See, make, limit and revoke keys that programs use in place of a provider's
    GatewayKey(gateway_key::GatewayKeyArgs),
    /// See, store and remove providers' keys, which gateway keys stand for
    ProviderKey(provider_key::ProviderKeyArgs),
    /// See and claim the providers' keys by which calls come to a project
    Fingerprint(fingerprint::FingerprintArgs),
    /// See, rotate and rewrap the keys that data is sealed with
    Keys(keys::KeysArgs),
    /// See and change how long things are kept
    Retention(retention::RetentionArgs),
    /// Hold what must be kept longer
    Hold(retention::HoldArgs),
    /// See, export and erase what there is of an end user
    Subject(subject::SubjectArgs),
    /// See an erasure, and check its certificate
    Erasure(subject::ErasureArgs),
    /// See, export and verify what was done
    Audit(audit::AuditArgs),
    /// Take prompts into the library from files of other programs
    Import(library::ImportArgs),
    /// Write the prompt library, whole, as JSON lines
    Export(library::ExportArgs),
    /// Bring what the library says into a folder of files
    Pull(folder::PullArgs),
    /// Bring what a folder of files says into the library
    Push(folder::PushArgs),
    /// Show what differs between a folder of files and the library
    Diff(folder::DiffArgs),
    /// See how the server is, or how a folder of files stands to the library
    Status(status::StatusArgs),
    /// Check that everything is as it must be, and say what to do where it is not
    Doctor(doctor::DoctorArgs),
    /// See the configuration, and where each value comes from
    Config(config::ConfigArgs),
    /// Write what a shell needs to complete commands
    Completion(completion::CompletionArgs),
    /// Write the manual's pages
    Man(man::ManArgs),
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
    /// The API key; without it, what `codepromptu login` keeps
    #[arg(long, value_name = "KEY", env = "CODEPROMPTU_API_KEY", hide_env_values = true, global = true)]
    api_key: Option<String>,
    /// The organisation, where you belong to several: its id or short name
    #[arg(long, value_name = "NAME", env = "CODEPROMPTU_ORG", global = true)]
    org: Option<String>,
    /// The project: its id or short name
    #[arg(long, value_name = "NAME", env = "CODEPROMPTU_PROJECT", global = true)]
    project: Option<String>,
}

impl ServerArgs {
    /// A client of whoever is signed in.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let mut client = self.anonymous_client()?;
        let key = match &self.api_key {
            Some(key) => Some(key.clone()),
            None => credentials::find(client.server())?.map(|kept| kept.token),
        };
        if let Some(key) = key {
            client = client.with_api_key(&Secret::new(key))?;
        }
        if let Some(org) = &self.org {
            client = client.in_org(org)?;
        }
        match &self.project {
            Some(project) => Ok(client.in_project(project)?),
            None => Ok(client),
        }
    }

    /// A client that does not say who asks.
    pub(crate) fn anonymous_client(&self) -> Result<Client, ClientError> {
        Client::new(&self.server)
    }

    /// The project that was named.
    pub(crate) fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// Whether a project was named.
    pub(crate) fn names_project(&self) -> bool {
        self.project.is_some()
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
