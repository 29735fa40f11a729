//! `codepromptu setup`, `login` and `logout`: who the command line is.

use std::io::{IsTerminal, Write};

use anyhow::Context;
use clap::Args;
use cp_base::Secret;
use cp_client::{Client, ClientError};
use cp_wire::{SessionToken, SetUp, SignIn};

use crate::cli::ServerArgs;
use crate::credentials::{self, Credential};
use crate::output::{self, Failure};

/// `codepromptu setup`.
#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    /// The link that `codepromptu serve` printed
    link: String,
    /// Your e-mail address; asked for without it
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Your name; asked for without it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// `codepromptu login`.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Your e-mail address; asked for without it
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Take an API key from standard input and keep it, instead of signing in
    #[arg(long, conflicts_with = "email")]
    with_key: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// `codepromptu logout`.
#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    #[command(flatten)]
    server: ServerArgs,
}

/// Makes the owner, and signs them in on the command line too.
pub(crate) async fn set_up(args: SetupArgs) -> anyhow::Result<()> {
    let (server, token) = args.link.split_once("/setup#").ok_or_else(|| Failure {
        what: "this is not the link of a first start".to_owned(),
        help: "take the whole line that `codepromptu serve` printed: http://…/setup#…".to_owned(),
    })?;
    let client = Client::new(server)?;
    let (email, name) = (given_or_asked(args.email, "E-mail address")?, given_or_asked(args.name, "Name")?);
    let password = ask_new_password()?;
    let asked = SetUp { token: token.to_owned(), email: email.clone(), name, password: password.clone() };
    client.set_up(&asked).await?;
    let signed_in = client.sign_in(&SignIn { email, password, code: None }).await?;
    keep(&client, signed_in)
}

/// Signs in, or takes an API key, and keeps what it gets.
pub(crate) async fn log_in(args: LoginArgs) -> anyhow::Result<()> {
    let client = args.server.anonymous_client()?;
    if args.with_key {
        let key = Secret::new(read_line()?);
        let me = client.clone().with_api_key(&key)?.get_me().await?;
        credentials::keep(client.server(), Credential { email: None, token: key.expose().to_owned() })?;
        return Ok(writeln!(output::stdout(), "The API key {} is kept for {}.", me.name, client.server())?);
    }
    let email = given_or_asked(args.email, "E-mail address")?;
    let mut asked = SignIn { email, password: ask_secret("Password")?, code: None };
    let signed_in = match client.sign_in(&asked).await {
        Err(ClientError::Problem(problem)) if problem.parameter.as_deref() == Some("code") => {
            asked.code = Some(ask("Code of your authenticator app, or a recovery code")?);
            client.sign_in(&asked).await?
        }
        other => other?,
    };
    keep(&client, signed_in)
}

fn keep(client: &Client, signed_in: SessionToken) -> anyhow::Result<()> {
    let email = signed_in.person.email;
    writeln!(
        output::stdout(),
        "Signed in to {} as {email}, until {}.",
        client.server(),
        signed_in.expires_at
    )?;
    credentials::keep(client.server(), Credential { email: Some(email), token: signed_in.token })
}

/// Ends the session and forgets it. An API key is forgotten only: others may use it.
pub(crate) async fn log_out(args: LogoutArgs) -> anyhow::Result<()> {
    let client = args.server.anonymous_client()?;
    let mut out = output::stdout();
    let Some(kept) = credentials::find(client.server())? else {
        return Ok(writeln!(out, "Nobody is signed in to {}.", client.server())?);
    };
    // Forgotten first: whatever the server says, this machine no longer has it.
    credentials::forget(client.server())?;
    if kept.email.is_none() {
        return Ok(writeln!(
            out,
            "The API key for {} is forgotten here; it goes on working.",
            client.server()
        )?);
    }
    match client.clone().with_api_key(&Secret::new(kept.token))?.sign_out().await {
        // It was over already.
        Ok(()) => {}
        Err(ClientError::Problem(problem)) if problem.status == 401 => {}
        Err(error) => {
            return Err(error).context("the session is forgotten here, and was not ended at the server");
        }
    }
    Ok(writeln!(out, "Signed out of {}.", client.server())?)
}

fn given_or_asked(given: Option<String>, label: &str) -> anyhow::Result<String> {
    given.map_or_else(|| ask(label), Ok)
}

fn ask(label: &str) -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        write!(std::io::stderr(), "{label}: ")?;
    }
    read_line()
}

/// Twice where somebody types it.
fn ask_new_password() -> anyhow::Result<String> {
    let password = ask_secret("Password, 12 characters or more")?;
    if std::io::stdin().is_terminal() && ask_secret("Once more")? != password {
        let help = "begin again".to_owned();
        return Err(Failure { what: "these were two different passwords".to_owned(), help }.into());
    }
    Ok(password)
}

/// Without showing what is typed; a line of standard input where nobody types.
fn ask_secret(label: &str) -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("{label}: ")).context("the terminal cannot be read");
    }
    read_line()
}

fn read_line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("standard input cannot be read")?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        let help = "type it, or pass it on standard input, a line each".to_owned();
        return Err(Failure { what: "nothing was given where something is needed".to_owned(), help }.into());
    }
    Ok(line.to_owned())
}
