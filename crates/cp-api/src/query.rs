//! Query parameters: text in, filters out. The one grammar for programs, the command line and the page.

pub(crate) mod audit;
pub(crate) mod money;
pub(crate) mod prompt;
pub(crate) mod score;

use std::time::Duration;

use axum::extract::Query;
use axum::http::Uri;
use cp_app::model::{CallCursor, CallFilter, Label, OperationName};
use cp_base::{CallSource, Outcome, Timestamp, UsdNanos};
use cp_wire::{CallQuery, Cursor, PageQuery};
use utoipa::IntoParams;

use crate::problem::Refusal;

/// Calls on a page when nobody says how many.
const DEFAULT_LIMIT: usize = 50;
/// The most calls on a page.
const MAX_LIMIT: usize = 500;

/// A parameter that is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct BadParameter {
    pub(crate) parameter: String,
    pub(crate) value: String,
    pub(crate) valid: Vec<String>,
    detail: String,
}

/// What a query asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) filter: CallFilter,
    pub(crate) limit: usize,
    pub(crate) after: Option<CallCursor>,
}

/// Which parameters an endpoint takes. The names come from the types that document them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// Filters and a page.
    FiltersAndPage,
    /// A page alone.
    Page,
    /// Filters and where to go on.
    FiltersAndAfter,
    /// Filters that a call's columns decide.
    LiveFilters,
    /// Nothing.
    Nothing,
}

impl Takes {
    fn names(self) -> Vec<String> {
        let (filters, page) = (parameter_names::<CallQuery>(), parameter_names::<PageQuery>());
        match self {
            Self::FiltersAndPage => [filters, page].concat(),
            Self::Page => page,
            Self::FiltersAndAfter => [filters, vec!["after".to_owned()]].concat(),
            Self::LiveFilters => {
                filters.into_iter().filter(|name| !STORED.contains(&name.as_str())).collect()
            }
            Self::Nothing => Vec::new(),
        }
    }
}

/// Filters that only the store can decide.
const STORED: [&str; 6] = ["user", "session", "metadata", "trace", "batch", "text"];

/// The names of the parameters that a type documents.
fn parameter_names<T: IntoParams>() -> Vec<String> {
    T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect()
}

/// Reads the query of `uri`; durations count back from `now`.
pub(crate) fn read(uri: &Uri, takes: Takes, now: Timestamp) -> Result<Request, Refusal> {
    let pairs =
        Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
    Ok(parse(&pairs, takes, now)?)
}

fn parse(pairs: &[(String, String)], takes: Takes, now: Timestamp) -> Result<Request, BadParameter> {
    let names = takes.names();
    let mut request = Request { filter: CallFilter::default(), limit: DEFAULT_LIMIT, after: None };
    for (position, (name, value)) in pairs.iter().enumerate() {
        if !names.contains(name) {
            return Err(unknown(name, value, names));
        }
        if pairs.iter().take(position).any(|(earlier, _)| earlier == name) {
            return Err(bad(name, value, "it is given twice", vec![]));
        }
        set(&mut request, name, value, now).map_err(|wrong| bad(name, value, &wrong.reason, wrong.valid))?;
    }
    Ok(request)
}

/// Why a value is wrong, and what would be right.
struct Wrong {
    reason: String,
    valid: Vec<String>,
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(reason: T) -> Self {
        Self { reason: reason.into(), valid: Vec::new() }
    }
}

