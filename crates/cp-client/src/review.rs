//! Requests about what labels ask of a move, and proposals to move one.

use cp_base::ProposalId;
use cp_wire::{
    Approval, Decision, ProposalComment, ProposalDetail, ProposalQuery, Proposals, ProposeMove, ProtectLabel,
    ProtectedLabel, ProtectedLabels,
};

use crate::query::{self, encoded};
use crate::{Client, ClientError};

impl Client {
    /// The labels that ask something of a move.
    pub async fn list_protected_labels(&self) -> Result<ProtectedLabels, ClientError> {
        self.get_json("/api/v1/protected-labels").await
    }

    /// Says what a label asks of a move.
    pub async fn protect_label(
        &self,
        label: &str,
        rule: &ProtectLabel,
    ) -> Result<ProtectedLabel, ClientError> {
        self.put_json(&format!("/api/v1/protected-labels/{}", encoded(label)), rule).await
    }

    /// Lets whoever may write prompts move a label again.
    pub async fn unprotect_label(&self, label: &str) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/protected-labels/{}", encoded(label))).await
    }

    /// Proposes to move a label of a prompt.
    pub async fn propose_move(
        &self,
        prompt: &str,
        label: &str,
        to: &ProposeMove,
    ) -> Result<ProposalDetail, ClientError> {
        let (prompt, label) = (encoded(prompt), encoded(label));
        self.post_json(&format!("/api/v1/prompts/{prompt}/labels/{label}/proposals"), to).await
    }

    /// Proposals, newest first.
    pub async fn list_proposals(&self, query: &ProposalQuery) -> Result<Proposals, ClientError> {
        self.get_json(&format!("/api/v1/proposals{}", query::of(query))).await
    }

    /// A proposal, with what was said of it.
    pub async fn get_proposal(&self, id: ProposalId) -> Result<ProposalDetail, ClientError> {
        self.get_json(&of(id, "")).await
    }

    /// Says something of a proposal.
    pub async fn comment_on_proposal(
        &self,
        id: ProposalId,
        comment: &ProposalComment,
    ) -> Result<ProposalDetail, ClientError> {
        self.post_json(&of(id, "/comments"), comment).await
    }

    /// Approves a proposal; the last approval moves the label.
    pub async fn approve_proposal(
        &self,
        id: ProposalId,
        approval: &Approval,
    ) -> Result<ProposalDetail, ClientError> {
        self.post_json(&of(id, "/approve"), approval).await
    }

    /// Rejects a proposal.
    pub async fn reject_proposal(
        &self,
        id: ProposalId,
        why: &Decision,
    ) -> Result<ProposalDetail, ClientError> {
        self.post_json(&of(id, "/reject"), why).await
    }

    /// Takes a proposal back.
    pub async fn withdraw_proposal(
        &self,
        id: ProposalId,
        why: &Decision,
    ) -> Result<ProposalDetail, ClientError> {
        self.post_json(&of(id, "/withdraw"), why).await
    }
}

fn of(id: ProposalId, rest: &str) -> String {
    format!("/api/v1/proposals/{id}{rest}")
}
