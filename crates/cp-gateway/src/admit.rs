//! The admission of a call: where it goes, whose it is, and whether its key may still use anything.

use std::sync::Arc;

use cp_base::{CallId, Spend, Tick, Timestamp};
use cp_genai::Family;
use http::{HeaderMap, Method, Request, request};
use hyper::body::{Body, Incoming};

use crate::credential::{self, PROJECT_HEADER};
use crate::denied::Denied;
use crate::failure::Failure;
use crate::gateway::{Gateway, is_safe};
use crate::headers;
use crate::meter::Reservation;
use crate::objection::objection;
use crate::project::{Caller, Fingerprint, Found, GatewayKey};
use crate::snapshot::{Snapshot, Upstream};

/// The first part of a path that names its project next.
const PROJECT_SEGMENT: &str = "p";

/// What is reserved for a call, since nobody reads its body: a token for so many bytes of the request,
const BYTES_PER_TOKEN: u64 = 4;
/// so many bytes where the request does not say how many it has,
const UNKNOWN_BYTES: u64 = 16 * 1024;
/// so many tokens for the answer,
const ANSWER_TOKENS: u64 = 1_000;
/// and for each token this much: $10 a million.
const USD_NANOS_PER_TOKEN: u64 = 10_000;

/// A request with everything decided that the gateway decides.
pub(crate) struct Admitted {
    pub(crate) head: request::Parts,
    pub(crate) body: Incoming,
    pub(crate) call: CallId,
    pub(crate) received: Tick,
    pub(crate) started_at: Timestamp,
    pub(crate) provider: Arc<str>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) found: Found,
    /// The gateway key where it stands in the place of the provider's.
    pub(crate) credential: Option<String>,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) reservation: Option<Reservation>,
}

/// The parts of a request's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// What names the project.
    pub(crate) project: Option<&'a str>,
    pub(crate) provider: &'a str,
    /// The path at the provider, and the query where there is one.
    pub(crate) path: &'a str,
}

impl<'a> Address<'a> {
    /// `/openai/v1/models?x` is provider `openai` and path `/v1/models?x`; a path without more is `/`. Before the provider
    /// there may be `/p/` and a project.
    pub(crate) fn of(path: &'a str) -> Self {
        let (first, rest) = split(path);
        if first != PROJECT_SEGMENT {
            return Self { project: None, provider: first, path: rest };
        }
        let (project, rest) = split(rest);
        let (provider, path) = split(rest);
        Self { project: Some(project), provider, path }
    }
}

fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    match path.find(['/', '?']).and_then(|at| path.split_at_checked(at)) {
        Some((first, rest)) => (first, rest),
        None => (path, "/"),
    }
}

/// What is known of a call before its project is.
struct Arrival<'a> {
    call: CallId,
    at: Timestamp,
    head: &'a request::Parts,
    project: Option<&'a str>,
    provider: &'a Arc<str>,
    family: Family,
    /// Bytes of the request's body, where it says.
    declared: Option<u64>,
}

/// What entering a project comes to.
struct Entry {
    found: Found,
    credential: Option<String>,
    fingerprint: Option<Fingerprint>,
    reservation: Option<Reservation>,
}

impl Gateway {
    /// Decides where the request goes, or why nowhere.
    pub(crate) fn admit(
        &self,
        request: Request<Incoming>,
        call: CallId,
        received: Tick,
    ) -> Result<Admitted, (Failure, Family)> {
        let snapshot = self.snapshot.load_full();
        let (head, body) = request.into_parts();
        let Address { project, provider: name, path } = Address::of(head.uri.path());
        let Some((provider, upstream)) = snapshot.upstreams.get_key_value(name) else {
            let known = snapshot.upstreams.keys().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
            return Err((Failure::UnknownProvider { name: name.to_owned(), known }, Family::OpenAi));
        };
        let (provider, upstream) = (provider.clone(), upstream.clone());
        let family = upstream.family;
        let declared = body.size_hint().exact();
        if let Some(failure) = objection(&head, &body, path, &upstream, &snapshot.limits) {
            return Err((failure, family));
        }
        let started_at = self.context.clock().now();
        let arrival =
            Arrival { call, at: started_at, head: &head, project, provider: &provider, family, declared };
        let entry = self.enter(&snapshot, &arrival).map_err(|denied| (denied.into(), family))?;
        let Entry { found, credential, fingerprint, reservation } = entry;
        Ok(Admitted {
            head,
            body,
            call,
            received,
            started_at,
            provider,
            upstream,
            snapshot,
            found,
            credential,
            fingerprint,
            reservation,
        })
    }

