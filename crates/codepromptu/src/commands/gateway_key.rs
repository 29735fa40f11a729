//! `codepromptu gateway-key`: keys that programs use at the gateway in place of a provider's.

use std::io::Write;

use clap::{Args, Subcommand};
use cp_base::{GatewayKeyId, Measure, Timestamp, UsdNanos, Window};
use cp_wire::{Allowance, GatewayAccess, GatewayKey, GatewayKeyLimits, NewGatewayKey, Usd};

use crate::cli::ServerArgs;
use crate::output;
use crate::output::table::{Table, text};

/// `codepromptu gateway-key`.
#[derive(Debug, Args)]
pub(crate) struct GatewayKeyArgs {
    #[command(subcommand)]
    command: GatewayKeyCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum GatewayKeyCommand {
    /// List the keys, with what each may use and has used
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a key
    Create {
        /// What it is for
        name: String,
        /// A provider that it may be used with; all without this
        #[arg(long, value_name = "NAME")]
        provider: Vec<String>,
        /// What it may use: `usd/month=5.00`, `tokens/day=100000`, `requests/minute=60`
        #[arg(long, value_name = "LIMIT", value_parser = read_limit)]
        limit: Vec<Allowance>,
        /// When it ends: a time such as 2027-01-31T00:00:00Z
        #[arg(long, value_name = "TIME")]
        expires: Option<Timestamp>,
    },
    /// Set what a key may use, in place of what was said before; as much as it likes without a limit
    Limit {
        /// The key's id
        id: GatewayKeyId,
        /// `usd/month=5.00`, `tokens/day=100000`, `requests/minute=60`
        #[arg(value_name = "LIMIT", value_parser = read_limit)]
        limits: Vec<Allowance>,
    },
    /// End a key
    Revoke {
        /// The key's id
        id: GatewayKeyId,
    },
    /// See or set whether the project takes calls without a key of its own
    Access {
        /// `open` or `with_key`
        access: Option<String>,
    },
}

/// Runs the command.
pub(crate) async fn run(args: GatewayKeyArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        GatewayKeyCommand::List { json } => {
            let found = client.list_gateway_keys().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            let columns = ["id", "name", "begins with", "providers", "limits (used)", "last used", "ends"];
            let mut table = Table::new(columns.map(text).into());
            for key in found.keys {
                table.push(row(key));
            }
            table.write(&mut out)?;
        }
        GatewayKeyCommand::Create { name, provider, limit, expires } => {
            let new = NewGatewayKey { name, providers: provider, limits: limit, expires_at: expires };
            let made = client.create_gateway_key(&new).await?;
            writeln!(std::io::stderr(), "{}. This is the only time that it is shown:", made.key.id)?;
            writeln!(out, "{}", made.token)?;
        }
        GatewayKeyCommand::Limit { id, limits } => {
            let key = client.limit_gateway_key(id, &GatewayKeyLimits { limits }).await?;
            let limits = key.limits.iter().flat_map(allowed).map(|(_, shown)| shown).collect::<Vec<_>>();
            let limits = if limits.is_empty() { "without limits".to_owned() } else { limits.join(", ") };
            writeln!(out, "{id}: {limits}")?;
        }
        GatewayKeyCommand::Revoke { id } => {
            client.revoke_gateway_key(id).await?;
            writeln!(out, "{id} has ended.")?;
        }
        GatewayKeyCommand::Access { access } => {
            let access = match access {
                Some(access) => client.set_gateway_access(&GatewayAccess { access }).await?,
                None => client.get_gateway_access().await?,
            };
            writeln!(out, "{}", access.access)?;
        }
    }
    Ok(())
}

/// `usd/month=5.00`: a measure, a window, an amount.
fn read_limit(text: &str) -> Result<Allowance, String> {
    let error = || format!("`{text}` is no limit; write it like usd/month=5.00 or requests/minute=60");
    let (what, amount) = text.split_once('=').ok_or_else(error)?;
    let (measure, window) = what.split_once('/').ok_or_else(error)?;
    let measure: Measure = measure.parse().map_err(|error| format!("{error}"))?;
    let window: Window = window.parse().map_err(|error| format!("{error}"))?;
    let count = || amount.parse().map(Some).map_err(|_| error());
    let mut allowance = Allowance { window: window.as_str().to_owned(), ..Allowance::default() };
    match measure {
        Measure::Requests => allowance.requests = count()?,
        Measure::Tokens => allowance.tokens = count()?,
        Measure::Usd => {
            let amount = UsdNanos::parse_dollars(amount).map_err(|error| error.to_string())?;
            allowance.usd = Some(Usd(amount));
        }
    }
    Ok(allowance)
}

/// Each limit of an allowance, by its measure and as it is shown.
fn allowed(allowance: &Allowance) -> Vec<(Measure, String)> {
    let window = &allowance.window;
    let shown = [
        (Measure::Requests, allowance.requests.map(|amount| format!("{amount} requests/{window}"))),
        (Measure::Tokens, allowance.tokens.map(|amount| format!("{amount} tokens/{window}"))),
        (Measure::Usd, allowance.usd.map(|amount| format!("${amount}/{window}"))),
    ];
    shown.into_iter().filter_map(|(measure, shown)| Some((measure, shown?))).collect()
}

/// The limits of a key, each with what is used of it.
fn limits(key: &GatewayKey) -> String {
    let used = |window: &str, measure| {
        let used = key.used.iter().find(|used| used.window == window)?;
        Some(match measure {
            Measure::Requests => used.requests?.to_string(),
            Measure::Tokens => used.tokens?.to_string(),
            Measure::Usd => format!("${}", used.usd?),
        })
    };
    let shown = key.limits.iter().flat_map(|limit| {
        allowed(limit).into_iter().map(|(measure, shown)| match used(&limit.window, measure) {
            Some(used) => format!("{shown} ({used})"),
            None => shown,
        })
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn row(key: GatewayKey) -> Vec<String> {
    const NONE: &str = "–";
    let time = |time: Option<Timestamp>| time.map_or_else(|| NONE.to_owned(), |time| time.to_string());
    let or_none = |text: String| if text.is_empty() { NONE.to_owned() } else { text };
    let ends = match key.revoked_at {
        Some(_) => "revoked".to_owned(),
        None => time(key.expires_at),
    };
    let (limits, providers) = (or_none(limits(&key)), key.providers.join(", "));
    let providers = if providers.is_empty() { "all".to_owned() } else { providers };
    vec![key.id.to_string(), key.name, key.shown, providers, limits, time(key.last_used_at), ends]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_as_they_are_shown() {
        for (text, shown) in [
            ("usd/month=5", "$5.00/month"),
            ("tokens/day=100000", "100000 tokens/day"),
            ("requests/minute=0", "0 requests/minute"),
        ] {
            let shown_of = |allowance: &Allowance| allowed(allowance).remove(0).1;
            assert_eq!(read_limit(text).as_ref().map(shown_of), Ok(shown.to_owned()));
        }
        for (text, told) in [
            ("usd", "write it like"),
            ("usd=5", "write it like"),
            ("euro/month=5", "requests, tokens, usd"),
            ("usd/year=5", "minute, hour, day, month"),
            ("usd/month=five", "amount in dollars"),
            ("tokens/day=-1", "write it like"),
        ] {
            let error = read_limit(text).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
