//! Requests about what prompts have to do with each other.

use cp_base::CrossReferenceId;
use cp_wire::{CrossReference, CrossReferences, NewCrossReference};

use crate::query::encoded;
use crate::{Client, ClientError};

impl Client {
    /// What a prompt has to do with others.
    pub async fn list_references(&self, prompt: &str) -> Result<CrossReferences, ClientError> {
        self.get_json(&format!("/api/v1/prompts/{}/references", encoded(prompt))).await
    }

    /// Says what a prompt has to do with another.
    pub async fn create_reference(
        &self,
        prompt: &str,
        new: &NewCrossReference,
    ) -> Result<CrossReference, ClientError> {
        self.post_json(&format!("/api/v1/prompts/{}/references", encoded(prompt)), new).await
    }

    /// Takes a reference away.
    pub async fn delete_reference(&self, id: CrossReferenceId) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/references/{id}")).await
    }
}
