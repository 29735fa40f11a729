//! What a label asks of a move: a role, approvals, criteria that are met.

use std::pin::Pin;
use std::sync::Arc;

use cp_base::{ProjectScope, PromptVersionId};
use cp_db::Tx;
use cp_prompt::{Criterion, CriterionWindow, Gate, Judged, LabelName, Measurements, Metric, Verdict, judge};
use cp_store::{ApprovalRule, Prompt, ProtectedLabel, Version};
use cp_traffic::StoreError;

use crate::access::{Action, Role};
use crate::act::Event;
use crate::{App, AppError, Ctx};

use super::labels::refuse_latest;

/// What is to be measured: of which calls what.
pub type Wanted = Vec<(Metric, CriterionWindow)>;

/// What was measured, once it is.
pub type Measuring = Pin<Box<dyn Future<Output = Result<Measurements, StoreError>> + Send>>;

/// Measures the calls that came of a version. What it does not know, it leaves out.
pub type Measure = Arc<dyn Fn(ProjectScope, PromptVersionId, Wanted) -> Measuring + Send + Sync>;

/// Where no call is known to have come of a version, nothing is measured.
#[must_use]
pub fn measure_nothing() -> Measure {
    Arc::new(|_, _, _| Box::pin(async { Ok(Measurements::new()) }))
}

/// What a label is to ask of a move.
#[derive(Clone, Debug, Default)]
pub struct LabelRule {
    /// The roles that may move it, or propose to where approvals are asked for.
    pub roles: Vec<Role>,
    /// How many approvals a move takes.
    pub approvals: u64,
    /// The roles that may approve; owners and admins where none is named.
    pub approvers: Vec<Role>,
    /// Whether whoever proposed a move may approve it too.
    pub by_author: bool,
    /// What it asks of the prompt's criteria.
    pub gate: Gate,
}

const MAX_APPROVALS: u64 = 10;

impl App {
    /// The labels of the project that ask something of a move.
    pub async fn list_protected_labels(&self, ctx: &Ctx) -> Result<Vec<ProtectedLabel>, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let mut tx = self.read_library(ctx).await?;
        Ok(cp_store::list_protected_labels(&mut tx, ctx.scope).await?)
    }

    /// Says what a label asks of a move, of every prompt of the project.
    pub async fn protect_label(
        &self,
        ctx: &Ctx,
        label: &LabelName,
        rule: &LabelRule,
    ) -> Result<ProtectedLabel, AppError> {
        refuse_latest(label)?;
        let protection = protection(label, rule)?;
        let mut act = self.begin(ctx, Action::ProtectLabels).await?;
        cp_store::protect_label(act.tx(), ctx.scope, &protection).await?;
        let detail = described(&protection);
        act.commit(Event::new("label.protect", label).detail(detail).after(&protection)).await?;
        Ok(protection)
    }

    /// The label asks nothing of a move any more.
    pub async fn unprotect_label(&self, ctx: &Ctx, label: &LabelName) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ProtectLabels).await?;
        if !cp_store::unprotect_label(act.tx(), ctx.scope, label).await? {
            return Err(AppError::absent(format_args!("`{label}` is not protected in this project")));
        }
        act.commit(Event::new("label.unprotect", label)).await
    }
}

fn protection(label: &LabelName, rule: &LabelRule) -> Result<ProtectedLabel, AppError> {
    let all_may = |roles: &[Role], action: Action| roles.iter().all(|role| action.roles().contains(role));
    if rule.roles.is_empty() || !all_may(&rule.roles, Action::WritePrompts) {
        return Err(AppError::invalid("name roles that may write prompts: owner, admin or editor"));
    }
    if !all_may(&rule.approvers, Action::ReviewPrompts) {
        return Err(AppError::invalid(
            "moves are approved by roles that may review prompts: owner, admin, editor or analyst",
        ));
    }
    if rule.approvals > MAX_APPROVALS {
        return Err(AppError::invalid(format_args!("a move takes {MAX_APPROVALS} approvals at most")));
    }
    if rule.approvals == 0 && (rule.by_author || !rule.approvers.is_empty()) {
        return Err(AppError::invalid(
            "who may approve is said where a move takes an approval: say how many",
        ));
    }
    let approvers = match rule.approvers.as_slice() {
        [] if rule.approvals > 0 => &[Role::Owner, Role::Admin],
        named => named,
    };
    let names = |roles: &[Role]| roles.iter().map(|role| role.as_str().to_owned()).collect();
    Ok(ProtectedLabel {
        label: label.clone(),
        roles: names(&rule.roles),
        approval: ApprovalRule {
            approvals: rule.approvals,
            roles: names(approvers),
            by_author: rule.by_author,
        },
        gate: rule.gate,
    })
}

