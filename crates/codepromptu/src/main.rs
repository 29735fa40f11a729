//! CodePromptu: the program. One binary serves everything and is its own command line.

mod cli;
mod commands;
mod config;
mod credentials;
mod master_key;
mod output;
mod serve;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::report(&error),
    }
}

fn execute(command: Command) -> anyhow::Result<()> {
    // Fails only when a provider is installed already, and nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if matches!(command, Command::Serve(_)) {
        log_to_stderr();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("gateway").enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(args) => Box::pin(serve::run(args)).await,
            Command::Demo(args) => Box::pin(commands::demo::run(args)).await,
            Command::Mock(args) => Box::pin(commands::mock::run(args)).await,
            Command::Calls(args) => Box::pin(commands::calls::run(*args)).await,
            Command::Prompt(args) => Box::pin(commands::prompt::run(*args)).await,
            Command::Search(args) => Box::pin(commands::search::run(args)).await,
            Command::Cost(args) => Box::pin(commands::cost::run(args)).await,
            Command::Prices(args) => Box::pin(commands::prices::run(args)).await,
            Command::Org(args) => Box::pin(commands::org::run(args)).await,
            Command::Sso(args) => Box::pin(commands::sso::run(args)).await,
            Command::Member(args) => Box::pin(commands::member::run(args)).await,
            Command::Team(args) => Box::pin(commands::team::run(args)).await,
            Command::Project(args) => Box::pin(commands::project::run(args)).await,
            Command::Key(args) => Box::pin(commands::key::run(args)).await,
            Command::Setup(args) => Box::pin(commands::login::set_up(args)).await,
            Command::Login(args) => Box::pin(commands::login::log_in(args)).await,
            Command::Logout(args) => Box::pin(commands::login::log_out(args)).await,
            Command::Policy(args) => Box::pin(commands::policy::run(args)).await,
            Command::GatewayKey(args) => Box::pin(commands::gateway_key::run(args)).await,
            Command::ProviderKey(args) => Box::pin(commands::provider_key::run(args)).await,
            Command::Fingerprint(args) => Box::pin(commands::fingerprint::run(args)).await,
            Command::Keys(args) => Box::pin(commands::keys::run(args)).await,
            Command::Retention(args) => Box::pin(commands::retention::run(args)).await,
            Command::Hold(args) => Box::pin(commands::retention::run_hold(args)).await,
            Command::Subject(args) => Box::pin(commands::subject::run(args)).await,
            Command::Erasure(args) => Box::pin(commands::subject::run_erasure(args)).await,
            Command::Audit(args) => Box::pin(commands::audit::run(args)).await,
            Command::Import(args) => Box::pin(commands::library::import(args)).await,
            Command::Export(args) => Box::pin(commands::library::export(args)).await,
            Command::Pull(args) => Box::pin(commands::folder::pull(args)).await,
            Command::Push(args) => Box::pin(commands::folder::push(args)).await,
            Command::Diff(args) => Box::pin(commands::folder::diff(args)).await,
            Command::Status(args) => Box::pin(commands::status::run(args)).await,
            Command::Doctor(args) => Box::pin(commands::doctor::run(args)).await,
            Command::Config(args) => commands::config::run(&args),
            Command::Completion(args) => commands::completion::run(&args),
            Command::Man(args) => commands::man::run(&args),
            Command::Run(args) => Box::pin(commands::run::run(args)).await,
        }
    })
}

/// The server logs; the commands of a person answer on their own.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::Level::INFO.into())
        .with_env_var("CODEPROMPTU_LOG")
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