fn set(request: &mut Request, name: &str, value: &str, now: Timestamp) -> Result<(), Wrong> {
    let filter = &mut request.filter;
    let text = || if value.is_empty() { Err(Wrong::from("it is empty")) } else { Ok(value.to_owned()) };
    match name {
        "since" => filter.since = Some(time(value, now)?),
        "until" => filter.until = Some(time(value, now)?),
        "provider" => filter.provider_name = Some(text()?),
        "model" => filter.model = Some(text()?),
        "operation" => filter.operation_name = Some(one_of(value, &OPERATIONS, OperationName::as_str)?),
        "outcome" => filter.outcome = Some(one_of(value, &Outcome::ALL, Outcome::as_str)?),
        "status" => filter.status = Some(status(value)?),
        "min_duration_ms" => filter.min_duration_us = Some(number(value, u64::MAX / 1_000)? * 1_000),
        "min_cost_usd" => {
            let amount = UsdNanos::parse_dollars(value);
            filter.min_cost = Some(amount.map_err(|_| "it is not an amount of dollars such as 0.05")?);
        }
        "min_tokens" => filter.min_tokens = Some(number(value, u64::MAX)?),
        "conversation" => {
            filter.conversation = Some(value.parse().map_err(|_| "it is not a conversation's id")?)
        }
        "client" => filter.client_fingerprint = Some(fingerprint(value)?),
        "source" => {
            let sources = [CallSource::Gateway, CallSource::Ingestion];
            filter.source = Some(one_of(value, &sources, CallSource::as_str)?);
        }
        "prompt_version" => {
            let version = value.parse().map_err(|_| "it is not the id of a version of a prompt")?;
            filter.prompt_version = Some(version);
        }
        "user" | "session" | "metadata" | "trace" | "batch" => filter.labels.push(label(name, value)?),
        "text" => filter.text = Some(text()?),
        "limit" => match number(value, MAX_LIMIT as u64)? {
            0 => return Err("it is not between 1 and 500".into()),
            limit => request.limit = usize::try_from(limit).unwrap_or(MAX_LIMIT),
        },
        _ => {
            let Cursor { started_at, call } = value.parse().map_err(|error| format!("{error}"))?;
            request.after = Some(CallCursor { started_at, call });
        }
    }
    Ok(())
}

const OPERATIONS: [OperationName; 5] = [
    OperationName::Chat,
    OperationName::TextCompletion,
    OperationName::Embeddings,
    OperationName::GenerateContent,
    OperationName::InvokeAgent,
];

