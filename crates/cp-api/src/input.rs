//! What a request brings: ids in its path, JSON in its body.

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Json, Request};
use cp_base::{ErrorKind, Id, Kind};
use serde::de::DeserializeOwned;

use crate::problem::Refusal;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::BytesRejection(_)) => Err(Refusal::new(
                ErrorKind::TooLarge,
                "the body is larger than an operation here takes, or broke off",
            )),
            Err(error) => {
                Err(Refusal::new(ErrorKind::InvalidInput, format!("the body: {}", error.body_text())))
            }
        }
    }
}

/// An id from the path.
pub(crate) fn read_id<K: Kind>(text: &str) -> Result<Id<K>, Refusal> {
    text.parse().map_err(|error| Refusal::new(ErrorKind::InvalidInput, format!("{error}")))
}
