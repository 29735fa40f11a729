//! The provider of an organisation, as its owners see and set it.
//!
//! Only owners: whoever chooses the provider decides who anybody is here, an owner too. The client's secret goes in and never
//! comes out.

use cp_base::{Secret, Timestamp};
use cp_db::Tx;
use cp_store::{GroupGrant, GroupRole, SingleSignOn, SsoDocument};

use crate::access::{Action, Role};
use crate::act::Event;
use crate::ctx::OrgCtx;
use crate::invitations::find_project;
use crate::{App, AppError};

const PURPOSE: &str = "client secrets of single sign-on";
/// The version of the stored document.
const VERSION: u32 = 1;
const MAX_ENTRIES: usize = 200;
const MAX_TEXT: usize = 500;

/// The provider that an organisation is to have.
#[derive(Debug)]
pub struct NewSso {
    /// The provider.
    pub issuer: String,
    /// The name of this program there.
    pub client_id: String,
    /// What shows that it is this program; the one that is kept where it is absent.
    pub client_secret: Option<Secret>,
    /// What the provider is asked for, beside `openid`.
    pub scopes: Vec<String>,
    /// The domains whose addresses are this organisation's people's.
    pub domains: Vec<String>,
    /// The claim that names a person's groups.
    pub group_claim: Option<String>,
    /// What groups give.
    pub groups: Vec<NewGroupRole>,
    /// Whether somebody who is no member becomes one by signing in.
    pub admits_unknown: bool,
    /// The role of whoever has no other one.
    pub default_role: Option<Role>,
    /// Whether members come in no other way, but for owners.
    pub refuses_passwords: bool,
    /// Whether each sign-in counts as one with a second factor.
    pub is_second_factor: bool,
}

/// A role that a group is to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGroupRole {
    /// The group, as the provider names it.
    pub group: String,
    /// The role.
    pub role: Role,
    /// In which project, by id or short name; in the organisation where it is absent.
    pub project: Option<String>,
}

/// The provider of an organisation, but for the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sso {
    /// What was decided.
    pub document: SsoDocument,
    /// Whether members come in no other way, but for owners.
    pub refuses_passwords: bool,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// What asking the provider came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoCheck {
    /// Why people cannot sign in; nothing where they can.
    pub problem: Option<String>,
    /// Where the provider sends them.
    pub authorization_endpoint: Option<String>,
    /// How many keys it publishes that can be used.
    pub keys: usize,
}

impl App {
    /// The organisation's provider.
    pub async fn get_sso(&self, ctx: &OrgCtx) -> Result<Sso, AppError> {
        ctx.require(Action::ManageSignIn)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        let found = self.find_sso(&mut tx, ctx.scope).await?.ok_or_else(no_sso)?;
        Ok(shown(found))
    }

    /// Gives the organisation a provider, in place of the one there was. What that one, or its groups, gave and this does not
    /// ends at once.
    pub async fn set_sso(&self, ctx: &OrgCtx, new: NewSso) -> Result<Sso, AppError> {
        let mut act = self.begin(ctx, Action::ManageSignIn).await?;
        let before = self.find_sso(act.tx(), ctx.scope).await?;
        let after = self.read_sso(act.tx(), ctx, new, before.as_ref()).await?;
        match &before {
            // Another provider knows other people.
            Some(before) if before.document.issuer != after.document.issuer => {
                cp_store::remove_single_sign_on(act.tx(), ctx.scope).await?;
            }
            Some(before) => {
                let kept = given(&after.document);
                for gone in given(&before.document).iter().filter(|role| !kept.contains(role)) {
                    cp_store::revoke_group_role(act.tx(), ctx.scope, gone).await?;
                }
            }
            None => {}
        }
        let key = self.parts.installation.derive(PURPOSE);
        cp_store::set_single_sign_on(act.tx(), ctx.scope, &after, (&key, &self.parts.random)).await?;
        let after = shown(after);
        let event = Event::new("sso.set", ctx.scope.org()).detail(&after.document.issuer);
        act.commit(event.before(&before.map(shown)).after(&after)).await?;
        Ok(after)
    }

