//! The gateway's side of a project: gateway keys and their limits, the vault of providers' keys, claims to fingerprints.
//!
//! What is changed here the gateway goes by within a second, on every node.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use cp_base::{
    GatewayKeyId, InstallationScope, Limit, ProjectAccess, Secret, Spend, Timestamp, Token, Window,
};
use cp_store::{Claim, GatewayKey, ProviderKey, SeenFingerprint};

use crate::access::Action;
use crate::act::Event;
use crate::orgs::named;
use crate::{App, AppError, Ctx};

/// How gateway keys begin.
pub const GATEWAY_KEY_PREFIX: &str = "cpk_";

/// The longest key of a provider.
const MAX_SECRET: usize = 4_096;
/// Fingerprints that are shown.
const MAX_SEEN: u64 = 1_000;

/// What the use cases know of the gateway: nothing of how it works.
#[derive(Clone)]
pub struct GatewayLink {
    changed: Arc<dyn Fn() + Send + Sync>,
    used: Arc<Used>,
}

type Used = dyn Fn(GatewayKeyId, Window) -> Spend + Send + Sync;

impl GatewayLink {
    /// `changed` is called after a change, and `used` tells what a key has used of a window.
    #[must_use]
    pub fn new(
        changed: impl Fn() + Send + Sync + 'static,
        used: impl Fn(GatewayKeyId, Window) -> Spend + Send + Sync + 'static,
    ) -> Self {
        Self { changed: Arc::new(changed), used: Arc::new(used) }
    }

    /// Something changed that the gateway goes by.
    pub(crate) fn tell(&self) {
        (self.changed)();
    }
}

impl Default for GatewayLink {
    /// No gateway here.
    fn default() -> Self {
        Self::new(|| {}, |_, _| Spend::default())
    }
}

impl fmt::Debug for GatewayLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GatewayLink")
    }
}

/// What a gateway key is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewGatewayKey {
    /// What it is for.
    pub name: String,
    /// The providers that it may be used with; all where there are none.
    pub providers: Vec<String>,
    /// What it may use.
    pub limits: Vec<Limit>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A gateway key, and itself: for the only time.
#[derive(Debug)]
pub struct MadeGatewayKey {
    /// The key, but for itself.
    pub key: GatewayKey,
    /// The key itself.
    pub token: Token,
}

/// A gateway key, and what it has used of each window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedGatewayKey {
    /// The key, but for itself.
    pub key: GatewayKey,
    /// As this node counts it.
    pub used: Vec<(Window, Spend)>,
}

/// The provider's keys by which calls come to a project, or might.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprints {
    /// Those that it has claimed.
    pub claims: Vec<Claim>,
    /// Those that nobody has claimed.
    pub seen: Vec<SeenFingerprint>,
}

/// How a provider's key is named that is to be claimed.
#[derive(Clone, Debug)]
pub enum ClaimedKey {
    /// By the key itself: who has it may claim it.
    Key(Secret),
    /// By its fingerprint, if its calls came to the project.
    Fingerprint([u8; 16]),
}

impl App {
    /// The gateway keys of the project, newest first.
    pub async fn list_gateway_keys(&self, ctx: &Ctx) -> Result<Vec<UsedGatewayKey>, AppError> {
        ctx.require(Action::ManageGatewayKeys)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        let keys = cp_store::list_gateway_keys(&mut tx, ctx.scope).await?;
        let used = |key: &GatewayKey| {
            Window::ALL.map(|window| (window, (self.parts.gateway.used)(key.id, window))).to_vec()
        };
        Ok(keys.into_iter().map(|key| UsedGatewayKey { used: used(&key), key }).collect())
    }

