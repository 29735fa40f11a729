//! API keys.

use std::time::Duration;

use cp_base::{ApiKeyId, ProjectScope, Timestamp, Token};
use cp_store::{ApiKey, Principal};

use crate::access::{Action, Role};
use crate::act::Event;
use crate::authenticate::API_KEY_PREFIX;
use crate::ctx::OrgCtx;
use crate::orgs::named;
use crate::{App, AppError, Ctx};

/// The longest time for which the old one of two keys goes on working.
const MAX_OVERLAP: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApiKey {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A key, with its role, and itself: for the only time.
#[derive(Debug)]
pub struct MadeApiKey {
    /// The key, but for itself.
    pub key: ApiKey,
    /// What it may do.
    pub role: Role,
    /// The key itself.
    pub token: Token,
}

impl App {
    /// The keys of the organisation, newest first, each with its role.
    pub async fn list_api_keys(&self, ctx: &OrgCtx) -> Result<Vec<(ApiKey, Option<String>)>, AppError> {
        ctx.require(Action::ManageKeys)?;
        let mut tx = self.parts.db.begin_read().await?;
        Ok(cp_store::list_api_keys(&mut tx, ctx.scope).await?)
    }

    /// Makes a key that reaches the whole organisation.
    pub async fn create_api_key(&self, ctx: &OrgCtx, new: NewApiKey) -> Result<MadeApiKey, AppError> {
        self.make_key(ctx, None, new).await
    }

    /// Makes a key that reaches one project and nothing else.
    pub async fn create_project_key(&self, ctx: &Ctx, new: NewApiKey) -> Result<MadeApiKey, AppError> {
        self.make_key(&ctx.org, Some(ctx.scope), new).await
    }

    async fn make_key(
        &self,
        ctx: &OrgCtx,
        project: Option<ProjectScope>,
        new: NewApiKey,
    ) -> Result<MadeApiKey, AppError> {
        let NewApiKey { name, role, expires_at } = new;
        let (name, now) = (named(&name)?.to_owned(), self.parts.clock.now());
        if expires_at.is_some_and(|end| end <= now) {
            return Err(AppError::invalid("the key would be expired from the beginning: give a later time"));
        }
        if role == Role::Owner && !ctx.is(Role::Owner) {
            return Err(AppError::only_owners());
        }
        let mut act = self.begin(ctx, Action::ManageKeys).await?;
        let token = Token::generate(&self.parts.random, API_KEY_PREFIX);
        let key = ApiKey {
            scope: ctx.scope,
            id: self.parts.ids.mint(),
            project: project.map(ProjectScope::project),
            name,
            shown: token.shown().to_owned(),
            created_by: ctx.caller.name.clone(),
            created_at: now,
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        cp_store::create_api_key(act.tx(), &key, &token).await?;
        let principal = Principal::ApiKey(key.id);
        match project {
            Some(project) => {
                cp_store::grant_in_project(act.tx(), project, principal, role.as_str(), now).await?;
            }
            None => cp_store::grant_in_org(act.tx(), ctx.scope, principal, role.as_str(), now).await?,
        }
        let event = Event::new("api_key.create", key.id).detail(format_args!("{} as {role}", key.name));
        act.commit(event.after(&key)).await?;
        Ok(MadeApiKey { key, role, token })
    }

    /// Ends a key at once.
    pub async fn revoke_api_key(&self, ctx: &OrgCtx, id: ApiKeyId) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageKeys).await?;
        let key = cp_store::find_api_key(act.tx(), ctx.scope, id).await?.ok_or_else(|| no_key(id))?;
        let now = self.parts.clock.now();
        if !cp_store::revoke_api_key(act.tx(), ctx.scope, id, now).await? {
            return Ok(());
        }
        act.commit(Event::new("api_key.revoke", id).detail(&key.name).before(&key)).await
    }

    /// Makes another key like one, which goes on working for `overlap`: time to put the new one in its place.
    pub async fn rotate_api_key(
        &self,
        ctx: &OrgCtx,
        id: ApiKeyId,
        overlap: Duration,
    ) -> Result<MadeApiKey, AppError> {
        if overlap > MAX_OVERLAP {
            return Err(AppError::invalid("two keys overlap for 30 days at most"));
        }
        let now = self.parts.clock.now();
        let mut act = self.begin(ctx, Action::ManageKeys).await?;
        let old = cp_store::find_api_key(act.tx(), ctx.scope, id).await?.ok_or_else(|| no_key(id))?;
        if !old.is_valid(now) {
            return Err(AppError::conflict(format_args!("key {id} has ended; make a new one instead")));
        }
        let granted = cp_store::list_roles(act.tx(), ctx.scope, Principal::ApiKey(id)).await?;
        let role = granted.first().and_then(|granted| granted.role.parse().ok());
        let role: Role = role.ok_or_else(|| AppError::conflict(format_args!("key {id} has no role")))?;
        if role == Role::Owner && !ctx.is(Role::Owner) {
            return Err(AppError::only_owners());
        }
        let token = Token::generate(&self.parts.random, API_KEY_PREFIX);
        let key = ApiKey {
            id: self.parts.ids.mint(),
            shown: token.shown().to_owned(),
            created_by: ctx.caller.name.clone(),
            created_at: now,
            last_used_at: None,
            ..old.clone()
        };
        cp_store::create_api_key(act.tx(), &key, &token).await?;
        let principal = Principal::ApiKey(key.id);
        match old.project {
            Some(project) => {
                let project = cp_store::find_project(act.tx(), ctx.scope, project).await?;
                let project = project.ok_or_else(|| no_key(id))?;
                cp_store::grant_in_project(act.tx(), project.scope, principal, role.as_str(), now).await?;
            }
            None => cp_store::grant_in_org(act.tx(), ctx.scope, principal, role.as_str(), now).await?,
        }
        cp_store::expire_api_key(act.tx(), ctx.scope, id, now.after(overlap)).await?;
        let event =
            Event::new("api_key.rotate", id).detail(format_args!("{} is followed by {}", old.name, key.id));
        act.commit(event.before(&old).after(&key)).await?;
        Ok(MadeApiKey { key, role, token })
    }
}

fn no_key(id: ApiKeyId) -> AppError {
    AppError::absent(format_args!("there is no API key {id}; `codepromptu key list` shows those there are"))
}
