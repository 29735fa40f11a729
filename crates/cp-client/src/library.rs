//! Requests about the prompt library.

use cp_wire::{
    Includers, LabelMoves, MoveLabel, NewPrompt, NewPromptVersion, Prompt, PromptChange, PromptPage,
    PromptQuery, PromptVersion, PromptVersions, Reason, RenderPrompt, RenderedPrompt, SavedPrompt,
    VersionQuery,
};

use http::Method;

use crate::client::json;
use crate::query::{self, encoded};
use crate::{Client, ClientError};

impl Client {
    /// A page of prompts, by name.
    pub async fn list_prompts(&self, query: &PromptQuery) -> Result<PromptPage, ClientError> {
        self.get_json(&format!("/api/v1/prompts{}", query::of(query))).await
    }

    /// Makes a prompt, with its first version.
    pub async fn create_prompt(&self, new: &NewPrompt) -> Result<SavedPrompt, ClientError> {
        self.post_json("/api/v1/prompts", new).await
    }

    /// A prompt, named by id or name.
    pub async fn get_prompt(&self, prompt: &str) -> Result<Prompt, ClientError> {
        self.get_json(&of(prompt, "")).await
    }

    /// Changes what is said of a prompt, its name, or whether it is in use.
    pub async fn update_prompt(&self, prompt: &str, change: &PromptChange) -> Result<Prompt, ClientError> {
        self.send_json(Method::PATCH, &of(prompt, ""), json(change)?).await
    }

    /// A page of a prompt's versions, newest first.
    pub async fn list_versions(
        &self,
        prompt: &str,
        query: &VersionQuery,
    ) -> Result<PromptVersions, ClientError> {
        self.get_json(&of(prompt, &format!("/versions{}", query::of(query)))).await
    }

    /// Saves a version of a prompt.
    pub async fn create_version(
        &self,
        prompt: &str,
        new: &NewPromptVersion,
    ) -> Result<SavedPrompt, ClientError> {
        self.post_json(&of(prompt, "/versions"), new).await
    }

    /// A version of a prompt, by its number or a label.
    pub async fn get_version(&self, prompt: &str, version: &str) -> Result<PromptVersion, ClientError> {
        self.get_json(&of(prompt, &format!("/versions/{}", encoded(version)))).await
    }

    /// What a version of a prompt says with values in it.
    pub async fn render_version(
        &self,
        prompt: &str,
        version: &str,
        values: &RenderPrompt,
    ) -> Result<RenderedPrompt, ClientError> {
        self.post_json(&of(prompt, &format!("/versions/{}/render", encoded(version))), values).await
    }

    /// Moves a label of a prompt.
    pub async fn move_label(&self, prompt: &str, label: &str, to: &MoveLabel) -> Result<Prompt, ClientError> {
        self.put_json(&of(prompt, &format!("/labels/{}", encoded(label))), to).await
    }

    /// Takes a label of a prompt away.
    pub async fn remove_label(&self, prompt: &str, label: &str) -> Result<(), ClientError> {
        self.delete(&of(prompt, &format!("/labels/{}", encoded(label)))).await
    }

    /// Moves a label back to where it was.
    pub async fn roll_back_label(
        &self,
        prompt: &str,
        label: &str,
        why: &Reason,
    ) -> Result<Prompt, ClientError> {
        self.post_json(&of(prompt, &format!("/labels/{}/rollback", encoded(label))), why).await
    }

    /// Where a prompt's labels have been.
    pub async fn list_label_moves(&self, prompt: &str) -> Result<LabelMoves, ClientError> {
        self.get_json(&of(prompt, "/label-moves")).await
    }

    /// Who includes a prompt.
    pub async fn list_includers(&self, prompt: &str) -> Result<Includers, ClientError> {
        self.get_json(&of(prompt, "/includers")).await
    }
}

fn of(prompt: &str, rest: &str) -> String {
    format!("/api/v1/prompts/{}{rest}", encoded(prompt))
}
