//! Prices, calls that lack one, and pricing stored calls again.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use cp_app::App;
use cp_wire as wire;
use cp_wire::{ChangeQuery, PriceCheck, PriceQuery, PricedCallsQuery, Prices, Problem, RepriceQuery};

use crate::access::InProject;
use crate::convert;
use crate::problem::Refusal;
use crate::query::money as query;

/// List the prices that calls are priced with.
#[utoipa::path(get, path = "/prices", tag = "money", params(PriceQuery), responses(
    (status = 200, body = Prices, description = "The prices"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn list_prices(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<Prices>, Refusal> {
    let asked = query::prices(&uri, app.clock().now())?;
    Ok(Json(convert::money::prices(app.list_prices(&ctx, &asked)?)))
}

/// Name the models whose calls have no cost, though they used something.
#[utoipa::path(get, path = "/prices/check", tag = "money", params(PricedCallsQuery), responses(
    (status = 200, body = PriceCheck, description = "The models, with the reason"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn check_prices(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<PriceCheck>, Refusal> {
    let filter = query::check(&uri, app.clock().now())?;
    Ok(Json(convert::money::price_check(app.check_prices(&ctx, &filter).await?)))
}

/// Price stored calls again with the lists of now, a bounded number of them.
///
/// Go on with `next` as `after` and `repricing_id` as `repricing` until `next` is `null`. Every change is filed; doing
/// it again changes nothing.
#[utoipa::path(post, path = "/prices/reprice", tag = "money", params(PricedCallsQuery, RepriceQuery), responses(
    (status = 200, body = wire::RepriceStep, description = "What the step came to"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn reprice(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<wire::RepriceStep>, Refusal> {
    let request = query::reprice(&uri, app.clock().now())?;
    Ok(Json(convert::money::reprice_step(app.reprice(&ctx, request).await?)))
}

/// List what repricing changed, newest first.
#[utoipa::path(get, path = "/prices/changes", tag = "money", params(ChangeQuery), responses(
    (status = 200, body = wire::ChangePage, description = "A page of changes"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn list_cost_changes(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<wire::ChangePage>, Refusal> {
    let asked = query::changes(&uri)?;
    let after = asked.after.map(|after| (after.started_at, after.call));
    Ok(Json(convert::money::change_page(
        app.list_cost_changes(&ctx, asked.filter, after, asked.limit).await?,
    )))
}
