//! API keys: of the organisation, and of one project. Somebody with a role in a project alone has to do with its own keys
//! only. To take a key away takes no more than that, also where it is an owner's: a leak does not wait.

use std::time::Duration;

use cp_base::{ApiKeyId, ProjectId, ProjectScope, Timestamp, Token};
use cp_db::Tx;
use cp_store::{ApiKey, GrantedRole, Principal};

use crate::access::{Action, Role};
use crate::act::{Act, Event};
use crate::authenticate::API_KEY_PREFIX;
use crate::ctx::OrgCtx;
use crate::members::read_role;
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
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::list_api_keys(&mut tx, ctx.scope).await?)
    }

    /// The keys that reach the project alone, newest first, each with its role.
    pub async fn list_project_keys(&self, ctx: &Ctx) -> Result<Vec<(ApiKey, Option<String>)>, AppError> {
        ctx.require(Action::ManageProjectKeys)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::list_project_keys(&mut tx, ctx.scope).await?)
    }

    /// Makes a key that reaches the whole organisation.
    pub async fn create_api_key(&self, ctx: &OrgCtx, new: NewApiKey) -> Result<MadeApiKey, AppError> {
        ctx.require(Action::ManageKeys)?;
        let key = self.new_key(ctx, &new)?;
        let act = self.begin(ctx, Action::ManageKeys).await?;
        self.store_key(act, ctx, key, new.role).await
    }

    /// Makes a key that reaches one project and nothing else.
    pub async fn create_project_key(&self, ctx: &Ctx, new: NewApiKey) -> Result<MadeApiKey, AppError> {
        ctx.require(Action::ManageProjectKeys)?;
        let key = ApiKey { project: Some(ctx.scope.project()), ..self.new_key(&ctx.org, &new)? };
        let act = self.begin(ctx, Action::ManageProjectKeys).await?;
        self.store_key(act, &ctx.org, key, new.role).await
    }

    /// A key as it was asked for.
    fn new_key(&self, ctx: &OrgCtx, new: &NewApiKey) -> Result<ApiKey, AppError> {
        let (name, now) = (named(&new.name)?.to_owned(), self.parts.clock.now());
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(AppError::invalid("the key would be expired from the beginning: give a later time"));
        }
        ctx.require_cover(new.role)?;
        Ok(ApiKey {
            scope: ctx.scope,
            id: self.parts.ids.mint(),
            project: None,
            name,
            shown: String::new(),
            created_by: ctx.caller.name.clone(),
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        })
    }

    async fn store_key(
        &self,
        mut act: Act<'_>,
        ctx: &OrgCtx,
        key: ApiKey,
        role: Role,
    ) -> Result<MadeApiKey, AppError> {
        let token = Token::generate(&self.parts.random, API_KEY_PREFIX);
        let key = ApiKey { shown: token.shown().to_owned(), ..key };
        cp_store::create_api_key(act.tx(), &key, &token).await?;
        let granted = GrantedRole { project: key.project, role: role.to_string() };
        grant(act.tx(), ctx, &key, &granted).await?;
        let event = Event::new("api_key.create", key.id).detail(format_args!("{} as {role}", key.name));
        act.commit(event.after(&key)).await?;
        self.shelve_own_change().await;
        Ok(MadeApiKey { key, role, token })
    }

    /// Ends a key of the organisation at once.
    pub async fn revoke_api_key(&self, ctx: &OrgCtx, id: ApiKeyId) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageKeys).await?;
        let key = find_key(act.tx(), ctx, id, None).await?;
        self.revoke(act, key).await
    }

    /// Ends a key of the project at once.
    pub async fn revoke_project_key(&self, ctx: &Ctx, id: ApiKeyId) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageProjectKeys).await?;
        let key = find_key(act.tx(), &ctx.org, id, Some(ctx.scope)).await?;
        self.revoke(act, key).await
    }

    async fn revoke(&self, mut act: Act<'_>, key: ApiKey) -> Result<(), AppError> {
        if !cp_store::revoke_api_key(act.tx(), key.scope, key.id, self.parts.clock.now()).await? {
            return Ok(());
        }
        act.commit(Event::new("api_key.revoke", key.id).detail(&key.name).before(&key)).await?;
        self.shelve_own_change().await;
        Ok(())
    }

    /// Makes another key like one of the organisation, which goes on working for `overlap`: time to put the new one in
    /// its place.
    pub async fn rotate_api_key(
        &self,
        ctx: &OrgCtx,
        id: ApiKeyId,
        overlap: Duration,
    ) -> Result<MadeApiKey, AppError> {
        let mut act = self.begin(ctx, Action::ManageKeys).await?;
        let old = find_key(act.tx(), ctx, id, None).await?;
        self.rotate(act, ctx, old, overlap).await
    }

    /// The same with a key of the project.
    pub async fn rotate_project_key(
        &self,
        ctx: &Ctx,
        id: ApiKeyId,
        overlap: Duration,
    ) -> Result<MadeApiKey, AppError> {
        let mut act = self.begin(ctx, Action::ManageProjectKeys).await?;
        let old = find_key(act.tx(), &ctx.org, id, Some(ctx.scope)).await?;
        self.rotate(act, &ctx.org, old, overlap).await
    }

    async fn rotate(
        &self,
        mut act: Act<'_>,
        ctx: &OrgCtx,
        old: ApiKey,
        overlap: Duration,
    ) -> Result<MadeApiKey, AppError> {
        if overlap > MAX_OVERLAP {
            return Err(AppError::invalid("two keys overlap for 30 days at most"));
        }
        let (id, now) = (old.id, self.parts.clock.now());
        if !old.is_valid(now) {
            return Err(AppError::conflict(format_args!("key {id} has ended; make a new one instead")));
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
        let mut role = None;
        for granted in cp_store::list_roles(act.tx(), ctx.scope, Principal::ApiKey(id)).await? {
            let held = read_role(&granted.role)?;
            ctx.require_cover(held)?;
            grant(act.tx(), ctx, &key, &granted).await?;
            role = role.filter(|_| granted.project != key.project).or(Some(held));
        }
        let role = role.ok_or_else(|| AppError::conflict(format_args!("key {id} has no role")))?;
        cp_store::expire_api_key(act.tx(), ctx.scope, id, now.after(overlap)).await?;
        let event =
            Event::new("api_key.rotate", id).detail(format_args!("{} is followed by {}", old.name, key.id));
        act.commit(event.before(&old).after(&key)).await?;
        self.shelve_own_change().await;
        Ok(MadeApiKey { key, role, token })
    }
}

