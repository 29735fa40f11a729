//! The server that commands ask, and who they ask as.

use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use cp_base::{Clock, SystemClock, Timestamp};
use cp_client::{Client, ClientError};
use cp_wire::Status;
use http::Uri;

use super::Finding;
use crate::credentials;

/// Longer than any answer takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
const SERVER: &str = "server";
const CREDENTIALS: &str = "credentials";

/// Whether a server's address is one of this machine alone.
pub(super) fn is_on_this_machine(server: &str) -> bool {
    let host = server.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    host.is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// Asks the server, for so long at most.
pub(super) async fn look(client: &Client) -> Vec<Finding> {
    match tokio::time::timeout(PATIENCE, ask(client)).await {
        Ok(findings) => findings,
        Err(_) => vec![Finding::error(
            SERVER,
            format!("{} does not answer within {} s", client.server(), PATIENCE.as_secs()),
            "see what the server logs, and what stands between",
        )],
    }
}

async fn ask(client: &Client) -> Vec<Finding> {
    let mut findings = Vec::new();
    match client.get_status().await {
        Ok(status) => {
            findings.push(version(client, &status));
            findings.extend(clocks(SystemClock::default().now(), &status));
            findings.extend(troubles(&status));
        }
        Err(ClientError::Problem(problem)) if problem.status == 401 || problem.status == 403 => {
            findings.push(Finding::ok(SERVER, format!("{} answers", client.server())));
        }
        Err(error) => {
            let found = with_cause(&error);
            let help = error.help().unwrap_or("see what the server logs").to_owned();
            // Before the first start, nothing is wrong with that.
            let is_down = matches!(error, ClientError::Unreachable { .. });
            findings.push(match is_down && is_on_this_machine(client.server()) {
                true => Finding::warning(SERVER, found, help),
                false => Finding::error(SERVER, found, help),
            });
            findings.extend(kept());
            return findings;
        }
    }
    findings.extend(kept());
    findings.push(caller(client).await);
    findings
}

fn version(client: &Client, status: &Status) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    let found = format!("CodePromptu {} at {}", status.version, client.server());
    if status.version == ours {
        return Finding::ok(SERVER, found);
    }
    Finding::warning(SERVER, format!("{found}; this program is {ours}"), "use the same version on both sides")
}

/// What a server says of its start cannot be later than now.
fn clocks(now: Timestamp, status: &Status) -> Option<Finding> {
    const TOLERATED_US: i64 = 60_000_000;
    let ahead = status.started_at.0.saturating_sub(now.0);
    (ahead > TOLERATED_US).then(|| {
        let found = format!("the server's clock is {} s ahead of this one, or more", ahead / 1_000_000);
        Finding::warning("clock", found, "let NTP set both")
    })
}

fn troubles(status: &Status) -> Option<Finding> {
    let Status { store, log, pipeline, .. } = status;
    let trouble = store.last_error.as_ref().or(log.last_error.as_ref()).or(pipeline.last_error.as_ref())?;
    Some(Finding::error(SERVER, trouble.clone(), "`codepromptu status` and the server's log say more"))
}

/// The file of sign-ins is for its owner's eyes.
fn kept() -> Option<Finding> {
    let path = credentials::path()?;
    let metadata = std::fs::metadata(&path).ok()?;
    let shown = path.display();
    (metadata.mode() & 0o077 != 0).then(|| {
        Finding::error(CREDENTIALS, format!("{shown} can be read by others"), format!("chmod 600 {shown}"))
    })
}

async fn caller(client: &Client) -> Finding {
    match client.get_me().await {
        Ok(me) => {
            let roles =
                if me.roles.is_empty() { "no role in all of it".to_owned() } else { me.roles.join(", ") };
            Finding::ok(CREDENTIALS, format!("{} ({}), in {}: {roles}", me.name, me.via, me.org.slug))
        }
        Err(error @ ClientError::Problem(_)) => Finding::error(
            CREDENTIALS,
            error.to_string(),
            "sign in with `codepromptu login`, or give an API key in CODEPROMPTU_API_KEY",
        ),
        Err(error) => Finding::error(CREDENTIALS, with_cause(&error), "see what the server logs"),
    }
}

fn with_cause(error: &ClientError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_this_machine_are_known() {
        for near in ["http://127.0.0.1:8080", "http://localhost:1", "https://[::1]:8080"] {
            assert!(is_on_this_machine(near), "{near}");
        }
        for far in ["https://codepromptu.example.com", "http://10.0.0.1:8080", "?"] {
            assert!(!is_on_this_machine(far), "{far}");
        }
    }
}