    /// The organisation has no provider any more. Roles by groups and sessions by single sign-on end with it.
    pub async fn remove_sso(&self, ctx: &OrgCtx) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageSignIn).await?;
        let before = self.find_sso(act.tx(), ctx.scope).await?.ok_or_else(no_sso)?;
        cp_store::remove_single_sign_on(act.tx(), ctx.scope).await?;
        let event = Event::new("sso.remove", ctx.scope.org()).detail(&before.document.issuer);
        act.commit(event.before(&shown(before))).await
    }

    /// Asks the provider for what it publishes.
    pub async fn check_sso(&self, ctx: &OrgCtx) -> Result<SsoCheck, AppError> {
        let sso = self.get_sso(ctx).await?;
        let now = self.parts.clock.now();
        Ok(match self.parts.providers.look_up(&sso.document.issuer, now).await {
            Ok(found) => SsoCheck {
                problem: (found.keys.count() == 0)
                    .then(|| "it publishes no key that an identity token can be checked with".to_owned()),
                authorization_endpoint: Some(found.metadata.authorization_endpoint),
                keys: found.keys.count(),
            },
            Err(error) => {
                SsoCheck { problem: Some(error.to_string()), authorization_endpoint: None, keys: 0 }
            }
        })
    }

    pub(crate) async fn find_sso(
        &self,
        tx: &mut Tx,
        scope: cp_base::OrgScope,
    ) -> Result<Option<SingleSignOn>, AppError> {
        let key = self.parts.installation.derive(PURPOSE);
        Ok(cp_store::find_single_sign_on(tx, scope, &key).await?)
    }

    /// What is to be stored: a secret is kept for the provider that it was given for, and for no other.
    async fn read_sso(
        &self,
        tx: &mut Tx,
        ctx: &OrgCtx,
        new: NewSso,
        before: Option<&SingleSignOn>,
    ) -> Result<SingleSignOn, AppError> {
        cp_oidc::check_issuer(&new.issuer).map_err(AppError::invalid)?;
        let client_id = text("client id", &new.client_id)?;
        let same = before.filter(|before| before.document.issuer == new.issuer);
        let secret = new.client_secret.filter(|secret| !secret.expose().is_empty());
        let secret = secret.or_else(|| same.map(|before| before.secret.clone()));
        let secret = secret.ok_or_else(|| AppError::invalid("the client secret of this issuer is needed"))?;
        text("client secret", secret.expose())?;
        if new.groups.len().max(new.domains.len()).max(new.scopes.len()) > MAX_ENTRIES {
            return Err(AppError::invalid(format_args!("a list takes {MAX_ENTRIES} entries at most")));
        }
        let mut groups = Vec::new();
        for group in &new.groups {
            ctx.require_cover(group.role)?;
            let project = match &group.project {
                Some(name) => Some(find_project(tx, ctx, name).await?.scope.project()),
                None => None,
            };
            let role = group.role.to_string();
            groups.push(GroupRole { group: text("group", &group.group)?, role, project });
        }
        if let Some(role) = new.default_role {
            ctx.require_cover(role)?;
        }
        if new.default_role == Some(Role::Owner) {
            return Err(AppError::invalid("nobody is an owner by default: name a group for it"));
        }
        let document = SsoDocument {
            v: VERSION,
            issuer: new.issuer,
            client_id,
            scopes: new.scopes.iter().map(|scope| read_scope(scope)).collect::<Result<_, _>>()?,
            domains: read_domains(&new.domains)?,
            group_claim: new.group_claim.as_deref().map(|claim| text("group claim", claim)).transpose()?,
            groups,
            admits_unknown: new.admits_unknown,
            default_role: new.default_role.map(|role| role.to_string()),
            is_second_factor: new.is_second_factor,
        };
        if document.group_claim.is_none() && !document.groups.is_empty() {
            return Err(AppError::invalid("which claim names the groups? Give the group claim too"));
        }
        let (refuses_passwords, changed_at) = (new.refuses_passwords, self.parts.clock.now());
        Ok(SingleSignOn { document, refuses_passwords, secret, changed_at })
    }
}

/// Everything that a provider's groups give, and the default role, which is no group's.
pub(crate) fn given(sso: &SsoDocument) -> Vec<GroupGrant> {
    let by_group = |role: &GroupRole| GroupGrant {
        project: role.project,
        role: role.role.clone(),
        group: role.group.clone(),
    };
    let default =
        sso.default_role.clone().map(|role| GroupGrant { project: None, role, group: String::new() });
    sso.groups.iter().map(by_group).chain(default).collect()
}

fn shown(sso: SingleSignOn) -> Sso {
    let SingleSignOn { document, refuses_passwords, changed_at, .. } = sso;
    Sso { document, refuses_passwords, changed_at }
}

fn no_sso() -> AppError {
    AppError::absent("this organisation has no single sign-on; `codepromptu sso set` gives it one")
}

fn text(what: &str, text: &str) -> Result<String, AppError> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.len() > MAX_TEXT || trimmed.chars().any(char::is_control) {
        return Err(AppError::invalid(format_args!(
            "a {what} takes 1 to {MAX_TEXT} characters, on one line"
        )));
    }
    Ok(trimmed.to_owned())
}

/// A scope (RFC 6749, 3.3).
fn read_scope(scope: &str) -> Result<String, AppError> {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if scope.is_empty() || scope.len() > MAX_TEXT || !scope.bytes().all(fits) {
        return Err(AppError::invalid("a scope is a word such as `profile`"));
    }
    Ok(scope.to_owned())
}

fn read_domains(domains: &[String]) -> Result<Vec<String>, AppError> {
    let fits = |domain: &String| {
        domain.split('.').count() > 1
            && domain.split('.').all(|label| !label.is_empty())
            && domain.chars().all(|char| char.is_alphanumeric() || char == '-' || char == '.')
    };
    let domains: Vec<_> = domains.iter().map(|domain| domain.trim().to_lowercase()).collect();
    if domains.is_empty() || !domains.iter().all(fits) {
        return Err(AppError::invalid(
            "name the domains of your people's e-mail addresses, such as `example.com`",
        ));
    }
    Ok(domains)
}
