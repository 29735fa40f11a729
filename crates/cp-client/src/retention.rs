//! Retention, holds, people's rights, data keys.

use bytes::Bytes;
use cp_base::{ErasureId, LegalHoldId};
use cp_wire::{DataKeys, Erasure, Hold, Holds, NewHold, RetentionPolicy, RotationStep, Subject};
use http::Method;

use crate::{Client, ClientError, query};

impl Client {
    /// How long the project keeps what.
    pub async fn get_retention(&self) -> Result<RetentionPolicy, ClientError> {
        self.get_json("/api/v1/retention").await
    }

    /// Changes how long the project keeps what.
    pub async fn set_retention(&self, policy: &RetentionPolicy) -> Result<RetentionPolicy, ClientError> {
        self.put_json("/api/v1/retention", policy).await
    }

    /// The legal holds in force.
    pub async fn list_holds(&self) -> Result<Holds, ClientError> {
        self.get_json("/api/v1/holds").await
    }

    /// Places a legal hold.
    pub async fn create_hold(&self, new: &NewHold) -> Result<Hold, ClientError> {
        self.post_json("/api/v1/holds", new).await
    }

    /// Releases a legal hold.
    pub async fn release_hold(&self, hold: LegalHoldId) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/holds/{hold}")).await
    }

    /// What there is of an end user.
    pub async fn get_subject(&self, user: &str) -> Result<Subject, ClientError> {
        self.get_json(&format!("/api/v1/subjects/{}", query::encoded(user))).await
    }

    /// Has everything of an end user erased.
    pub async fn erase_subject(&self, user: &str) -> Result<Erasure, ClientError> {
        let path = format!("/api/v1/subjects/{}", query::encoded(user));
        self.send_json(Method::DELETE, &path, Bytes::new()).await
    }

    /// One erasure, with its certificate once it is done.
    pub async fn get_erasure(&self, erasure: ErasureId) -> Result<Erasure, ClientError> {
        self.get_json(&format!("/api/v1/erasures/{erasure}")).await
    }

    /// The keys that the project's data is sealed with.
    pub async fn list_data_keys(&self) -> Result<DataKeys, ClientError> {
        self.get_json("/api/v1/data-keys").await
    }

    /// The next step of a rotation; the first where none is under way.
    pub async fn rotate_data_key(&self) -> Result<RotationStep, ClientError> {
        self.send_json(Method::POST, "/api/v1/data-keys/rotate", Bytes::new()).await
    }
}
