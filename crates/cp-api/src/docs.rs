//! The OpenAPI document, generated from the handlers, and its browsable form.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use cp_app::App;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::routes::{
    account, audit, calls, comments, cost, export, gateway, grants, invitations, keys, labels, members, orgs,
    policy, prices, prompts, proposals, references, retention, scores, serving, sign_in, single_sign_on,
    status, tail, teams,
};

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
        .routes(routes!(status::get_status))
        .routes(routes!(orgs::get_me))
        .routes(routes!(orgs::list_orgs, orgs::create_org))
        .routes(routes!(orgs::rename_org))
        .routes(routes!(orgs::list_projects, orgs::create_project))
        .routes(routes!(orgs::get_project, orgs::rename_project))
        .routes(routes!(keys::list_api_keys, keys::create_api_key))
        .routes(routes!(members::list_members))
        .routes(routes!(members::set_member_role, members::remove_member))
        .routes(routes!(teams::list_teams, teams::create_team))
        .routes(routes!(teams::get_team, teams::rename_team, teams::delete_team))
        .routes(routes!(teams::join_team, teams::leave_team))
        .routes(routes!(grants::list_grants))
        .routes(routes!(grants::set_grant, grants::remove_grant))
        .routes(routes!(keys::list_project_keys, keys::create_project_key))
        .routes(routes!(keys::revoke_project_key))
        .routes(routes!(keys::rotate_project_key))
        .routes(routes!(keys::revoke_api_key))
        .routes(routes!(keys::rotate_api_key))
        .routes(routes!(policy::get_capture_policy, policy::set_capture_policy))
        .routes(routes!(policy::preview_redaction))
        .routes(routes!(gateway::list_gateway_keys, gateway::create_gateway_key))
        .routes(routes!(gateway::revoke_gateway_key))
        .routes(routes!(gateway::limit_gateway_key))
        .routes(routes!(gateway::list_provider_keys))
        .routes(routes!(gateway::set_provider_key, gateway::remove_provider_key))
        .routes(routes!(gateway::list_fingerprints))
        .routes(routes!(gateway::claim_fingerprint))
        .routes(routes!(gateway::release_fingerprint))
        .routes(routes!(gateway::get_gateway_access, gateway::set_gateway_access))
        .routes(routes!(audit::list_audit_events))
        .routes(routes!(audit::export_audit_events))
        .routes(routes!(audit::get_audit_checkpoint))
        .merge(library_routes())
        .merge(sign_in_routes())
        .merge(retention_routes())
        .merge(score_routes());
    let mut api =
        OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info()).build()).nest("/api/v1", operations);
    add_what_all_share(api.get_openapi_mut());
    api
}

fn sign_in_routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(sign_in::set_up))
        .routes(routes!(sign_in::sign_in, sign_in::sign_out))
        .routes(routes!(sign_in::sign_in_for_token))
        .routes(routes!(single_sign_on::get_sso, single_sign_on::set_sso, single_sign_on::remove_sso))
        .routes(routes!(single_sign_on::check_sso))
        .routes(routes!(single_sign_on::get_second_factor_rule, single_sign_on::set_second_factor_rule))
        .routes(routes!(account::show_second_factor))
        .routes(routes!(account::get_account))
        .routes(routes!(account::sign_out_everywhere))
        .routes(routes!(account::end_session))
        .routes(routes!(account::change_password))
        .routes(routes!(account::begin_second_factor))
        .routes(routes!(account::confirm_second_factor))
        .routes(routes!(account::remove_second_factor))
        .routes(routes!(invitations::list_invitations, invitations::create_invitation))
        .routes(routes!(invitations::withdraw_invitation))
        .routes(routes!(invitations::see_invitation))
        .routes(routes!(invitations::accept_invitation))
}

/// The prompt library.
fn library_routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(prompts::list_prompts, prompts::create_prompt))
        .routes(routes!(prompts::get_prompt, prompts::update_prompt))
        .routes(routes!(prompts::list_versions, prompts::create_version))
        .routes(routes!(prompts::get_version))
        .routes(routes!(prompts::render_version))
        .routes(routes!(prompts::list_includers))
        .routes(routes!(serving::list_usage))
        .merge(OpenApiRouter::with_openapi(serving::documents()))
        .routes(routes!(labels::move_label, labels::remove_label))
        .routes(routes!(labels::roll_back_label))
        .routes(routes!(labels::list_label_moves))
        .routes(routes!(labels::list_protected_labels))
        .routes(routes!(labels::protect_label, labels::unprotect_label))
        .routes(routes!(proposals::propose_move))
        .routes(routes!(proposals::list_proposals))
        .routes(routes!(proposals::get_proposal))
        .routes(routes!(proposals::comment_on_proposal))
        .routes(routes!(proposals::approve_proposal))
        .routes(routes!(proposals::reject_proposal))
        .routes(routes!(proposals::withdraw_proposal))
        .routes(routes!(comments::create_comment))
        .routes(routes!(comments::list_comments))
        .routes(routes!(comments::update_comment))
        .routes(routes!(comments::list_mentions))
        .routes(routes!(comments::rate_version))
        .routes(routes!(comments::list_ratings))
        .routes(routes!(references::list_references, references::create_reference))
        .routes(routes!(references::delete_reference))
}

/// Retention, holds, people's rights, data keys.
fn retention_routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(retention::get_retention, retention::set_retention))
        .routes(routes!(retention::list_holds, retention::create_hold))
        .routes(routes!(retention::release_hold))
        .routes(routes!(retention::get_subject, retention::erase_subject))
        .routes(routes!(retention::get_erasure))
        .routes(routes!(retention::list_data_keys))
        .routes(routes!(retention::rotate_data_key))
}

/// What is thought of calls and prompts.
fn score_routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(scores::list_scores, scores::create_score))
        .routes(routes!(scores::get_score, scores::delete_score))
        .routes(routes!(scores::list_call_scores))
}

/// Answers that any operation can give, and that none of them says itself.
const SHARED: [(&str, &str); 6] = [
    ("401", "Nobody is known to ask: sign in, or send an API key"),
    ("403", "The role does not allow it"),
    ("404", "It does not exist, or not for whoever asks"),
    ("429", "Too many attempts with wrong credentials; try again later"),
    ("500", "A fault of the program; its log says more"),
    ("503", "The store does not answer; try again"),
];

fn add_what_all_share(document: &mut OpenApi) {
    let problem = || {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().content("application/problem+json", content)
    };
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            for (status, description) in SHARED {
                let shared = || RefOr::T(problem().description(description).build());
                operation.responses.responses.entry(status.to_owned()).or_insert_with(shared);
            }
        }
    }
}

fn info() -> utoipa::openapi::Info {
    InfoBuilder::new()
        .title("CodePromptu")
        .version("1")
        .description(Some(
            "Calls to language models, captured at the gateway. Errors are problem documents (RFC 9457).\n\n\
             Send an API key as `Authorization: Bearer cpa_…`. Where several could be meant, the header \
             `x-codepromptu-org` names the organisation and `x-codepromptu-project` the project, by id or short name.",
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
