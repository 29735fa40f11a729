//! Requests about what people say of prompts, and what these have to do with each other.

use cp_base::{CommentId, CrossReferenceId};
use cp_wire::{
    Comment, CommentChange, CommentQuery, Comments, CrossReference, CrossReferences, NewComment,
    NewCrossReference, RateVersion, Rating, Ratings,
};
use http::Method;

use crate::client::json;
use crate::query::{self, encoded};
use crate::{Client, ClientError};

impl Client {
    /// Says something of a version.
    pub async fn create_comment(
        &self,
        prompt: &str,
        version: &str,
        new: &NewComment,
    ) -> Result<Comment, ClientError> {
        self.post_json(&of(prompt, version, "comments"), new).await
    }

    /// The comments on a prompt.
    pub async fn list_comments(&self, prompt: &str, query: &CommentQuery) -> Result<Comments, ClientError> {
        self.get_json(&format!("/api/v1/prompts/{}/comments{}", encoded(prompt), query::of(query))).await
    }

    /// Gives a comment another text or state.
    pub async fn update_comment(
        &self,
        id: CommentId,
        change: &CommentChange,
    ) -> Result<Comment, ClientError> {
        self.send_json(Method::PATCH, &format!("/api/v1/comments/{id}"), json(change)?).await
    }

    /// The comments that mention whoever asks.
    pub async fn list_mentions(&self) -> Result<Comments, ClientError> {
        self.get_json("/api/v1/mentions").await
    }

    /// Says how good whoever asks finds a version.
    pub async fn rate_version(
        &self,
        prompt: &str,
        version: &str,
        new: &RateVersion,
    ) -> Result<Rating, ClientError> {
        self.put_json(&of(prompt, version, "rating"), new).await
    }

    /// How good people find a version.
    pub async fn list_ratings(&self, prompt: &str, version: &str) -> Result<Ratings, ClientError> {
        self.get_json(&of(prompt, version, "ratings")).await
    }

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

fn of(prompt: &str, version: &str, what: &str) -> String {
    format!("/api/v1/prompts/{}/versions/{}/{what}", encoded(prompt), encoded(version))
}
