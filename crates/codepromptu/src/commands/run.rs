//! `codepromptu run -- CMD`: points the common clients at the gateway and becomes CMD.
//!
//! The command takes this process's place, so that its standard streams, its signals and its exit code are its own.
//! A client's key goes to the upstream that it was meant for: a variable that names another address already is moved to
//! the provider of that address, or left alone.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;
use cp_client::Client;
use cp_wire::ProviderStatus;

use crate::cli::ServerArgs;
use crate::output::Failure;

/// `codepromptu run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
}

#[cfg(test)]
impl RunArgs {
    pub(crate) fn command(&self) -> &[String] {
        &self.command
    }
}

/// A variable that clients read: its name, the provider that it speaks to, what follows the provider's base URL.
const VARIABLES: &[(&str, &str, &str)] = &[
    ("OPENAI_BASE_URL", "openai", "/v1"),
    ("OPENAI_API_BASE", "openai", "/v1"),
    ("ANTHROPIC_BASE_URL", "anthropic", ""),
    ("GOOGLE_GEMINI_BASE_URL", "gemini", ""),
    ("AZURE_OPENAI_ENDPOINT", "azure", ""),
    ("OLLAMA_HOST", "ollama", ""),
    ("OLLAMA_API_BASE", "ollama", ""),
    ("OPENROUTER_API_BASE", "openrouter", "/v1"),
    ("GROQ_API_BASE", "groq", "/v1"),
    ("MISTRAL_BASE_URL", "mistral", "/v1"),
    ("MISTRAL_API_BASE", "mistral", "/v1"),
    ("TOGETHER_BASE_URL", "together", "/v1"),
    ("DEEPSEEK_API_BASE", "deepseek", "/v1"),
    ("XAI_API_BASE", "xai", "/v1"),
];

/// Becomes the command. Returns only when it cannot.
pub(crate) async fn run(args: RunArgs) -> anyhow::Result<()> {
    let client: Client = args.server.client()?;
    let providers = client.get_status().await?.providers;
    let mut words = args.command.into_iter();
    let program = words.next().unwrap_or_default();
    let mut command = Command::new(&program);
    command.args(words);
    for (name, provider, suffix) in VARIABLES {
        match setting(client.server(), &providers, (provider, suffix), current(name).as_deref()) {
            Setting::Gateway(url) => {
                command.env(name, url);
            }
            Setting::Keep => {}
            Setting::Foreign(url) => {
                let mut err = anstream::AutoStream::auto(std::io::stderr());
                writeln!(
                    err,
                    "{name} stays {url}: no provider of the gateway has that address, and its key must not go elsewhere. \
                     To capture these calls too, add `[providers.NAME] base_url = …` to the server's configuration."
                )?;
            }
        }
    }
    let error = command.exec();
    Err(match error.kind() {
        std::io::ErrorKind::NotFound => Failure {
            what: format!("there is no program `{program}`"),
            help: "give the command as you would without `codepromptu run --`".to_owned(),
        }
        .into(),
        _ => anyhow::Error::from(error).context(format!("`{program}` cannot be run")),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment that the command inherits is what this command edits"
)]
fn current(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What becomes of one variable.
#[derive(Debug, PartialEq)]
enum Setting {
    /// It names the gateway.
    Gateway(String),
    /// It is left as it is: the gateway already, or a provider that is not configured.
    Keep,
    /// It is left as it is, and names an upstream that the gateway does not know.
    Foreign(String),
}

fn setting(
    server: &str,
    providers: &[ProviderStatus],
    (provider, suffix): (&str, &str),
    current: Option<&str>,
) -> Setting {
    let Some(current) = current else {
        let served = providers.iter().any(|row| row.name == provider && !row.base_url.is_empty());
        return if served { Setting::Gateway(format!("{server}/{provider}{suffix}")) } else { Setting::Keep };
    };
    if rest_after(current, server).is_some() {
        return Setting::Keep;
    }
    let known = providers.iter().filter(|row| !row.base_url.is_empty());
    let known = known.filter_map(|row| Some((row, rest_after(current, &row.base_url)?)));
    match known.max_by_key(|(row, _)| row.base_url.len()) {
        Some((row, rest)) => Setting::Gateway(format!("{server}/{}{rest}", row.name)),
        None => Setting::Foreign(current.to_owned()),
    }
}

/// What follows `base` in `url`, when `url` is at or below it.
fn rest_after<'a>(url: &'a str, base: &str) -> Option<&'a str> {
    let rest = url.strip_prefix(base.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "http://127.0.0.1:8080";

    fn settled(variable: (&str, &str), current: Option<&str>) -> Setting {
        let row = |name: &str, base_url: &str| ProviderStatus {
            name: name.to_owned(),
            family: "openai".to_owned(),
            base_url: base_url.to_owned(),
        };
        let providers = [
            row("openai", "https://api.openai.com"),
            row("azure", ""),
            row("openrouter", "https://openrouter.ai/api"),
            row("proxy", "https://openrouter.ai"),
        ];
        setting(SERVER, &providers, variable, current)
    }

    #[test]
    fn what_is_not_set_names_the_gateway() {
        let gateway = Setting::Gateway("http://127.0.0.1:8080/openai/v1".to_owned());
        assert_eq!(settled(("openai", "/v1"), None), gateway);
        assert_eq!(settled(("openai", "/v1"), Some("https://api.openai.com/v1")), gateway);
        assert_eq!(settled(("azure", ""), None), Setting::Keep);
        assert_eq!(settled(("unheard-of", ""), None), Setting::Keep);
    }

    #[test]
    fn a_key_never_goes_to_another_upstream() {
        let moved = Setting::Gateway("http://127.0.0.1:8080/openrouter/v1".to_owned());
        assert_eq!(settled(("openai", "/v1"), Some("https://openrouter.ai/api/v1")), moved);
        for foreign in ["https://llm.example/v1", "https://api.openai.com.evil.example/v1", "0.0.0.0"] {
            assert_eq!(settled(("openai", "/v1"), Some(foreign)), Setting::Foreign(foreign.to_owned()));
        }
        assert_eq!(settled(("openai", "/v1"), Some("http://127.0.0.1:8080/vllm/v1")), Setting::Keep);
    }
}
