//! Providers are data: a handful of wire families in code, everything else a row.

/// A wire format that several providers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// OpenAI and everything compatible with it.
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Ollama's own API.
    Ollama,
}

impl Family {
    /// Every family, in the order of this enum.
    pub const ALL: [Self; 4] = [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::Ollama];

    /// The name in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }

    /// The family of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == name)
    }
}

/// One upstream as the program ships it; an installation can override and add rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The first segment of the gateway's path, and `provider_name` of the calls.
    pub name: &'static str,
    /// How its own errors read, and so those that the gateway answers in its place.
    pub family: Family,
    /// Where calls go, without a trailing slash. Empty when only an installation can know it.
    pub base_url: &'static str,
    /// The provider whose price list applies. Calls of a provider without a list have no cost.
    pub prices: &'static str,
}

impl Provider {
    /// The shipped row of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }
}

const fn row(name: &'static str, family: Family, base_url: &'static str) -> Provider {
    Provider { name, family, base_url, prices: name }
}

/// The rows that the program ships.
///
/// A base URL ends where the version begins: the path after the provider's name is kept whole, so that a client's base
/// URL is `<gateway>/openai/v1` where it was `https://api.openai.com/v1`.
pub const PROVIDERS: &[Provider] = &[
    row("openai", Family::OpenAi, "https://api.openai.com"),
    row("anthropic", Family::Anthropic, "https://api.anthropic.com"),
    row("gemini", Family::Gemini, "https://generativelanguage.googleapis.com"),
    Provider { prices: "gemini", ..row("vertex", Family::Gemini, "https://aiplatform.googleapis.com") },
    Provider { prices: "openai", ..row("azure", Family::OpenAi, "") },
    row("ollama", Family::Ollama, "http://127.0.0.1:11434"),
    row("openrouter", Family::OpenAi, "https://openrouter.ai/api"),
    row("groq", Family::OpenAi, "https://api.groq.com/openai"),
    row("mistral", Family::OpenAi, "https://api.mistral.ai"),
    row("together", Family::OpenAi, "https://api.together.xyz"),
    row("deepseek", Family::OpenAi, "https://api.deepseek.com"),
    row("xai", Family::OpenAi, "https://api.x.ai"),
    row("fireworks", Family::OpenAi, "https://api.fireworks.ai/inference"),
    row("perplexity", Family::OpenAi, "https://api.perplexity.ai"),
    row("cerebras", Family::OpenAi, "https://api.cerebras.ai"),
    row("moonshot", Family::OpenAi, "https://api.moonshot.ai"),
    row("huggingface", Family::OpenAi, "https://router.huggingface.co"),
    row("vllm", Family::OpenAi, "http://127.0.0.1:8000"),
    Provider { prices: "openai", ..row("demo-openai", Family::OpenAi, "http://127.0.0.1:8091/openai") },
    Provider {
        prices: "anthropic",
        ..row("demo-anthropic", Family::Anthropic, "http://127.0.0.1:8091/anthropic")
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn rows_have_distinct_path_segments_and_bare_urls() {
        let names: HashSet<_> = PROVIDERS.iter().map(|provider| provider.name).collect();
        assert_eq!(names.len(), PROVIDERS.len());
        for provider in PROVIDERS {
            let segment = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(provider.name.bytes().all(segment), "{}", provider.name);
            assert!(
                !provider.base_url.ends_with('/') && !provider.base_url.ends_with("/v1"),
                "{}",
                provider.name
            );
        }
    }

    #[test]
    fn families_round_trip() {
        for family in Family::ALL {
            assert_eq!(Family::parse(family.as_str()), Some(family));
        }
        assert_eq!(Family::parse("bedrock"), None);
    }
}
