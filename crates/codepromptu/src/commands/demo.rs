//! `codepromptu demo`: realistic traffic through a running gateway, with no provider and no key.

use std::io::Write;

use anyhow::{Context as _, bail};
use cp_base::Random;
use cp_mock::demo::{self, GatewayError, Report};
use cp_mock::{Mock, Options};
use http::Uri;
use indicatif::{ProgressBar, ProgressStyle};

/// Sends the traffic of several applications through the gateway, answered by a mock provider.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// The gateway
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    gateway: Uri,
    /// How many calls to send
    #[arg(long, value_name = "N", default_value_t = 200)]
    calls: usize,
    /// Send the same traffic as another run with this number
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Sends the traffic and says what came of it.
///
/// # Errors
/// When no gateway answers, when the mock's port is taken, or when not one call came through.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<()> {
    demo::check(&args.gateway).await.map_err(|error| match error {
        absent @ GatewayError::Absent(_) => anyhow::Error::from(absent)
            .context("there is no gateway to send the demo to: start `codepromptu serve` first, or name one with --gateway"),
        other => other.into(),
    })?;
    let mock = Mock::start(demo::MOCK_ADDR, Options { remember: 0, ..Options::default() })
        .await
        .with_context(|| {
            format!(
                "the gateway expects the demo's mock provider on {}; stop what uses that port",
                demo::MOCK_ADDR
            )
        })?;
    let seed = args.seed.unwrap_or_else(|| u64::from_le_bytes(Random::system().bytes()));
    let bar = bar(args.calls);
    let report = demo::run(&args.gateway, args.calls, seed, |progress| {
        bar.set_position(u64::try_from(progress.done).unwrap_or(u64::MAX));
    })
    .await;
    bar.finish_and_clear();
    mock.stop().await;
    let report = report?;
    summarise(&args.gateway, &report, &mut std::io::stdout().lock())?;
    if report.answered == 0 && report.calls() > 0 {
        bail!(nothing_came_through(&report));
    }
    Ok(())
}

fn nothing_came_through(report: &Report) -> String {
    match &report.unreachable {
        Some(why) => format!("no call reached the gateway: {why}"),
        None => String::from(
            "no call was answered: does the gateway's configuration replace the providers `demo-openai` and `demo-anthropic`, \
             or are there several projects and no `gateway.default_project` to take calls that name none?",
        ),
    }
}

/// A progress bar on the standard error; invisible where that is no terminal.
fn bar(calls: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(calls).unwrap_or(u64::MAX));
    match ProgressStyle::with_template("sending {bar:40} {pos}/{len} calls") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn summarise(gateway: &Uri, report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{} calls of {} applications went through {gateway}\n",
        report.calls(),
        report.applications.len()
    )?;
    for (application, calls) in &report.applications {
        writeln!(out, "  {application:<22}{calls:>5}")?;
    }
    let refused: usize = report.refused.values().sum();
    let statuses: Vec<String> =
        report.refused.iter().map(|(status, calls)| format!("{calls} × {status}")).collect();
    writeln!(out, "\n  answered              {:>5}", report.answered)?;
    writeln!(out, "  refused               {refused:>5}   {}", statuses.join(", "))?;
    writeln!(out, "  left by the client    {:>5}", report.hung_up)?;
    writeln!(out, "  broken off            {:>5}", report.broken)?;
    writeln!(out, "\nThe ones that went wrong are meant to. Look at them all:")?;
    writeln!(out, "  codepromptu calls list")?;
    writeln!(out, "  codepromptu calls tail      and `codepromptu demo` again beside it")?;
    writeln!(out, "  {gateway}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_adds_up() {
        let report = Report {
            applications: [("support assistant", 5), ("translation", 2)].into(),
            answered: 4,
            refused: [(429, 1), (500, 1)].into(),
            hung_up: 1,
            ..Report::default()
        };
        let mut out = Vec::new();
        summarise(&Uri::from_static("http://127.0.0.1:8080/"), &report, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("7 calls of 2 applications went through http://127.0.0.1:8080/\n"),
            "{text}"
        );
        assert!(text.contains("refused                   2   1 × 429, 1 × 500"), "{text}");
    }
}
