//! Who asks.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use cp_app::{App, Ctx};

/// The context of a request: the local project, for everyone who reaches the loopback address.
pub(crate) struct Local(pub(crate) Ctx);

impl FromRequestParts<App> for Local {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(app.local()))
    }
}
