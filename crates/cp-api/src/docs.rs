//! The OpenAPI document, generated from the handlers, and its browsable form.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use cp_app::App;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::routes::{calls, cost, export, prices, status, tail};

const PATH: &str = "/api/v1/openapi.json";

/// Every operation of the REST API, with its handler.
pub(crate) fn api() -> OpenApiRouter<App> {
    let operations = OpenApiRouter::default()
        .routes(routes!(calls::list_calls))
        .routes(routes!(tail::tail_calls))
        .routes(routes!(export::export_calls))
        .routes(routes!(calls::get_call))
        .routes(routes!(calls::get_conversation))
        .routes(routes!(cost::get_cost))
        .routes(routes!(prices::list_prices))
        .routes(routes!(prices::check_prices))
        .routes(routes!(prices::reprice))
        .routes(routes!(prices::list_cost_changes))
        .routes(routes!(status::get_status));
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info()).build()).nest("/api/v1", operations)
}

fn info() -> utoipa::openapi::Info {
    InfoBuilder::new()
        .title("CodePromptu")
        .version("1")
        .description(Some(
            "Calls to language models, captured at the gateway. Errors are problem documents (RFC 9457).",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build()
}

/// The document and its browsable form, from the program's own files.
pub(crate) fn router(openapi: OpenApi) -> Router {
    let json = render(&openapi);
    let config = Config::from(PATH).validator_url("none").try_it_out_enabled(true);
    Router::new()
        .route(PATH, get(async move || ([(header::CONTENT_TYPE, "application/json")], json.clone())))
        .merge(SwaggerUi::new("/docs").config(config))
}

pub(crate) fn render(openapi: &OpenApi) -> String {
    openapi.to_pretty_json().unwrap_or_default() + "\n"
}