fn one_of<T: Copy>(value: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, Wrong> {
    let names = || all.iter().map(|item| name(*item).to_owned()).collect::<Vec<_>>();
    all.iter().find(|item| name(**item) == value).copied().ok_or_else(|| Wrong {
        reason: format!("it is not one of {}{}", names().join(", "), nearest(value, &names())),
        valid: names(),
    })
}

fn number(value: &str, max: u64) -> Result<u64, Wrong> {
    let number = value.parse::<u64>().ok().filter(|number| *number <= max);
    number.ok_or_else(|| format!("it is not a whole number from 0 to {max}").into())
}

fn status(value: &str) -> Result<(u16, u16), Wrong> {
    let class =
        value.strip_suffix("xx").and_then(|class| class.parse::<u16>().ok()).filter(|class| *class < 10);
    let range = class.map(|class| (class * 100, class * 100 + 99)).or_else(|| {
        let (from, to) = value.split_once('-').unwrap_or((value, value));
        Some((from.parse().ok()?, to.parse().ok()?))
    });
    let in_range = |(from, to): &(u16, u16)| (100..=999).contains(from) && (*from..=999).contains(to);
    range.filter(in_range).ok_or_else(|| "it is not a status such as 429, 4xx or 400-499".into())
}

fn fingerprint(value: &str) -> Result<[u8; 16], Wrong> {
    let digits =
        u128::from_str_radix(value, 16).ok().filter(|_| value.len() == 32 && !value.starts_with('+'));
    digits.map(u128::to_be_bytes).ok_or_else(|| "it is not 32 hexadecimal digits".into())
}

/// What a client says of calls, by the name of the parameter.
fn label(name: &str, value: &str) -> Result<Label, Wrong> {
    match name {
        _ if value.is_empty() => Err("it is empty".into()),
        "user" => Ok(Label::User(value.to_owned())),
        "batch" => Ok(Label::Batch(value.to_owned())),
        "session" => Ok(Label::Session(value.to_owned())),
        "trace" => trace(value),
        _ => metadata(value),
    }
}

fn metadata(value: &str) -> Result<Label, Wrong> {
    let entry = value.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = entry.ok_or("it is not an entry such as team=search")?;
    Ok(Label::Metadata { name: name.to_owned(), value: value.to_owned() })
}

fn trace(value: &str) -> Result<Label, Wrong> {
    let trace = value.split('-').nth(1).unwrap_or(value);
    let is_trace = trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_trace {
        Ok(Label::Trace(trace.to_owned()))
    } else {
        Err("it is neither 32 hexadecimal digits nor a `traceparent`".into())
    }
}

fn time(value: &str, now: Timestamp) -> Result<Timestamp, Wrong> {
    if let Some(ago) = duration(value) {
        return Ok(now.before(ago));
    }
    let midnight = (value.len() == 10).then(|| format!("{value}T00:00:00Z"));
    midnight.as_deref().unwrap_or(value).parse().map_err(|_| {
        "it is neither a time like 2026-11-22T09:30:00Z, nor a day like 2026-11-22, nor a duration ago like 15m, 2h, 7d"
            .into()
    })
}

fn duration(value: &str) -> Option<Duration> {
    let unit = value.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let count = value.strip_suffix(unit)?.parse::<u64>().ok()?;
    count.checked_mul(seconds).map(Duration::from_secs)
}

fn bad(name: &str, value: &str, reason: &str, valid: Vec<String>) -> BadParameter {
    let detail = format!("the value `{value}` of the parameter `{name}` is wrong: {reason}");
    BadParameter { parameter: name.to_owned(), value: value.to_owned(), valid, detail }
}

fn unknown(name: &str, value: &str, valid: Vec<String>) -> BadParameter {
    let known =
        if valid.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", valid.join(", ")) };
    let detail = format!("this endpoint has no parameter `{name}`{}: {known}", nearest(name, &valid));
    BadParameter { parameter: name.to_owned(), value: value.to_owned(), valid, detail }
}

/// `; did you mean …?`, where a name is near enough to be meant.
fn nearest(text: &str, names: &[String]) -> String {
    let scored = names.iter().map(|name| (strsim::jaro_winkler(text, name), name));
    let best = scored.max_by(|(left, _), (right, _)| left.total_cmp(right));
    best.filter(|(score, _)| *score > 0.8)
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_763_803_800_000_000);

    fn parse_text(query: &str, takes: Takes) -> Result<Request, BadParameter> {
        let uri: Uri = format!("/?{query}").parse().unwrap();
        parse(&Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap().0, takes, NOW)
    }

    fn filter(query: &str) -> CallFilter {
        parse_text(query, Takes::FiltersAndPage).unwrap().filter
    }

    #[test]
    fn every_documented_parameter_is_understood() {
        let example = |name: &str| match name {
            "since" | "until" => "1h",
            "operation" => "chat",
            "outcome" => "lost",
            "source" => "ingestion",
            "prompt_version" => "pv_01h455vb4pex5vsknk084sn02q",
            "conversation" => "conv_01h455vb4pex5vsknk084sn02q",
            "client" => "00112233445566778899aabbccddeeff",
            "metadata" => "team=search",
            "trace" => "0af7651916cd43dd8448eb211c80319c",
            "after" => "12.call_01h455vb4pex5vsknk084sn02q",
            _ => "400",
        };
        for name in Takes::FiltersAndPage.names() {
            let before = parse_text("", Takes::FiltersAndPage).unwrap();
            let with = parse_text(&format!("{name}={}", example(&name)), Takes::FiltersAndPage).unwrap();
            assert_ne!(before, with, "{name}");
        }
    }

    #[test]
    fn values_mean_what_they_say() {
        assert_eq!(filter("since=15m").since, Some(NOW.before(Duration::from_secs(900))));
        assert_eq!(
            filter("until=2026-11-22T09:30:00%2B01:00").until,
            Some("2026-11-22T08:30:00Z".parse().unwrap())
        );
        assert_eq!(filter("status=429").status, Some((429, 429)));
        assert_eq!(filter("status=4xx").status, Some((400, 499)));
        assert_eq!(filter("status=500-504").status, Some((500, 504)));
        assert_eq!(filter("min_duration_ms=3").min_duration_us, Some(3_000));
        assert_eq!(filter("min_cost_usd=0.05").min_cost, Some(UsdNanos(50_000_000)));
        let labels =
            filter("metadata=a=b=c&trace=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").labels;
        let entry = Label::Metadata { name: "a".to_owned(), value: "b=c".to_owned() };
        assert_eq!(labels, [entry, Label::Trace("0af7651916cd43dd8448eb211c80319c".to_owned())]);
        assert_eq!(filter("text=a%20b+c").text.as_deref(), Some("a b c"));
        assert_eq!(filter("client=000102030405060708090a0b0c0d0e0f").client_fingerprint.unwrap()[15], 15);
    }

    #[test]
    fn a_wrong_value_is_named_with_what_is_right() {
        let wrong = [
            "since=yesterday",
            "since=99999999999999999999w",
            "until=",
            "provider=",
            "operation=chatt",
            "outcome=Lost",
            "status=4x",
            "status=499-400",
            "status=99",
            "status=70000",
            "min_duration_ms=-1",
            "min_cost_usd=$1",
            "min_tokens=1.5",
            "conversation=call_01h455vb4pex5vsknk084sn02q",
            "client=xyz",
            "client=%2B00112233445566778899aabbccddeef",
            "text=",
            "user=",
            "metadata=team",
            "metadata=%3Dx",
            "trace=00-0af7-b7ad-01",
            "limit=0",
            "limit=501",
            "after=1",
            "status=429&status=430",
        ];
        for query in wrong {
            let error = parse_text(query, Takes::FiltersAndPage).unwrap_err();
            let (name, _) = query.split_once('=').unwrap();
            assert_eq!(error.parameter, name, "{query}");
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
        let outcome = parse_text("outcome=complete", Takes::FiltersAndPage).unwrap_err();
        assert!(outcome.to_string().ends_with("did you mean `completed`?"), "{outcome}");
        assert_eq!(outcome.valid.len(), 7);
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_the_nearest() {
        let error = parse_text("provder=openai", Takes::FiltersAndPage).unwrap_err();
        assert!(error.to_string().contains("did you mean `provider`?"), "{error}");
        assert!(parse_text("text=x", Takes::LiveFilters).is_err());
        assert!(parse_text("user=x", Takes::LiveFilters).is_err());
        assert!(parse_text("limit=5", Takes::FiltersAndAfter).is_err());
        assert!(parse_text("x=1", Takes::Nothing).unwrap_err().to_string().contains("takes none"));
    }

    proptest::proptest! {
        /// Any query is read or refused by name, and what is refused is repeated as it was.
        #[test]
        fn any_query_is_read_or_refused(
            name in proptest::sample::select(Takes::FiltersAndPage.names()),
            value in proptest::prop_oneof!["\\PC{0,40}", "[-+0-9.eE]{0,60}", "[0-9a-z_.:TZ=%-]{0,60}"],
            other in "\\PC{0,20}",
        ) {
            for takes in [Takes::FiltersAndPage, Takes::Page, Takes::FiltersAndAfter, Takes::LiveFilters, Takes::Nothing] {
                let pairs = [(name.clone(), value.clone()), (other.clone(), value.clone())];
                if let Err(refused) = parse(&pairs, takes, NOW) {
                    proptest::prop_assert!([&name, &other].contains(&&refused.parameter));
                    proptest::prop_assert_eq!(&refused.value, &value);
                }
            }
        }
    }
}
