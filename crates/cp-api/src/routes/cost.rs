//! What calls cost.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use cp_app::App;
use cp_wire::{CostQuery, CostReport, Problem};

use crate::access::InProject;
use crate::convert;
use crate::problem::Refusal;
use crate::query::money as query;

/// Report what calls cost, by token kind.
///
/// Days are those of UTC. Calls without a cost are listed apart with their tokens and the reason.
#[utoipa::path(get, path = "/cost", tag = "money", params(CostQuery), responses(
    (status = 200, body = CostReport, description = "The report"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
    (status = 413, body = Problem, content_type = "application/problem+json", description = "The report has too many rows"),
))]
pub(crate) async fn get_cost(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<CostReport>, Refusal> {
    let asked = query::cost(&uri, app.clock().now())?;
    let groups = app.sum_costs(&ctx, &asked.filter, asked.by).await?;
    Ok(Json(convert::money::cost_report(groups, asked.names)))
}
