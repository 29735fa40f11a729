//! Gateway keys, the vault and claims, as the API shows and reads them.

use std::collections::BTreeMap;

use cp_app::model;
use cp_app::{ClaimedKey, Fingerprints, MadeGatewayKey, NewGatewayKey, UsedGatewayKey};
use cp_base::{ErrorKind, Limit, Measure, Secret, Spend, UsdNanos, Window, hex, unhex};
use cp_wire as wire;
use cp_wire::Usd;

use crate::problem::Refusal;

pub(crate) fn key(key: model::GatewayKey, used: &[(Window, Spend)]) -> wire::GatewayKey {
    wire::GatewayKey {
        id: key.id,
        name: key.name,
        shown: key.shown,
        providers: key.providers,
        limits: limits(&key.limits),
        used: used.iter().map(|(window, spend)| spent(*window, *spend)).collect(),
        created_by: key.created_by,
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        revoked_at: key.revoked_at,
    }
}

pub(crate) fn used_key(used: UsedGatewayKey) -> wire::GatewayKey {
    key(used.key, &used.used)
}

pub(crate) fn made_key(made: MadeGatewayKey) -> wire::MadeGatewayKey {
    wire::MadeGatewayKey { token: made.token.expose().to_owned(), key: key(made.key, &[]) }
}

/// Limits of one window stand together.
fn limits(limits: &[Limit]) -> Vec<wire::Allowance> {
    let mut windows: BTreeMap<Window, wire::Allowance> = BTreeMap::new();
    for limit in limits {
        let window = limit.window.as_str().to_owned();
        let new = || wire::Allowance { window, ..wire::Allowance::default() };
        let allowance = windows.entry(limit.window).or_insert_with(new);
        match limit.measure {
            Measure::Requests => allowance.requests = Some(limit.amount),
            Measure::Tokens => allowance.tokens = Some(limit.amount),
            Measure::Usd => allowance.usd = Some(dollars(limit.amount)),
        }
    }
    windows.into_values().collect()
}

fn spent(window: Window, spend: Spend) -> wire::Allowance {
    wire::Allowance {
        window: window.as_str().to_owned(),
        requests: Some(spend.requests),
        tokens: Some(spend.tokens),
        usd: Some(dollars(spend.usd_nanos)),
    }
}

fn dollars(nanos: u64) -> Usd {
    Usd(UsdNanos(i64::try_from(nanos).unwrap_or(i64::MAX)))
}

pub(crate) fn read_new(new: wire::NewGatewayKey) -> Result<NewGatewayKey, Refusal> {
    let wire::NewGatewayKey { name, providers, limits, expires_at } = new;
    Ok(NewGatewayKey { name, providers, limits: read_limits(&limits)?, expires_at })
}

pub(crate) fn read_limits(allowances: &[wire::Allowance]) -> Result<Vec<Limit>, Refusal> {
    let mut limits = Vec::new();
    for allowance in allowances {
        let window: Window = allowance.window.parse().map_err(|error| invalid(format!("{error}")))?;
        let usd = allowance.usd.map(|Usd(amount)| u64::try_from(amount.0));
        let usd = usd.transpose().map_err(|_| invalid("a limit is no negative amount".to_owned()))?;
        let amounts = [
            (Measure::Requests, allowance.requests),
            (Measure::Tokens, allowance.tokens),
            (Measure::Usd, usd),
        ];
        let before = limits.len();
        limits.extend(
            amounts
                .into_iter()
                .filter_map(|(measure, amount)| Some(Limit { measure, window, amount: amount? })),
        );
        if limits.len() == before {
            return Err(invalid(format!(
                "the limit a {} says of what: requests, tokens or usd",
                window.as_str()
            )));
        }
    }
    Ok(limits)
}

pub(crate) fn provider_key(key: model::ProviderKey) -> wire::ProviderKey {
    wire::ProviderKey {
        id: key.id,
        provider: key.provider,
        label: key.label,
        fingerprint: hex(&key.fingerprint),
        created_by: key.created_by,
        created_at: key.created_at,
    }
}

pub(crate) fn fingerprints(found: Fingerprints) -> wire::Fingerprints {
    let seen = |seen: model::SeenFingerprint| wire::SeenFingerprint {
        fingerprint: hex(&seen.fingerprint),
        provider: seen.provider,
        project_id: seen.project,
        first_at: seen.first_at,
        last_at: seen.last_at,
        calls: seen.calls,
    };
    wire::Fingerprints {
        claims: found.claims.into_iter().map(claim).collect(),
        seen: found.seen.into_iter().map(seen).collect(),
    }
}

pub(crate) fn claim(claim: model::Claim) -> wire::Claim {
    wire::Claim {
        fingerprint: hex(&claim.fingerprint),
        claimed_by: claim.claimed_by,
        claimed_at: claim.claimed_at,
    }
}

pub(crate) fn read_claim(request: wire::ClaimRequest) -> Result<ClaimedKey, Refusal> {
    match (request.fingerprint, request.key) {
        (Some(fingerprint), None) => read_fingerprint(&fingerprint).map(ClaimedKey::Fingerprint),
        (None, Some(key)) => Ok(ClaimedKey::Key(Secret::new(key))),
        _ => Err(invalid("name the key by `fingerprint` or by `key`, one of them".to_owned())),
    }
}

pub(crate) fn read_fingerprint(text: &str) -> Result<[u8; 16], Refusal> {
    let bytes = unhex(text).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| invalid("a fingerprint is 32 hexadecimal digits".to_owned()))
}

fn invalid(what: String) -> Refusal {
    Refusal::new(ErrorKind::InvalidInput, what)
}
