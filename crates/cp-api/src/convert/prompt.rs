//! Prompts, between the wire and the library.

use std::collections::BTreeMap;

use cp_app::library::{
    Archived, Content, DetailsChange, Document, Edge, LabelName, ModelConfig, NewPrompt, PromptChange,
    PromptName, PromptPage, PromptView, RenderedVersion, SavedVersion, Status, Syntax, VersionDraft,
    VersionNumber,
};
use cp_app::model::{Includer, LabelMove, PromptVersion};
use cp_base::{ErrorKind, hex};
use cp_wire as wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Refusal;

/// A value of one side as the other's type: both have the same JSON.
pub(crate) fn through<T: DeserializeOwned>(value: &impl Serialize, what: &str) -> Result<T, Refusal> {
    let value = serde_json::to_value(value).and_then(serde_json::from_value);
    value.map_err(|error| invalid(format_args!("{what}: {error}")))
}

pub(crate) fn invalid(what: impl std::fmt::Display) -> Refusal {
    Refusal::new(ErrorKind::InvalidInput, what.to_string())
}

/// A text that means something.
pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(invalid)
}

pub(crate) fn number(number: i64) -> Result<VersionNumber, Refusal> {
    VersionNumber::try_from(number).map_err(invalid)
}

pub(crate) fn prompt(view: PromptView) -> Result<wire::Prompt, Refusal> {
    let labels = labels(&view);
    let prompt = view.prompt;
    Ok(wire::Prompt {
        id: prompt.id,
        name: prompt.name.to_string(),
        kind: prompt.kind.to_string(),
        status: prompt.status.to_string(),
        team: prompt.team,
        description: prompt.details.description,
        purpose: prompt.details.purpose,
        models: prompt.details.models,
        variables: through(&prompt.details.variables, "variables")?,
        criteria: through(&prompt.details.criteria, "criteria")?,
        metadata: prompt.details.metadata,
        tags: prompt.tags,
        labels,
        latest: prompt.latest,
        forked_from: prompt.forked_from,
        revision: prompt.revision,
        created_by: prompt.created_by,
        created_at: prompt.created_at,
        updated_at: prompt.updated_at,
        archived_at: prompt.archived_at,
    })
}

fn labels(view: &PromptView) -> BTreeMap<String, i64> {
    let own = view.labels.iter().map(|label| (label.name.to_string(), i64::from(label.version.get())));
    let latest = (view.prompt.latest > 0).then(|| (LabelName::latest().to_string(), view.prompt.latest));
    own.chain(latest).collect()
}

pub(crate) fn page(page: PromptPage) -> Result<wire::PromptPage, Refusal> {
    Ok(wire::PromptPage {
        prompts: page.prompts.into_iter().map(prompt).collect::<Result<_, _>>()?,
        next: page.next.map(|name| name.to_string()),
    })
}

pub(crate) fn version(view: &PromptView, version: PromptVersion) -> wire::PromptVersion {
    let number = i64::from(version.number.get());
    let labels = labels(view).into_iter().filter(|(_, at)| *at == number).map(|(label, _)| label).collect();
    wire::PromptVersion {
        id: version.id,
        prompt: view.prompt.name.to_string(),
        number,
        labels,
        digest: hex(&version.document.digest()),
        syntax: version.document.syntax.to_string(),
        content: version.document.content.into(),
        config: version.document.config.as_map().clone(),
        message: version.message,
        parent: version.parent,
        merged: version.merged,
        created_by: version.created_by,
        created_at: version.created_at,
    }
}

pub(crate) fn saved((view, saved): (PromptView, SavedVersion)) -> Result<wire::SavedPrompt, Refusal> {
    let version = version(&view, saved.version);
    Ok(wire::SavedPrompt { prompt: prompt(view)?, version, is_new: saved.is_new })
}

pub(crate) fn draft(new: wire::NewPromptVersion) -> Result<VersionDraft, Refusal> {
    let content = Content::try_from(new.content).map_err(invalid)?;
    let syntax = new.syntax.as_deref().map_or(Ok(Syntax::default()), parsed)?;
    let labels = new.labels.iter().map(|label| parsed(label)).collect::<Result<_, _>>()?;
    Ok(VersionDraft {
        document: Document { syntax, content, config: ModelConfig::from(new.config) },
        message: new.message,
        parent: new.parent.map(number).transpose()?,
        labels,
    })
}

pub(crate) fn new_prompt(new: wire::NewPrompt) -> Result<NewPrompt, Refusal> {
    let wire::PromptDetails { status, team, tags, .. } = &new.details;
    Ok(NewPrompt {
        name: parsed(&new.name)?,
        status: status.as_deref().map_or(Ok(Status::default()), parsed)?,
        team: team.clone().filter(|team| !team.is_empty()),
        tags: tags.clone().unwrap_or_default(),
        details: details(&new.details)?,
        version: draft(new.version)?,
    })
}

fn details(new: &wire::PromptDetails) -> Result<DetailsChange, Refusal> {
    Ok(DetailsChange {
        description: new.description.clone(),
        purpose: new.purpose.clone(),
        models: new.models.clone(),
        variables: new.variables.as_ref().map(|variables| through(variables, "variables")).transpose()?,
        criteria: new.criteria.as_ref().map(|criteria| through(criteria, "criteria")).transpose()?,
        metadata: new.metadata.clone(),
    })
}

pub(crate) fn change(change: wire::PromptChange) -> Result<PromptChange, Refusal> {
    let new = &change.details;
    Ok(PromptChange {
        revision: change.revision,
        name: change.name.as_deref().map(parsed::<PromptName>).transpose()?,
        status: new.status.as_deref().map(parsed).transpose()?,
        team: new.team.clone(),
        tags: new.tags.clone(),
        archived: change.archived.map(|archived| if archived { Archived::Yes } else { Archived::No }),
        details: details(new)?,
    })
}

pub(crate) fn label_move(moved: LabelMove) -> wire::LabelMove {
    let number = |version: VersionNumber| i64::from(version.get());
    wire::LabelMove {
        label: moved.label.to_string(),
        revision: moved.revision,
        from: moved.from.map(number),
        to: moved.to.map(number),
        reason: moved.reason,
        proposal: moved.proposal,
        moved_by: moved.moved_by,
        moved_at: moved.moved_at,
    }
}

pub(crate) fn rendered(found: RenderedVersion) -> Result<wire::RenderedPrompt, Refusal> {
    Ok(wire::RenderedPrompt {
        prompt: found.view.prompt.name.to_string(),
        version: i64::from(found.version.number.get()),
        rendered: through(&found.rendered, "rendered")?,
        config: found.version.document.config.as_map().clone(),
        included: found.resolution.graph.into_iter().map(included).collect(),
    })
}

fn included(edge: Edge) -> wire::IncludedPrompt {
    wire::IncludedPrompt {
        from: edge.from.map(|(name, number)| format!("{name}#{number}")),
        reference: edge.reference.to_string(),
        version: i64::from(edge.version.get()),
    }
}

pub(crate) fn includer(includer: Includer) -> wire::Includer {
    wire::Includer {
        id: includer.prompt,
        name: includer.name.to_string(),
        version: i64::from(includer.number.get()),
        includes: includer.selector,
    }
}