    /// Makes a gateway key.
    pub async fn create_gateway_key(
        &self,
        ctx: &Ctx,
        new: NewGatewayKey,
    ) -> Result<MadeGatewayKey, AppError> {
        let NewGatewayKey { name, providers, limits, expires_at } = new;
        let (name, now) = (named(&name)?.to_owned(), self.parts.clock.now());
        if expires_at.is_some_and(|end| end <= now) {
            return Err(AppError::invalid("the key would be expired from the beginning: give a later time"));
        }
        let providers: BTreeSet<String> = providers.into_iter().collect();
        for provider in &providers {
            self.known_provider(provider)?;
        }
        let limits = distinct(limits)?;
        let mut act = self.begin(ctx, Action::ManageGatewayKeys).await?;
        let token = Token::generate(&self.parts.random, GATEWAY_KEY_PREFIX);
        let key = GatewayKey {
            scope: ctx.scope,
            id: self.parts.ids.mint(),
            name,
            shown: token.shown().to_owned(),
            providers: providers.into_iter().collect(),
            limits,
            created_by: ctx.org.caller.name.clone(),
            created_at: now,
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        cp_store::create_gateway_key(act.tx(), &key, &token).await?;
        act.commit(Event::new("gateway_key.create", key.id).detail(&key.name).after(&key)).await?;
        self.parts.gateway.tell();
        Ok(MadeGatewayKey { key, token })
    }

    /// Ends a gateway key.
    pub async fn revoke_gateway_key(&self, ctx: &Ctx, id: GatewayKeyId) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageGatewayKeys).await?;
        let key = cp_store::find_gateway_key(act.tx(), ctx.scope, id).await?.ok_or_else(|| no_key(id))?;
        if !cp_store::revoke_gateway_key(act.tx(), ctx.scope, id, self.parts.clock.now()).await? {
            return Ok(());
        }
        act.commit(Event::new("gateway_key.revoke", id).detail(&key.name).before(&key)).await?;
        self.parts.gateway.tell();
        Ok(())
    }

    /// Gives a gateway key these limits, in place of those that it has.
    pub async fn limit_gateway_key(
        &self,
        ctx: &Ctx,
        id: GatewayKeyId,
        limits: Vec<Limit>,
    ) -> Result<GatewayKey, AppError> {
        let limits = distinct(limits)?;
        let mut act = self.begin(ctx, Action::ManageGatewayKeys).await?;
        let before = cp_store::find_gateway_key(act.tx(), ctx.scope, id).await?.ok_or_else(|| no_key(id))?;
        cp_store::set_gateway_key_limits(act.tx(), ctx.scope, id, &limits).await?;
        let after = GatewayKey { limits, ..before.clone() };
        let told = after.limits.iter().map(Limit::to_string).collect::<Vec<_>>().join(", ");
        let event = Event::new("gateway_key.limit", id).detail(told).before(&before).after(&after);
        act.commit(event).await?;
        self.parts.gateway.tell();
        Ok(after)
    }

    /// The vault of the project, but for the keys themselves.
    pub async fn list_provider_keys(&self, ctx: &Ctx) -> Result<Vec<ProviderKey>, AppError> {
        ctx.require(Action::ManageVault)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::list_provider_keys(&mut tx, ctx.scope).await?)
    }

    /// Puts a key of a provider into the vault, in place of the one there was. It never comes out again but to the
    /// provider.
    pub async fn set_provider_key(
        &self,
        ctx: &Ctx,
        provider: &str,
        label: &str,
        secret: &Secret,
    ) -> Result<ProviderKey, AppError> {
        self.known_provider(provider)?;
        let secret = provider_secret(secret)?;
        let label = if label.trim().is_empty() { provider } else { named(label)? };
        let mut act = self.begin(ctx, Action::ManageVault).await?;
        let key = ProviderKey {
            scope: ctx.scope,
            id: self.parts.ids.mint(),
            provider: provider.to_owned(),
            label: label.to_owned(),
            fingerprint: self.fingerprint(&secret),
            created_by: ctx.org.caller.name.clone(),
            created_at: self.parts.clock.now(),
        };
        let data_keys = cp_store::load_data_keys(act.tx(), &self.parts.master).await;
        let data_keys = data_keys.map_err(AppError::registry)?;
        let data_key =
            data_keys.get(&ctx.scope.project()).ok_or_else(|| AppError::absent("the project is gone"))?;
        cp_store::set_provider_key(act.tx(), &key, &secret, (data_key, &self.parts.random)).await?;
        let event = Event::new("provider_key.set", key.id).detail(format_args!("{provider}: {}", key.label));
        act.commit(event.after(&key)).await?;
        self.parts.gateway.tell();
        Ok(key)
    }

    /// Takes a provider's key out of the vault.
    pub async fn remove_provider_key(&self, ctx: &Ctx, provider: &str) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageVault).await?;
        if !cp_store::remove_provider_key(act.tx(), ctx.scope, provider).await? {
            return Err(AppError::not_found(format_args!("key of the provider `{provider}`")));
        }
        act.commit(Event::new("provider_key.remove", provider)).await?;
        self.parts.gateway.tell();
        Ok(())
    }

    /// The provider's keys by which calls come to the project, or might: what nobody else has claimed.
    pub async fn list_fingerprints(&self, ctx: &Ctx) -> Result<Fingerprints, AppError> {
        ctx.require(Action::ManageGatewayKeys)?;
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let claims = cp_store::list_claims(&mut tx, ctx.scope).await?;
        let seen = cp_store::list_seen_fingerprints(&mut tx, ctx.scope, MAX_SEEN).await?;
        Ok(Fingerprints { claims, seen })
    }

    /// Claims the calls that come with a provider's key, wherever they would have gone before.
    pub async fn claim_fingerprint(&self, ctx: &Ctx, key: ClaimedKey) -> Result<Claim, AppError> {
        ctx.require(Action::ManageGatewayKeys)?;
        let fingerprint = match key {
            ClaimedKey::Key(secret) => self.fingerprint(&provider_secret(&secret)?),
            ClaimedKey::Fingerprint(fingerprint) => {
                let seen = self.list_fingerprints(ctx).await?.seen;
                if !seen.iter().any(|seen| seen.fingerprint == fingerprint) {
                    return Err(AppError::absent(
                        "no unclaimed call came to this project with a key of this fingerprint; claim the key by itself",
                    ));
                }
                fingerprint
            }
        };
        let (claimed_by, claimed_at) = (ctx.org.caller.name.clone(), self.parts.clock.now());
        let claim = Claim { scope: ctx.scope, fingerprint, claimed_by, claimed_at };
        let mut act = self.begin(ctx, Action::ManageGatewayKeys).await?;
        if !cp_store::claim_fingerprint(act.tx(), &claim).await? {
            return Err(AppError::conflict(
                "the key is claimed already; whoever claimed it has to release it",
            ));
        }
        act.commit(Event::new("fingerprint.claim", cp_base::hex(&fingerprint)).after(&claim)).await?;
        self.parts.gateway.tell();
        Ok(claim)
    }

    /// Gives a claim of the project up.
    pub async fn release_fingerprint(&self, ctx: &Ctx, fingerprint: [u8; 16]) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageGatewayKeys).await?;
        if !cp_store::release_fingerprint(act.tx(), ctx.scope, fingerprint).await? {
            return Err(AppError::not_found("claim to this fingerprint"));
        }
        act.commit(Event::new("fingerprint.release", cp_base::hex(&fingerprint))).await?;
        self.parts.gateway.tell();
        Ok(())
    }

    /// Who may put calls into the project.
    pub async fn get_project_access(&self, ctx: &Ctx) -> Result<ProjectAccess, AppError> {
        ctx.require(Action::ReadProject)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::find_project_access(&mut tx, ctx.scope).await?)
    }

    /// Sets who may put calls into the project.
    pub async fn set_project_access(&self, ctx: &Ctx, access: ProjectAccess) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageGatewayKeys).await?;
        let before = cp_store::find_project_access(act.tx(), ctx.scope).await?;
        cp_store::set_project_access(act.tx(), ctx.scope, access).await?;
        let event = Event::new("project.access", ctx.scope.project()).detail(access.as_str());
        act.commit(event.before(&before).after(&access)).await?;
        self.parts.gateway.tell();
        Ok(())
    }

    fn known_provider(&self, provider: &str) -> Result<(), AppError> {
        let known = (self.parts.node)().providers;
        if known.iter().any(|row| row.name == provider) {
            return Ok(());
        }
        let names = known.into_iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        Err(AppError::invalid(format_args!("there is no provider `{provider}`; there are {names}")))
    }

    fn fingerprint(&self, secret: &Secret) -> [u8; 16] {
        self.parts.fingerprint_key.fingerprint(secret.expose().as_bytes())
    }
}

