//! What prompts of different lineages have to do with each other.

use cp_base::CrossReferenceId;
use cp_prompt::{Relation, SeenRelation};
use cp_store::{CrossReference, Prompt, ReferenceTarget};

use super::find;
use crate::access::Action;
use crate::act::Event;
use crate::{App, AppError, Ctx};

/// A reference that is to be made.
#[derive(Clone, Debug)]
pub struct NewReference {
    /// What it is, as the prompt sees it.
    pub relation: SeenRelation,
    /// The other prompt: an id or a name.
    pub prompt: Option<String>,
    /// What it is to, where that is no prompt.
    pub text: Option<String>,
    /// What else is to be said of it.
    pub note: String,
}

/// A reference as a prompt sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenReference {
    /// What it is called there.
    pub relation: SeenRelation,
    /// The other end.
    pub target: ReferenceTarget,
    /// The reference.
    pub reference: CrossReference,
}

const MAX_BYTES: usize = 4_096;
/// References that are told of a prompt at most.
const MAX_REFERENCES: u64 = 1_000;

impl App {
    /// Says what a prompt has to do with another, or with something that is no prompt.
    pub async fn create_reference(
        &self,
        ctx: &Ctx,
        prompt: &str,
        new: NewReference,
    ) -> Result<SeenReference, AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        check(&new)?;
        let mut act = self.begin(ctx, Action::WritePrompts).await?;
        let ours = find(act.tx(), &sealer, ctx, prompt).await?;
        let other = match &new.prompt {
            Some(named) => Some(find(act.tx(), &sealer, ctx, named).await?),
            None => None,
        };
        let (relation, from, to) = ends(&ours, other, &new)?;
        let reference = CrossReference {
            id: self.parts.ids.mint(),
            relation,
            from,
            to,
            note: new.note,
            created_by: ctx.org.caller.name.clone(),
            created_at: self.parts.clock.now(),
        };
        if !cp_store::create_reference(act.tx(), &sealer, ctx.scope, &reference).await? {
            return Err(AppError::conflict("these two have that to do with each other already"));
        }
        act.commit(Event::new("reference.create", reference.id).detail(described(&reference))).await?;
        Ok(seen(ours.id, reference))
    }

    /// What a prompt has to do with others, from either side.
    pub async fn list_references(&self, ctx: &Ctx, prompt: &str) -> Result<Vec<SeenReference>, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.read_library(ctx).await?;
        let prompt = find(&mut tx, &sealer, ctx, prompt).await?.id;
        let place = (ctx.scope, prompt);
        let found = cp_store::list_references(&mut tx, &sealer, place, MAX_REFERENCES).await?;
        Ok(found.into_iter().map(|reference| seen(prompt, reference)).collect())
    }

    /// Takes a reference away.
    pub async fn delete_reference(&self, ctx: &Ctx, id: CrossReferenceId) -> Result<(), AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::WritePrompts).await?;
        let found = cp_store::find_reference(act.tx(), &sealer, ctx.scope, id).await?;
        let found = found.ok_or_else(|| AppError::not_found(format_args!("reference {id}")))?;
        cp_store::delete_reference(act.tx(), ctx.scope, id).await?;
        act.commit(Event::new("reference.delete", id).detail(described(&found)).before(&found)).await
    }
}

fn check(new: &NewReference) -> Result<(), AppError> {
    let texts = [Some(&new.note), new.text.as_ref()];
    if texts.into_iter().flatten().any(|text| text.len() > MAX_BYTES) {
        return Err(AppError::invalid(format_args!("a text and a note have {MAX_BYTES} bytes at most each")));
    }
    match &new.text {
        Some(text) if text.trim().is_empty() => Err(AppError::invalid("the text says nothing")),
        _ => Ok(()),
    }
}

type End = (cp_base::PromptId, cp_prompt::PromptName);

/// Where a reference begins and where it ends.
fn ends(
    ours: &Prompt,
    other: Option<Prompt>,
    new: &NewReference,
) -> Result<(Relation, End, ReferenceTarget), AppError> {
    let here = (ours.id, ours.name.clone());
    match (new.relation, other, &new.text) {
        (_, Some(other), None) if other.id == ours.id => {
            Err(AppError::invalid(format_args!("`{}` has nothing to do with itself", ours.name)))
        }
        (SeenRelation::Own(relation), Some(other), None) => {
            Ok((relation, here, ReferenceTarget::Prompt(other.id, other.name)))
        }
        (SeenRelation::Inverse(relation), Some(other), None) => {
            Ok((relation, (other.id, other.name), ReferenceTarget::Prompt(here.0, here.1)))
        }
        (SeenRelation::Own(relation), None, Some(text)) if relation.leads_out() => {
            Ok((relation, here, ReferenceTarget::Text(text.clone())))
        }
        (relation, None, Some(_)) => Err(AppError::invalid(format_args!(
            "`{relation}` is to a prompt: name it; only {} can name something else",
            leading_out()
        ))),
        (_, Some(_), Some(_)) | (_, None, None) => {
            Err(AppError::invalid("name another prompt, or give a text: one of the two"))
        }
    }
}

fn leading_out() -> String {
    let names = Relation::ALL.iter().filter(|relation| relation.leads_out());
    names.map(|relation| format!("`{relation}`")).collect::<Vec<_>>().join(" and ")
}

fn seen(prompt: cp_base::PromptId, reference: CrossReference) -> SeenReference {
    let (relation, target) = reference.seen_from(prompt);
    SeenReference { relation, target, reference }
}

/// What the audit log says: no words of people.
fn described(reference: &CrossReference) -> String {
    let to = match &reference.to {
        ReferenceTarget::Prompt(_, name) => name.as_str(),
        ReferenceTarget::Text(_) => "something else",
    };
    format!("{} {} {to}", reference.from.1, reference.relation)
}
