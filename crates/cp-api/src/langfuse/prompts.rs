//! Prompts as Langfuse's client libraries ask for them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use cp_app::App;
use cp_app::library::{
    Archived, LabelName, PromptChange, PromptFilter, Selector, VersionDraft, VersionNumber,
};
use serde_json::{Value, json};

use super::parameters::{find, parameters, parsed};
use super::shapes::{self, NewLabels};
use super::{Failure, InProject};
use crate::input::Body;
use crate::problem::Refusal;

type Answer = Result<Json<Value>, Failure>;

/// Which version is asked for, and in which words they say that it is not there.
fn selector(parameters: &[(String, String)]) -> Result<(Selector, String), Failure> {
    let label = find(parameters, "label").filter(|label| !label.is_empty());
    match (find(parameters, "version").filter(|version| !version.is_empty()), label) {
        (Some(_), Some(_)) => Err(Failure::invalid("give `version` or `label`, and not both")),
        (Some(version), None) => {
            Ok((Selector::Version(parsed("version", version)?), format!("version {version}")))
        }
        (None, label) => {
            let label: LabelName = parsed("label", label.unwrap_or("production"))?;
            let said = format!("label '{label}'");
            Ok((Selector::Label(label), said))
        }
    }
}

/// A version of a prompt, put together unless `resolve=false`.
pub(super) async fn get(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
) -> Answer {
    let parameters = parameters(&uri);
    let (selector, said) = selector(&parameters)?;
    let absent = |error: cp_app::AppError| {
        let failure = Failure::from(error);
        if failure.is_absence() { Failure::not_found(&name, &said) } else { failure }
    };
    let found = app.serve_version(&ctx, &name, &selector).await.map_err(absent)?;
    let (view, version, resolution) = found;
    let project = view.prompt.scope.project();
    let shape = if find(&parameters, "resolve") == Some("false") {
        shapes::prompt(project, (&view, &version), &version.document, None)
    } else {
        shapes::prompt(project, (&view, &version), &resolution.document, Some(&resolution.graph))
    };
    Ok(Json(shape))
}

/// The same, by the older address.
pub(super) async fn get_by_query(project: InProject, app: State<App>, uri: Uri) -> Answer {
    let name = find(&parameters(&uri), "name").map(str::to_owned);
    let name = name.ok_or_else(|| Failure::invalid("`name` is missing"))?;
    get(project, app, Path(name), uri).await
}

/// A page of prompts.
pub(super) async fn list(InProject(ctx): InProject, State(app): State<App>, uri: Uri) -> Answer {
    let mut filter = PromptFilter::default();
    let (mut page, mut limit) = (1_u64, 10_u64);
    for (name, value) in &parameters(&uri) {
        match name.as_str() {
            "name" => filter.name = Some(parsed(name, value)?),
            "label" => filter.label = Some(parsed(name, value)?),
            "tag" => filter.tag = Some(value.clone()),
            "version" => filter.has_version = Some(parsed(name, value)?),
            "fromUpdatedAt" => filter.updated_from = Some(parsed(name, value)?),
            "toUpdatedAt" => filter.updated_to = Some(parsed(name, value)?),
            "page" => page = parsed(name, value)?,
            "limit" => limit = parsed(name, value)?,
            _ => {}
        }
    }
    if page == 0 || !(1..=100).contains(&limit) {
        return Err(Failure::invalid("`page` counts from 1, and `limit` is from 1 to 100"));
    }
    let (prompts, total) = app.list_prompts_by_page(&ctx, &filter, page, limit).await?;
    let data: Vec<_> =
        prompts.iter().map(|(view, newest)| shapes::listed(view, newest.document.config.as_map())).collect();
    let meta =
        json!({ "page": page, "limit": limit, "totalItems": total, "totalPages": total.div_ceil(limit) });
    Ok(Json(json!({ "data": data, "meta": meta })))
}

/// A prompt with its first version, or another version of one that is there.
pub(super) async fn create(
    InProject(ctx): InProject,
    State(app): State<App>,
    body: Result<Body<shapes::NewPrompt>, Refusal>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let Body(new) = body?;
    let document = new.document()?;
    let production = new.is_active.unwrap_or_default().then(|| "production".to_owned());
    let named = new.labels.clone().unwrap_or_default().into_iter().chain(production);
    // That one moves by itself.
    let labels = named.filter(|label| label != "latest").map(|label| parsed("labels", &label));
    let labels = labels.collect::<Result<Vec<LabelName>, _>>()?;
    let message = new.commit_message.clone().unwrap_or_default();
    let version = VersionDraft { document, message, parent: None, labels };
    let (view, saved) = app.put_version(&ctx, parsed("name", &new.name)?, new.tags.clone(), version).await?;
    let version = saved.version;
    let shape = shapes::prompt(view.prompt.scope.project(), (&view, &version), &version.document, None);
    Ok((StatusCode::CREATED, Json(shape)))
}

/// Gives a version more labels; other versions lose them.
pub(super) async fn update_labels(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
    body: Result<Body<NewLabels>, Refusal>,
) -> Answer {
    let Body(new) = body?;
    let number: VersionNumber = parsed("version", &version)?;
    let labels = new.new_labels.iter().map(|label| parsed("newLabels", label));
    let labels = labels.collect::<Result<Vec<LabelName>, _>>()?;
    app.move_labels(&ctx, &name, &labels, number).await.map_err(|error| {
        let failure = Failure::from(error);
        if failure.is_absence() { Failure::not_found(&name, &format!("version {number}")) } else { failure }
    })?;
    let (view, version) = app.get_version(&ctx, &name, &Selector::Version(number)).await?;
    let shape = shapes::prompt(view.prompt.scope.project(), (&view, &version), &version.document, None);
    Ok(Json(shape))
}

/// Puts a prompt away. Versions are kept for ever, so that a single one cannot be deleted.
pub(super) async fn delete(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<StatusCode, Failure> {
    let parameters = parameters(&uri);
    if let Some(kind) = ["version", "label"].into_iter().find(|kind| find(&parameters, kind).is_some()) {
        return Err(Failure::invalid(format_args!(
            "`{kind}`: versions are kept for ever here, and a single one cannot be deleted; delete the prompt, or move its \
             labels"
        )));
    }
    let there = app.get_prompt(&ctx, &name).await?;
    if there.prompt.archived_at.is_some() {
        return Err(Failure::not_found(&name, "any version"));
    }
    let change = PromptChange { archived: Some(Archived::Yes), ..PromptChange::default() };
    app.update_prompt(&ctx, &name, change).await?;
    Ok(StatusCode::NO_CONTENT)
}