fn described(protection: &ProtectedLabel) -> String {
    let mut text = protection.roles.join(" ");
    let approval = &protection.approval;
    if approval.approvals > 0 {
        text += &format!("; {} approvals by {}", approval.approvals, approval.roles.join(" "));
        text += if approval.by_author { ", the author's own among them" } else { "" };
    }
    if protection.gate != Gate::None {
        text += &format!("; criteria {}", protection.gate);
    }
    text
}

/// What a label asks of a move, where it asks anything.
pub(super) async fn find_rule(
    tx: &mut Tx,
    ctx: &Ctx,
    label: &LabelName,
) -> Result<Option<ProtectedLabel>, AppError> {
    let protected = cp_store::list_protected_labels(tx, ctx.scope).await?;
    Ok(protected.into_iter().find(|protected| protected.label == *label))
}

/// Whoever asks has one of the roles that may move the label, or propose to.
pub(super) fn require_role(ctx: &Ctx, rule: &ProtectedLabel) -> Result<(), AppError> {
    let held = ctx.org.roles.names();
    if rule.roles.iter().any(|role| held.contains(&role.as_str())) {
        return Ok(());
    }
    Err(AppError::protected(&rule.label, &rule.roles, &held))
}

/// Whoever asks may move the label without further ado.
pub(super) fn require_mover(ctx: &Ctx, rule: &ProtectedLabel) -> Result<(), AppError> {
    require_role(ctx, rule)?;
    if rule.approval.approvals > 0 {
        return Err(AppError::needs_approval(&rule.label, &rule.approval));
    }
    Ok(())
}

impl App {
    /// Whether a version is what the label asks of it. Where it is not and that is overridden, with why: what it failed.
    pub(super) async fn require_criteria(
        &self,
        (ctx, rule): (&Ctx, &ProtectedLabel),
        prompt: &Prompt,
        version: &Version,
        override_reason: Option<&str>,
    ) -> Result<Option<String>, AppError> {
        if rule.gate == Gate::None || prompt.details.criteria.is_empty() {
            return Ok(None);
        }
        let wanted = prompt.details.criteria.iter().filter_map(|criterion| match criterion {
            Criterion::Measured { metric, window, .. } => Some((*metric, *window)),
            Criterion::Expression { .. } => None,
        });
        let measured = (self.parts.measure)(ctx.scope, version.id, wanted.collect()).await?;
        let judged = judge(&prompt.details.criteria, &measured);
        let stopping: Vec<_> = judged.iter().filter(|judged| rule.gate.stops(judged.verdict)).collect();
        if stopping.is_empty() {
            return Ok(None);
        }
        let failed = listed(&stopping);
        match override_reason.filter(|reason| !reason.trim().is_empty()) {
            Some(_) => ctx.require(Action::ProtectLabels).map(|()| Some(failed)),
            None => Err(AppError::conflict(format_args!(
                "`{}` goes to a version of `{}` that meets its criteria, and version {} does not: {failed}. One of the \
                 roles {} may move it all the same, with an override_reason",
                rule.label,
                prompt.name,
                version.number,
                Action::ProtectLabels.roles().iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", "),
            ))),
        }
    }
}

fn listed(judged: &[&Judged]) -> String {
    let shown = judged.iter().map(|judged| match judged.verdict {
        Verdict::Fail => format!("fails {judged}"),
        Verdict::Pass | Verdict::Unmeasured => judged.to_string(),
    });
    shown.collect::<Vec<_>>().join("; ")
}