/// A key of a provider as it can be sent in a header.
fn provider_secret(secret: &Secret) -> Result<Secret, AppError> {
    let text = secret.expose().trim();
    let fits =
        !text.is_empty() && text.len() <= MAX_SECRET && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        return Err(AppError::invalid("a provider's key is letters, digits and signs without a space"));
    }
    if text.starts_with(GATEWAY_KEY_PREFIX) {
        return Err(AppError::invalid("this is a gateway key; what belongs here is the provider's own key"));
    }
    Ok(Secret::new(text.to_owned()))
}

/// One limit of each kind.
fn distinct(mut limits: Vec<Limit>) -> Result<Vec<Limit>, AppError> {
    limits.sort();
    let twice = limits.windows(2).find_map(|pair| match pair {
        [one, other] if (one.measure, one.window) == (other.measure, other.window) => Some(*one),
        _ => None,
    });
    if let Some(limit) = twice {
        let (measure, window) = (limit.measure.as_str(), limit.window.as_str());
        return Err(AppError::invalid(format_args!(
            "there are two limits of {measure} a {window}; give one"
        )));
    }
    if limits.iter().any(|limit| i64::try_from(limit.amount).is_err()) {
        return Err(AppError::invalid("a limit is larger than can be counted"));
    }
    Ok(limits)
}

fn no_key(id: GatewayKeyId) -> AppError {
    AppError::not_found(format_args!("gateway key {id}"))
}
