//! What a person reads when the program is ready.

use std::io::Write;
use std::net::SocketAddr;

use cp_base::Timestamp;

use super::Addresses;
use super::assemble::Parts;
use crate::config::Config;

/// Tells where prompts are served while the database is away, on standard output.
pub(super) fn announce_waiting(
    config: &Config,
    address: SocketAddr,
    written_at: Timestamp,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "CodePromptu waits for its database on {}://{address}", scheme(config.server.tls()))?;
    writeln!(
        out,
        "  Until that answers, prompts are served as they were at {written_at}, and nothing else is."
    )?;
    Ok(out.flush()?)
}

fn scheme<T>(tls: Option<T>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

/// Tells where everything is, on standard output.
pub(super) fn announce(config: &Config, addresses: Addresses, parts: &Parts) -> anyhow::Result<()> {
    let here = format!("{}://{}", scheme(config.server.tls()), addresses.everything);
    let base = config.server.public_url.as_deref().unwrap_or(&here).trim_end_matches('/');
    let mut out = std::io::stdout().lock();
    if let Some(path) = &parts.new_master_key {
        writeln!(out, "A master key was made: {}", path.display())?;
        writeln!(
            out,
            "  Everything stored is encrypted under it. Keep a copy elsewhere: without it nothing can be read."
        )?;
    }
    if let Some(token) = &parts.setup {
        writeln!(out, "Nobody has signed up. Whoever opens this link first becomes the owner:")?;
        writeln!(out, "  {base}/setup#{}", token.expose())?;
        writeln!(out, "  Until then whoever sits at this machine may do everything.")?;
    }
    for line in &parts.notices {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "CodePromptu is ready on {here}")?;
    writeln!(out, "  see it work now       codepromptu demo")?;
    writeln!(out, "  OpenAI clients        export OPENAI_BASE_URL={base}/openai/v1")?;
    writeln!(out, "  Anthropic clients     export ANTHROPIC_BASE_URL={base}/anthropic")?;
    writeln!(out, "  Gemini clients        export GOOGLE_GEMINI_BASE_URL={base}/gemini")?;
    writeln!(out, "  Ollama clients        export OLLAMA_HOST={base}/ollama")?;
    writeln!(out, "  anything              codepromptu run -- python app.py")?;
    if let Some(address) = addresses.gateway_only {
        let scheme = scheme(config.gateway.tls());
        writeln!(out, "  the gateway alone     {scheme}://{address}")?;
    }
    out.flush()?;
    Ok(())
}