    /// Finds the call's project, and its place within the limits of its key.
    fn enter(&self, snapshot: &Snapshot, arrival: &Arrival<'_>) -> Result<Entry, Denied> {
        let (fields, query) = (&arrival.head.headers, arrival.head.uri.query());
        let credential = credential::gateway_key(fields, query);
        let fingerprint = headers::fingerprint(&self.fingerprint_key, fields, query);
        let name = arrival.project.or_else(|| named(fields));
        let caller = Caller { name, key: credential.as_deref(), fingerprint };
        let found = snapshot.projects.find(caller, arrival.at);
        if let Some(fingerprint) = fingerprint.filter(|_| credential.is_none()) {
            match &found {
                Ok(found) if found.claimed => {}
                Ok(found) => {
                    let project = Some(found.project.scope);
                    self.sightings.add(fingerprint, arrival.provider, project, arrival.at);
                }
                Err(_) => self.sightings.add(fingerprint, arrival.provider, None, arrival.at),
            }
        }
        let found = found?;
        let reservation = match &found.key {
            Some(key) => Some(reserve(key, credential.is_some(), arrival)?),
            None => None,
        };
        Ok(Entry { found, credential, fingerprint, reservation })
    }
}

/// The project that a header names. What is no text names none that there is.
fn named(fields: &HeaderMap) -> Option<&str> {
    fields.get(PROJECT_HEADER).map(|value| value.to_str().unwrap_or_default().trim())
}

/// Whether the key may be used so, and if it may, its place within its limits. `stands_in` for a provider's key, it
/// needs one of the project's.
fn reserve(key: &Arc<GatewayKey>, stands_in: bool, arrival: &Arrival<'_>) -> Result<Reservation, Denied> {
    let provider = &**arrival.provider;
    if !key.providers.is_empty() && !key.providers.contains(provider) {
        let allowed = key.providers.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let (name, provider) = (key.name.clone(), provider.to_owned());
        return Err(Denied::ProviderNotAllowed { name, provider, allowed });
    }
    // Ollama wants no key.
    if stands_in && arrival.family != Family::Ollama && !key.project.provider_keys.contains_key(provider) {
        let (project, provider) = (key.project.full_name(), provider.to_owned());
        return Err(Denied::NoProviderKey { project, provider });
    }
    let admitted = key.meter.admit(&key.limits, arrival.call, arrival.at, estimate(arrival));
    let now = arrival.at;
    admitted.map_err(|exceeded| Denied::LimitReached { name: key.name.clone(), exceeded, now })
}

/// What is reserved until it is known what the call used. What only asks costs no tokens.
fn estimate(arrival: &Arrival<'_>) -> Spend {
    if is_safe(&arrival.head.method) || arrival.head.method == Method::DELETE {
        return Spend::default();
    }
    let bytes = arrival.declared.unwrap_or(UNKNOWN_BYTES);
    let tokens = (bytes / BYTES_PER_TOKEN).saturating_add(ANSWER_TOKENS);
    Spend { requests: 0, tokens, usd_nanos: tokens.saturating_mul(USD_NANOS_PER_TOKEN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_of_the_path_is_the_provider() {
        for (path, project, provider, rest) in [
            ("/openai/v1/models?a=/b", None, "openai", "/v1/models?a=/b"),
            ("/openai", None, "openai", "/"),
            ("/openai/", None, "openai", "/"),
            ("/openai//v1", None, "openai", "//v1"),
            ("/", None, "", "/"),
            ("/gemini?key=1", None, "gemini", "?key=1"),
            ("/p/support/openai/v1/models?a=/p/b", Some("support"), "openai", "/v1/models?a=/p/b"),
            ("/p/support", Some("support"), "", "/"),
            ("/p/support?x", Some("support"), "", "?x"),
            ("/p//openai/v1", Some(""), "openai", "/v1"),
            ("/p", Some(""), "", "/"),
            ("/pp/openai", None, "pp", "/openai"),
        ] {
            assert_eq!(Address::of(path), Address { project, provider, path: rest }, "{path}");
        }
    }
}
