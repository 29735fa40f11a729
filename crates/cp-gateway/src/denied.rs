//! Why a call is not let in: the project, the key or its limits are against it. Each says what to do.

use cp_base::{Measure, Timestamp};
use cp_genai::Family;
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use crate::meter::Exceeded;

/// What client libraries wait at most for a limit to begin anew.
const LONGEST_WAIT_S: u64 = 60;

/// Why a call is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error(
        "this gateway serves several projects, and the call names none: put /p/PROJECT before the provider in the base URL, send the header x-codepromptu-project, use a gateway key (codepromptu gateway-key create) in place of the provider's, or claim the provider's key for a project (codepromptu fingerprint claim)"
    )]
    NoProject,
    #[error(
        "there is no project `{name}` that this call may use; check the name (SLUG, ORGANISATION.SLUG or prj_…), or use a gateway key of the project"
    )]
    UnknownProject { name: String },
    #[error(
        "the gateway key is not known here, or was revoked; codepromptu gateway-key list shows those of your project"
    )]
    UnknownKey,
    #[error("the gateway key `{name}` expired at {at}; make a new one with codepromptu gateway-key create")]
    ExpiredKey { name: String, at: Timestamp },
    #[error(
        "this project takes calls with a gateway key (codepromptu gateway-key create) or with a provider's key that it has claimed (codepromptu fingerprint claim)"
    )]
    KeyRequired,
    #[error("the gateway key `{name}` may not be used with `{provider}`; it is for {allowed}")]
    ProviderNotAllowed { name: String, provider: String, allowed: String },
    #[error(
        "the project {project} has no key of `{provider}` to use in place of a gateway key; store one with codepromptu provider-key set {provider}"
    )]
    NoProviderKey { project: String, provider: String },
    #[error("the gateway key `{name}` has used up its limit of {}; it begins anew at {}", exceeded.limit, exceeded.resets_at)]
    LimitReached { name: String, exceeded: Exceeded, now: Timestamp },
}

impl Denied {
    /// The value of the header `codepromptu-error`.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::NoProject => "project_not_named",
            Self::UnknownProject { .. } => "unknown_project",
            Self::UnknownKey => "unknown_gateway_key",
            Self::ExpiredKey { .. } => "expired_gateway_key",
            Self::KeyRequired => "key_required",
            Self::ProviderNotAllowed { .. } => "provider_not_allowed",
            Self::NoProviderKey { .. } => "no_provider_key",
            Self::LimitReached { .. } => "limit_reached",
        }
    }

    /// The status that the client gets.
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::NoProject => 400,
            Self::UnknownProject { .. } => 404,
            Self::UnknownKey | Self::ExpiredKey { .. } | Self::KeyRequired | Self::NoProviderKey { .. } => {
                401
            }
            Self::ProviderNotAllowed { .. } => 403,
            Self::LimitReached { .. } => 429,
        }
    }

    /// Adds what client libraries go by when they try again.
    pub(crate) fn add_headers(&self, family: Family, fields: &mut HeaderMap) {
        let Self::LimitReached { exceeded, now, .. } = self else { return };
        let micros = u64::try_from(exceeded.retry_at.0.saturating_sub(now.0)).unwrap_or(0);
        let seconds = micros.div_ceil(1_000_000).max(1);
        fields.insert(RETRY_AFTER, HeaderValue::from(seconds));
        if seconds > LONGEST_WAIT_S {
            // The official libraries would not wait so long, but come back sooner.
            fields.insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static("false"));
        }
        let (limit, what) = (exceeded.limit, exceeded.limit.measure.as_str());
        let told = match family {
            _ if limit.measure == Measure::Usd => return,
            Family::OpenAi => [
                (format!("x-ratelimit-limit-{what}"), limit.amount.to_string()),
                (format!("x-ratelimit-remaining-{what}"), "0".to_owned()),
                (format!("x-ratelimit-reset-{what}"), format!("{seconds}s")),
            ],
            Family::Anthropic => [
                (format!("anthropic-ratelimit-{what}-limit"), limit.amount.to_string()),
                (format!("anthropic-ratelimit-{what}-remaining"), "0".to_owned()),
                (format!("anthropic-ratelimit-{what}-reset"), exceeded.resets_at.to_string()),
            ],
            Family::Gemini | Family::Ollama => return,
        };
        for (name, value) in told {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                fields.insert(name, value);
            }
        }
    }
}
