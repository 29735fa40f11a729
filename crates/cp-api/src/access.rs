//! Who asks, and where: from a request's credential and the place that it names to a context.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Request, header};
use cp_app::{App, Caller, Credential, Ctx, OrgCtx, Origin, SESSION_PREFIX, Serving, Wanted};
use cp_base::ErrorKind;

use crate::problem::Refusal;
use crate::site;

/// Names a project, by id or short name.
pub(crate) const PROJECT: HeaderName = HeaderName::from_static("x-codepromptu-project");
/// Names an organisation, by id or short name.
pub(crate) const ORG: HeaderName = HeaderName::from_static("x-codepromptu-org");
/// The cookie of a session.
pub(crate) const SESSION_COOKIE: &str = "codepromptu_session";
/// The same, where the connection is known to be secure.
pub(crate) const SECURE_SESSION_COOKIE: &str = "__Host-codepromptu_session";

/// Says from where a request comes.
pub fn tell_peer<B>(request: &mut Request<B>, peer: SocketAddr) {
    request.extensions_mut().insert(ConnectInfo(peer));
}

/// Somebody who is known, and not yet anywhere.
pub(crate) struct Known(pub(crate) Caller);

/// Somebody who is known, or nobody where no credential was sent.
pub(crate) struct PerhapsKnown(pub(crate) Option<Caller>);

/// From where a request comes, for what somebody signs in with.
pub(crate) struct CameFrom(pub(crate) Origin);

/// Somebody in an organisation.
pub(crate) struct InOrg(pub(crate) OrgCtx);

/// Somebody in a project.
pub(crate) struct InProject(pub(crate) Ctx);

/// Somebody in a project, who asks for what is served out of memory: known by a key that is there too, or in the usual way.
pub(crate) struct ToServe(pub(crate) Ctx);

/// Whether the request comes from this machine.
pub(crate) struct AtTheMachine(pub(crate) bool);

impl FromRequestParts<App> for AtTheMachine {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self(is_at_the_machine(parts)))
    }
}

impl FromRequestParts<App> for Known {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let credential = credential(&parts.headers);
        if credential.is_none() && !is_at_the_machine(parts) {
            return Err(Refusal::new(ErrorKind::Unauthenticated, NOBODY));
        }
        Ok(Self(app.authenticate(credential, address(parts)).await?))
    }
}

impl FromRequestParts<App> for PerhapsKnown {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        match credential(&parts.headers) {
            Some(shown) => Ok(Self(Some(app.authenticate(Some(shown), address(parts)).await?))),
            None => Ok(Self(None)),
        }
    }
}

impl FromRequestParts<App> for CameFrom {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self(Origin { address: address(parts), user_agent: agent.unwrap_or_default().to_owned() }))
    }
}

impl FromRequestParts<App> for InOrg {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Known(caller) = Known::from_request_parts(parts, app).await?;
        Ok(Self(app.in_org(&caller, &wanted(&parts.headers)).await?))
    }
}

impl FromRequestParts<App> for InProject {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Known(caller) = Known::from_request_parts(parts, app).await?;
        Ok(Self(app.in_project(&caller, &wanted(&parts.headers)).await?))
    }
}

impl FromRequestParts<Serving> for ToServe {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, serving: &Serving) -> Result<Self, Refusal> {
        if let Some(shown) = credential(&parts.headers) {
            let known = serving.recall(&shown, &wanted(&parts.headers), address(parts))?;
            if let Some(ctx) = known {
                return Ok(Self(ctx));
            }
        }
        let InProject(ctx) = InProject::from_request_parts(parts, serving.app()?).await?;
        Ok(Self(ctx))
    }
}

/// What somebody from elsewhere is told who shows no credential.
const NOBODY: &str = "sign in, or send an API key as `Authorization: Bearer cpa_…`";

/// Whether a request comes from this machine and for one of its own names: what a proxy here hands on does not.
fn is_at_the_machine(parts: &Parts) -> bool {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = parts.uri.authority().map(Authority::as_str).or(host);
    address(parts).is_none_or(|address| address.is_loopback()) && host.is_some_and(site::is_loopback)
}

/// The address at the other end.
pub(crate) fn address(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.ip().to_canonical())
}

/// An API key or the token of a session, or else a session's cookie.
pub(crate) fn credential(headers: &HeaderMap) -> Option<Credential> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default();
        let (scheme, token) = text.split_once(' ').unwrap_or_default();
        let token = if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" };
        let kind = if token.starts_with(SESSION_PREFIX) { Credential::Session } else { Credential::ApiKey };
        return Some(kind(token.to_owned()));
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    // Another port of this host can set the plain cookie, and nobody else the secure one: that goes first.
    let (secure, plain): (Vec<_>, Vec<_>) = pairs
        .filter(|(name, _)| [SESSION_COOKIE, SECURE_SESSION_COOKIE].contains(name))
        .partition(|(name, _)| *name == SECURE_SESSION_COOKIE);
    let (_, session) = secure.into_iter().chain(plain).next()?;
    Some(Credential::Session(session.to_owned()))
}

pub(crate) fn wanted(headers: &HeaderMap) -> Wanted {
    let text =
        |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default().to_owned());
    Wanted { org: text(ORG), project: text(PROJECT) }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn shown(headers: &[(HeaderName, &'static str)]) -> String {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        format!("{:?}", credential(&headers.collect()))
    }

    #[test]
    fn a_key_goes_before_a_cookie() {
        let cookie = (header::COOKIE, "a=b; codepromptu_session=s; c=d");
        assert_eq!(shown(&[]), "None");
        assert_eq!(shown(std::slice::from_ref(&cookie)), "Some(Session(\"s\"))");
        assert_eq!(shown(&[cookie, (header::AUTHORIZATION, "bearer k")]), "Some(ApiKey(\"k\"))");
        assert_eq!(shown(&[(header::AUTHORIZATION, "Basic YTpi")]), "Some(ApiKey(\"\"))");
        assert_eq!(shown(&[(header::AUTHORIZATION, "Bearer cps_t")]), "Some(Session(\"cps_t\"))");
        let both = "codepromptu_session=plain; __Host-codepromptu_session=secure";
        assert_eq!(shown(&[(header::COOKIE, both)]), "Some(Session(\"secure\"))");
        assert_eq!(shown(&[(header::COOKIE, "x_codepromptu_session=s")]), "None");
    }
}