/// A key of the organisation; of a project and nothing else, where one is given.
async fn find_key(
    tx: &mut Tx,
    ctx: &OrgCtx,
    id: ApiKeyId,
    project: Option<ProjectScope>,
) -> Result<ApiKey, AppError> {
    let here = |home: Option<ProjectId>| project.is_none_or(|project| home == Some(project.project()));
    let found = cp_store::find_api_key(tx, ctx.scope, id).await?;
    found.filter(|key| here(key.project)).ok_or_else(|| no_key(id))
}

async fn grant(tx: &mut Tx, ctx: &OrgCtx, key: &ApiKey, granted: &GrantedRole) -> Result<(), AppError> {
    let (principal, role, now) = (Principal::ApiKey(key.id), granted.role.as_str(), key.created_at);
    let Some(project) = granted.project else {
        return Ok(cp_store::grant_in_org(tx, ctx.scope, principal, role, now).await?);
    };
    let project = cp_store::find_project(tx, ctx.scope, project).await?;
    let project = project.ok_or_else(|| AppError::absent("the project is gone"))?;
    Ok(cp_store::grant_in_project(tx, project.scope, principal, role, now).await?)
}

pub(crate) fn no_key(id: ApiKeyId) -> AppError {
    AppError::absent(format_args!("there is no API key {id}; `codepromptu key list` shows those there are"))
}
