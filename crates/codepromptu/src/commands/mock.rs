//! `codepromptu mock`: the mock provider alone.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context as _;
use cp_mock::{Mock, Options, demo};
use tokio::signal::unix::{SignalKind, signal};

/// Runs the mock provider until it is stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct MockArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value_t = demo::MOCK_ADDR)]
    listen: SocketAddr,
}

/// Serves until Ctrl-C or a termination signal.
///
/// # Errors
/// When the address cannot be listened on, or the standard output is closed.
pub(crate) async fn run(args: MockArgs) -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mock = Mock::start(args.listen, Options { remember: 0, ..Options::default() }).await?;
    announce(&mock, &mut std::io::stdout().lock())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for Ctrl-C")?,
        _ = terminated.recv() => {}
    }
    mock.stop().await;
    Ok(())
}

fn announce(mock: &Mock, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "The mock provider listens on {}", mock.url(""))?;
    writeln!(out, "  OpenAI clients        export OPENAI_BASE_URL={}", mock.url("/openai/v1"))?;
    writeln!(out, "  Anthropic clients     export ANTHROPIC_BASE_URL={}", mock.url("/anthropic"))?;
    writeln!(out, "Any key will do. Ctrl-C stops it.")?;
    out.flush()
}
