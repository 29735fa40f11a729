//! Prompts in prompts: what a version includes is found, put together, and rendered.

use std::collections::HashMap;

use cp_base::ProjectScope;
use cp_db::Tx;
use cp_prompt::{
    Compiled, Document, Fetched, PromptName, Reference, Rendered, Resolution, Selector, Values, check_values,
    includes, resolve,
};
use cp_store::{Sealer, Version};

use super::versions::selected;
use super::{PromptView, nearest, view};
use crate::access::Action;
use crate::{App, AppError, Ctx};

/// Prompts that one version may take in, in all.
const MAX_INCLUDED: usize = 200;

/// A version with everything that it includes, and what it renders to.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedVersion {
    /// The prompt.
    pub view: PromptView,
    /// The version.
    pub version: Version,
    /// Its document, in which nothing is included any more.
    pub resolution: Resolution,
    /// What it says, with values in it.
    pub rendered: Rendered,
}

impl App {
    /// A version with everything that it includes.
    pub async fn resolve_version(
        &self,
        ctx: &Ctx,
        prompt: &str,
        selector: &Selector,
    ) -> Result<(PromptView, Version, Resolution), AppError> {
        ctx.require(Action::ReadPrompts)?;
        let (view, version) = self.find_selected(ctx, prompt, selector).await?;
        self.resolved(ctx, view, version).await
    }

    /// A version of a prompt in use with everything that it includes, for an application.
    pub async fn serve_version(
        &self,
        ctx: &Ctx,
        prompt: &str,
        selector: &Selector,
    ) -> Result<(PromptView, Version, Resolution), AppError> {
        ctx.require(Action::ServePrompts)?;
        let (view, version) = self.find_selected(ctx, prompt, selector).await?;
        if view.prompt.archived_at.is_some() {
            return Err(AppError::absent(format_args!("the prompt `{}` is archived", view.prompt.name)));
        }
        let resolved = self.resolved(ctx, view, version).await?;
        self.serving().count(ctx, resolved.1.id);
        Ok(resolved)
    }

    async fn resolved(
        &self,
        ctx: &Ctx,
        view: PromptView,
        version: Version,
    ) -> Result<(PromptView, Version, Resolution), AppError> {
        let keys = self.keys_of(ctx).await?;
        let mut tx = self.read_library(ctx).await?;
        let found = gather(&mut tx, &self.sealer(&keys), ctx.scope, &version.document).await?;
        let resolution = put_together(&version.document, &found)?;
        Ok((view, version, resolution))
    }

    /// What a version says with these values.
    pub async fn render_version(
        &self,
        ctx: &Ctx,
        prompt: &str,
        selector: &Selector,
        values: Values,
    ) -> Result<RenderedVersion, AppError> {
        let (view, version, resolution) = self.resolve_version(ctx, prompt, selector).await?;
        let compiled = Compiled::new(&resolution.document).map_err(AppError::invalid)?;
        let specs = &view.prompt.details.variables;
        let values = check_values(specs, compiled.variables(), values).map_err(AppError::invalid)?;
        let rendered = compiled.render(&values).map_err(AppError::invalid)?;
        Ok(RenderedVersion { view, version, resolution, rendered })
    }
}

/// Checks that a version of the prompt `name` can be put together and rendered, and that it does not come back to the
/// prompt itself; what it includes.
pub(super) async fn check(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    ctx: &Ctx,
    (name, document): (&PromptName, &Document),
) -> Result<Vec<Reference>, AppError> {
    let found = gather(tx, sealer, ctx.scope, document).await?;
    if found.keys().any(|included| included.name == *name) {
        return Err(AppError::invalid(format_args!(
            "`{name}` would include itself, by way of {}: take one of them out",
            way(document, &found, name).join(" → ")
        )));
    }
    let resolution = put_together(document, &found)?;
    Compiled::new(&resolution.document).map_err(AppError::invalid)?;
    let own = includes(document).map_err(AppError::invalid)?;
    Ok(own.into_iter().map(|include| include.reference).collect())
}

/// The references that lead from a document back to a prompt, in order.
fn way(document: &Document, found: &HashMap<Reference, Fetched>, name: &PromptName) -> Vec<String> {
    let mut way = Vec::new();
    let mut at = document;
    let leads = |document: &Document| -> Vec<Reference> {
        includes(document).unwrap_or_default().into_iter().map(|include| include.reference).collect()
    };
    while way.len() <= found.len() {
        let references = leads(at);
        let back = |reference: &&Reference| {
            reference.name == *name || reaches(reference, found, name, &leads, found.len())
        };
        let Some(next) = references.iter().find(back) else { break };
        way.push(format!("`{next}`"));
        match found.get(next) {
            Some(fetched) if next.name != *name => at = &fetched.document,
            _ => break,
        }
    }
    way
}

fn reaches(
    from: &Reference,
    found: &HashMap<Reference, Fetched>,
    name: &PromptName,
    leads: &impl Fn(&Document) -> Vec<Reference>,
    depth: usize,
) -> bool {
    let Some(fetched) = found.get(from).filter(|_| depth > 0) else { return false };
    let next = leads(&fetched.document);
    next.iter().any(|next| next.name == *name || reaches(next, found, name, leads, depth - 1))
}

pub(crate) fn put_together(
    document: &Document,
    found: &HashMap<Reference, Fetched>,
) -> Result<Resolution, AppError> {
    resolve(document, |reference| found.get(reference).cloned()).map_err(AppError::invalid)
}

/// Every version that a document includes, and those that these include.
pub(crate) async fn gather(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    document: &Document,
) -> Result<HashMap<Reference, Fetched>, AppError> {
    let mut found = HashMap::new();
    let mut wanted: Vec<_> = includes(document).map_err(AppError::invalid)?;
    while let Some(include) = wanted.pop() {
        let reference = include.reference;
        if found.contains_key(&reference) {
            continue;
        }
        if found.len() >= MAX_INCLUDED {
            return Err(AppError::invalid(format_args!("a prompt takes in {MAX_INCLUDED} others at most")));
        }
        let fetched = fetch(tx, sealer, scope, &reference).await?;
        wanted.extend(includes(&fetched.document).map_err(AppError::invalid)?);
        found.insert(reference, fetched);
    }
    Ok(found)
}

async fn fetch(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    reference: &Reference,
) -> Result<Fetched, AppError> {
    let Some(prompt) = cp_store::find_prompt_named(tx, sealer, scope, &reference.name).await? else {
        let names = cp_store::list_prompt_names(tx, scope, super::MAX_NAMES).await?;
        let near = nearest(reference.name.as_str(), &names);
        let hint =
            if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
        return Err(AppError::invalid(format_args!(
            "it includes `{reference}`, and there is no such prompt{hint}"
        )));
    };
    let seen = view(tx, prompt).await?;
    let number = selected(&seen, &reference.selector)
        .map_err(|error| AppError::invalid(format_args!("it includes `{reference}`: {}", error.public)))?;
    let version = cp_store::find_version(tx, sealer, scope, seen.prompt.id, number).await?;
    let version = version.ok_or_else(|| {
        AppError::invalid(format_args!("it includes `{reference}`, and there is no such version of it"))
    })?;
    Ok(Fetched { version: version.number, document: version.document })
}
