//! Gateway keys in the place of a provider's key, and the provider's key in theirs.
//!
//! A gateway key goes no further than this gateway: wherever it stands in a request's headers or query, the provider's
//! key of its project takes its place before the request is sent on.

use cp_base::Secret;
use cp_genai::Family;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::headers::{CREDENTIALS, is_credential, pairs, percent_decoded};
use crate::project::GATEWAY_KEY_PREFIX;

/// Names the project. Never passed on.
pub(crate) const PROJECT_HEADER: HeaderName = HeaderName::from_static("x-codepromptu-project");

/// Browsers cannot set headers for a WebSocket, and put the key here (`openai-insecure-api-key.KEY`).
const SUBPROTOCOL: HeaderName = header::SEC_WEBSOCKET_PROTOCOL;

/// The gateway key that a client sent where its provider's would be.
pub(crate) fn gateway_key(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    let mut names = CREDENTIALS.into_iter().chain([SUBPROTOCOL.as_str()]);
    let in_header = |name: &str| headers.get_all(name).iter().find_map(|value| within(value.as_bytes()));
    let in_query = || {
        let credentials = pairs(query?).filter(|(name, _)| is_credential(name));
        credentials.filter_map(|(_, value)| within(percent_decoded(value?).as_bytes())).next()
    };
    names.find_map(in_header).or_else(in_query)
}

/// The gateway key within a text: its prefix, and the letters and digits that follow.
fn within(value: &[u8]) -> Option<String> {
    let prefix = GATEWAY_KEY_PREFIX.as_bytes();
    let at = value.windows(prefix.len()).position(|window| window == prefix)?;
    let rest = value.get(at..).unwrap_or_default();
    let letters = rest.iter().skip(prefix.len()).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let key = rest.get(..prefix.len() + letters).unwrap_or_default();
    Some(String::from_utf8_lossy(key).into_owned())
}

/// Puts the provider's key where the gateway key stands in the headers; without one the header goes.
pub(crate) fn swap_in_headers(headers: &mut HeaderMap, key: &str, secret: Option<&Secret>) {
    let named: Vec<HeaderName> =
        headers.iter().filter(|(_, value)| contains(value, key)).map(|(name, _)| name.clone()).collect();
    for name in named {
        let values: Vec<HeaderValue> = headers.get_all(&name).iter().cloned().collect();
        headers.remove(&name);
        for value in values {
            if !contains(&value, key) {
                headers.append(&name, value);
            } else if let Some(swapped) = secret.and_then(|secret| swapped(&value, key, secret)) {
                headers.append(&name, swapped);
            }
        }
    }
}

fn contains(value: &HeaderValue, key: &str) -> bool {
    value.as_bytes().windows(key.len()).any(|window| window == key.as_bytes())
}

fn swapped(value: &HeaderValue, key: &str, secret: &Secret) -> Option<HeaderValue> {
    let text = value.to_str().ok()?.replace(key, secret.expose());
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Path and query with the provider's key where the gateway key stands in the query.
pub(crate) fn swap_in_query(path_and_query: &str, key: &str, secret: Option<&Secret>) -> String {
    let Some((path, query)) = path_and_query.split_once('?') else { return path_and_query.to_owned() };
    let swap = |(name, value): (&str, Option<&str>)| match value {
        Some(value) if percent_decoded(value).contains(key) => {
            secret.map(|secret| format!("{name}={}", percent_encoded(secret.expose())))
        }
        Some(value) => Some(format!("{name}={value}")),
        None => Some(name.to_owned()),
    };
    let swapped: Vec<String> = pairs(query).filter_map(swap).collect();
    if swapped.is_empty() { path.to_owned() } else { format!("{path}?{}", swapped.join("&")) }
}

/// What a query may hold as it is (RFC 3986, section 2.3), everything else by its bytes.
fn percent_encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

/// Adds the provider's key as the family's clients send it, where the request has no credential of its own.
pub(crate) fn lend(headers: &mut HeaderMap, query: Option<&str>, family: Family, secret: &Secret) {
    let has_own = CREDENTIALS.iter().any(|name| headers.contains_key(*name))
        || query.is_some_and(|query| pairs(query).any(|(name, _)| is_credential(name)));
    if has_own {
        return;
    }
    let (name, text) = match family {
        Family::OpenAi | Family::Ollama => ("authorization", format!("Bearer {}", secret.expose())),
        Family::Anthropic => ("x-api-key", secret.expose().to_owned()),
        Family::Gemini => ("x-goog-api-key", secret.expose().to_owned()),
    };
    if let Ok(mut value) = HeaderValue::from_str(&text) {
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "cpk_0123456789abcdefghjkmnpqrstvwxyz";

    fn one(name: &'static str, value: &str) -> HeaderMap {
        [(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_gateway_key_is_found_and_replaced_wherever_clients_put_it() {
        let secret = Secret::new("sk-real".to_owned());
        for (name, value, sent) in [
            ("authorization", format!("Bearer {KEY}"), "Bearer sk-real"),
            ("authorization", format!("bearer  {KEY}"), "bearer  sk-real"),
            ("x-api-key", KEY.to_owned(), "sk-real"),
            ("api-key", KEY.to_owned(), "sk-real"),
            ("x-goog-api-key", KEY.to_owned(), "sk-real"),
            (
                "sec-websocket-protocol",
                format!("realtime, openai-insecure-api-key.{KEY}, v1"),
                "realtime, openai-insecure-api-key.sk-real, v1",
            ),
        ] {
            let mut headers = one(name, &value);
            assert_eq!(gateway_key(&headers, None).as_deref(), Some(KEY), "{value}");
            swap_in_headers(&mut headers, KEY, Some(&secret));
            assert_eq!(headers, one(name, sent));
            let mut headers = one(name, &value);
            swap_in_headers(&mut headers, KEY, None);
            assert!(headers.is_empty());
        }
        assert_eq!(gateway_key(&one("x-note", KEY), None), None);
        assert_eq!(gateway_key(&one("authorization", "Bearer sk-own"), Some("key=AIza")), None);
    }

    #[test]
    fn a_gateway_key_in_the_query_is_found_and_replaced() {
        let secret = Secret::new("AI/za+".to_owned());
        for query in [format!("alt=sse&key={KEY}&x"), format!("alt=sse&key=cpk%5F{}&x", &KEY[4..])] {
            assert_eq!(gateway_key(&HeaderMap::new(), Some(&query)).as_deref(), Some(KEY));
            let path = format!("/v1/models?{query}");
            assert_eq!(swap_in_query(&path, KEY, Some(&secret)), "/v1/models?alt=sse&key=AI%2Fza%2B&x");
            assert_eq!(swap_in_query(&path, KEY, None), "/v1/models?alt=sse&x");
        }
        assert_eq!(swap_in_query(&format!("/m?key={KEY}"), KEY, None), "/m");
        assert_eq!(gateway_key(&HeaderMap::new(), Some(&format!("q={KEY}"))), None);
    }

    #[test]
    fn a_key_is_lent_to_whoever_has_none() {
        let secret = Secret::new("sk-real".to_owned());
        let lent = |mut headers: HeaderMap, query| {
            lend(&mut headers, query, Family::Anthropic, &secret);
            headers
        };
        assert_eq!(lent(HeaderMap::new(), None), one("x-api-key", "sk-real"));
        assert_eq!(lent(one("authorization", "Bearer own"), None), one("authorization", "Bearer own"));
        assert!(lent(HeaderMap::new(), Some("key=own")).is_empty());
    }
}
