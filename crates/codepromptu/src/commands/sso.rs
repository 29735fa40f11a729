//! `codepromptu sso`: how the people of an organisation sign in.

use std::io::{Read, Write};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use cp_wire::{GroupRole, NewSingleSignOn, SingleSignOn};

use crate::cli::ServerArgs;
use crate::output;

/// `codepromptu sso`.
#[derive(Debug, Args)]
pub(crate) struct SsoArgs {
    #[command(subcommand)]
    command: SsoCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum SsoCommand {
    /// Show the provider of the organisation
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Sign people in with an OpenID Connect provider
    Set(Box<SetArgs>),
    /// Have no provider any more; roles by groups and sessions by single sign-on end with it
    Remove,
    /// Ask the provider for what it publishes
    Test,
}

#[derive(Debug, Args)]
struct SetArgs {
    /// The provider, such as https://id.example.com
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The name of this program there
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// Read the client's secret from standard input; without it, the one that is kept stays
    #[arg(long)]
    client_secret_stdin: bool,
    /// A domain of your people's e-mail addresses
    #[arg(long = "domain", value_name = "DOMAIN", required = true)]
    domains: Vec<String>,
    /// What to ask the provider for, beside `openid`
    #[arg(long = "scope", value_name = "SCOPE", default_values = ["email", "profile"])]
    scopes: Vec<String>,
    /// The claim that names a person's groups
    #[arg(long, value_name = "NAME")]
    group_claim: Option<String>,
    /// What a group gives: `GROUP=ROLE`, or `GROUP=ROLE@PROJECT`
    #[arg(long = "group", value_name = "GROUP=ROLE", value_parser = group)]
    groups: Vec<GroupRole>,
    /// Let people in who are no members yet
    #[arg(long)]
    admit_unknown: bool,
    /// The role of whoever has no other one
    #[arg(long, value_name = "ROLE")]
    default_role: Option<String>,
    /// Refuse passwords to all members but owners
    #[arg(long)]
    refuse_passwords: bool,
    /// Count each sign-in as one with a second factor, whatever the provider says of it
    #[arg(long)]
    counts_as_second_factor: bool,
}

fn group(text: &str) -> Result<GroupRole, String> {
    let (group, role) =
        text.rsplit_once('=').ok_or("write it like engineers=editor, or engineers=editor@bot")?;
    let (role, project) = match role.split_once('@') {
        Some((role, project)) => (role, Some(project.to_owned())),
        None => (role, None),
    };
    Ok(GroupRole { group: group.to_owned(), role: role.to_owned(), project })
}

/// Runs the command.
pub(crate) async fn run(args: SsoArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        SsoCommand::Show { json } => {
            let sso = client.get_sso().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&sso)?)?);
            }
            show(&sso, &mut out)?;
        }
        SsoCommand::Set(set) => {
            let sso = client.set_sso(&read(*set)?).await?;
            writeln!(out, "People sign in with {} from now on.", sso.issuer)?;
            writeln!(out, "`codepromptu sso test` asks it whether they can.")?;
        }
        SsoCommand::Remove => {
            client.remove_sso().await?;
            writeln!(out, "There is no single sign-on any more.")?;
        }
        SsoCommand::Test => {
            let check = client.check_sso().await?;
            if let Some(problem) = check.problem {
                bail!("people cannot sign in: {problem}");
            }
            let endpoint = check.authorization_endpoint.unwrap_or_default();
            writeln!(out, "The provider answers: {} keys, and people sign in at {endpoint}", check.keys)?;
        }
    }
    Ok(())
}

fn read(set: SetArgs) -> anyhow::Result<NewSingleSignOn> {
    let client_secret = if set.client_secret_stdin {
        let mut secret = String::new();
        std::io::stdin().read_to_string(&mut secret).context("standard input cannot be read")?;
        Some(secret.trim().to_owned())
    } else {
        None
    };
    Ok(NewSingleSignOn {
        issuer: set.issuer,
        client_id: set.client_id,
        client_secret,
        scopes: set.scopes,
        domains: set.domains,
        group_claim: set.group_claim,
        groups: set.groups,
        admits_unknown: set.admit_unknown,
        default_role: set.default_role,
        refuses_passwords: set.refuse_passwords,
        is_second_factor: set.counts_as_second_factor,
    })
}

fn show(sso: &SingleSignOn, out: &mut impl Write) -> anyhow::Result<()> {
    let yes = |is: bool| if is { "yes" } else { "no" };
    writeln!(out, "issuer            {}", sso.issuer)?;
    writeln!(out, "client id         {}", sso.client_id)?;
    writeln!(out, "scopes            openid {}", sso.scopes.join(" "))?;
    writeln!(out, "domains           {}", sso.domains.join(" "))?;
    writeln!(out, "admits unknown    {}", yes(sso.admits_unknown))?;
    writeln!(out, "default role      {}", sso.default_role.as_deref().unwrap_or("none"))?;
    writeln!(out, "refuses passwords {}", yes(sso.refuses_passwords))?;
    writeln!(
        out,
        "second factor     {}",
        if sso.is_second_factor { "each sign-in" } else { "as the provider says" }
    )?;
    writeln!(out, "group claim       {}", sso.group_claim.as_deref().unwrap_or("none"))?;
    for group in &sso.groups {
        let place = group.project_id.map_or_else(String::new, |project| format!(" in {project}"));
        writeln!(out, "  {} is {}{place}", group.group, group.role)?;
    }
    writeln!(out, "changed           {}", sso.changed_at)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_gives_a_role_somewhere() {
        let read = |text: &str| group(text).map(|read| (read.group, read.role, read.project));
        let of = |group: &str, role: &str, project: Option<&str>| {
            Ok((group.to_owned(), role.to_owned(), project.map(str::to_owned)))
        };
        assert_eq!(read("engineers=editor"), of("engineers", "editor", None));
        assert_eq!(read("cn=ops,dc=x=operator@bot"), of("cn=ops,dc=x", "operator", Some("bot")));
        assert!(read("engineers").unwrap_err().contains("editor@bot"));
    }
}
