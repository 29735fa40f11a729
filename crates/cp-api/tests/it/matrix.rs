//! Every operation of the API, asked by everybody.
//!
//! [`OPERATIONS`] is the one table of what each takes. It has to name every operation of the OpenAPI document; the part of
//! `docs/authorization.md` that lists them is made from it.

use std::collections::BTreeSet;

use cp_app::Role;
use cp_app::access::{Action, Resource};
use cp_base::{CallId, ConversationId, OrgScope};

use crate::tenancy::Things;
use crate::world::{World, with_world};

use Access::{Known, May, Member, Open, Person};
use Action::{
    CreateOrgs, Erase, ManageGatewayKeys, ManageGrants, ManageKeys, ManageMembers, ManageOrg, ManagePolicy,
    ManageProject, ManageProjectKeys, ManageProjects, ManageRetention, ManageSignIn, ManageTeams,
    ManageVault, ProtectLabels, ReadAudit, ReadBodies, ReadCalls, ReadCost, ReadMembers, ReadOperations,
    ReadOrg, ReadProject, ReadPrompts, ReadScores, Reprice, ReviewPrompts, RotateKeys, ServePrompts,
    WritePrompts, WriteScores,
};

/// What an operation takes.
#[derive(Clone, Copy, Debug)]
enum Access {
    /// A role that may do this.
    May(Action),
    /// To belong to the organisation, with whatever role anywhere.
    Member,
    /// To be known; what is shown is one's own.
    Known,
    /// To be a person who has signed in; it is about their own account. A key has none.
    Person,
    /// Nothing but what the body holds: a password, or a link's token. Here it holds nothing, which is looked at first.
    Open,
}

/// An operation, what it takes, a body that it accepts, and the status of its success. `{n}` is another number each time.
type Operation = (&'static str, Access, &'static str, u16);

const NAMED: &str = r#"{"name":"Name {n}"}"#;

/// A prompt with one version.
const PROMPT: &str = r#"{"name":"p/_{n}","version":{"content":"x","labels":["staging","production"]}}"#;

/// Where what belongs to a prompt is found.
const LIBRARY: [&str; 4] = ["/prompts/", "/proposals/", "/comments/", "/references/"];

/// Where nobody listens: to set a provider is not to ask it.
const SSO: &str =
    r#"{"issuer":"http://127.0.0.1:9","client_id":"c","client_secret":"s","domains":["x.example"]}"#;

/// Reads that take a body.
const PREVIEW: &str = "POST /capture-policy/preview";
const RENDER: &str = "POST /prompts/{prompt}/versions/{version}/render";

const SERVE_RENDERED: &str = "POST /serve/{name}/render";

const OPERATIONS: &[Operation] = &[
    ("GET /calls", May(ReadCalls), "", 200),
    ("GET /calls/tail", May(ReadCalls), "", 200),
    ("GET /calls/export", May(ReadBodies), "", 200),
    ("GET /calls/{id}", May(ReadBodies), "", 200),
    ("GET /conversations/{id}", May(ReadCalls), "", 200),
    ("GET /cost", May(ReadCost), "", 200),
    ("GET /prices", May(ReadCost), "", 200),
    ("GET /prices/check", May(ReadCost), "", 200),
    ("POST /prices/reprice", May(Reprice), "", 200),
    ("GET /prices/changes", May(ReadCost), "", 200),
    ("GET /status", May(ReadOperations), "", 200),
    ("GET /me", Member, "", 200),
    ("GET /orgs", Known, "", 200),
    ("POST /orgs", May(CreateOrgs), r#"{"name":"Org {n}","owner":"anna@x.example"}"#, 201),
    ("PUT /org", May(ManageOrg), r#"{"name":"Default","slug":"default"}"#, 200),
    ("GET /sso", May(ManageSignIn), "", 200),
    ("PUT /sso", May(ManageSignIn), SSO, 200),
    ("DELETE /sso", May(ManageSignIn), "", 204),
    ("GET /sso/check", May(ManageSignIn), "", 200),
    ("GET /org/second-factor", May(ManageSignIn), "", 200),
    ("PUT /org/second-factor", May(ManageSignIn), r#"{"required":false}"#, 200),
    ("POST /session/second-factor", Person, r#"{"code":"1"}"#, 204),
    ("POST /setup", Open, "{}", 400),
    ("POST /session", Open, "{}", 400),
    ("POST /session/token", Open, "{}", 400),
    ("DELETE /session", Person, "", 204),
    ("GET /account", Person, "", 200),
    ("DELETE /account/sessions/{id}", Person, "", 204),
    ("DELETE /account/sessions", Person, "", 204),
    ("PUT /account/password", Person, r#"{"current":"a","new":"b"}"#, 204),
    ("POST /account/second-factor", Person, r#"{"password":"a"}"#, 200),
    ("POST /account/second-factor/confirm", Person, r#"{"code":"1"}"#, 204),
    ("POST /account/second-factor/remove", Person, r#"{"password":"a"}"#, 204),
    ("GET /invitations", May(ManageMembers), "", 200),
    ("POST /invitations", May(ManageMembers), r#"{"email":"new-{n}@x.example","role":"viewer"}"#, 201),
    ("DELETE /invitations/{id}", May(ManageMembers), "", 204),
    ("POST /invitation", Open, "{}", 400),
    ("POST /invitation/accept", Open, "{}", 400),
    ("GET /members", May(ReadMembers), "", 200),
    ("PUT /members/{member}", May(ManageMembers), r#"{"role":"editor"}"#, 200),
    ("DELETE /members/{member}", May(ManageMembers), "", 204),
    ("GET /teams", May(ReadOrg), "", 200),
    ("POST /teams", May(ManageTeams), NAMED, 201),
    ("GET /teams/{team}", May(ReadOrg), "", 200),
    ("PUT /teams/{team}", May(ManageTeams), NAMED, 200),
    ("DELETE /teams/{team}", May(ManageTeams), "", 204),
    ("PUT /teams/{team}/members/{member}", May(ManageTeams), "", 204),
    ("DELETE /teams/{team}/members/{member}", May(ManageTeams), "", 204),
    ("GET /projects", Member, "", 200),
    ("POST /projects", May(ManageProjects), NAMED, 201),
    ("GET /project", May(ReadProject), "", 200),
    ("PUT /project", May(ManageProject), r#"{"name":"Default","slug":"default"}"#, 200),
    ("GET /project/grants", May(ManageGrants), "", 200),
    ("PUT /project/grants/{holder}", May(ManageGrants), r#"{"role":"editor"}"#, 200),
    ("DELETE /project/grants/{holder}", May(ManageGrants), "", 204),
    ("GET /project/keys", May(ManageProjectKeys), "", 200),
    ("POST /project/keys", May(ManageProjectKeys), r#"{"name":"k","role":"viewer"}"#, 201),
    ("DELETE /project/keys/{id}", May(ManageProjectKeys), "", 204),
    ("POST /project/keys/{id}/rotate", May(ManageProjectKeys), "{}", 201),
    ("GET /keys", May(ManageKeys), "", 200),
    ("POST /keys", May(ManageKeys), r#"{"name":"k","role":"viewer"}"#, 201),
    ("DELETE /keys/{id}", May(ManageKeys), "", 204),
    ("POST /keys/{id}/rotate", May(ManageKeys), "{}", 201),
    ("GET /capture-policy", May(ReadProject), "", 200),
    ("PUT /capture-policy", May(ManagePolicy), r#"{"policy":{}}"#, 200),
    (PREVIEW, May(ManagePolicy), r#"{"text":"x"}"#, 200),
    ("GET /gateway-keys", May(ManageGatewayKeys), "", 200),
    ("POST /gateway-keys", May(ManageGatewayKeys), r#"{"name":"k"}"#, 201),
    ("DELETE /gateway-keys/{id}", May(ManageGatewayKeys), "", 204),
    ("PUT /gateway-keys/{id}/limits", May(ManageGatewayKeys), r#"{"limits":[]}"#, 200),
    ("GET /provider-keys", May(ManageVault), "", 200),
    ("PUT /provider-keys/{provider}", May(ManageVault), r#"{"key":"sk-{n}"}"#, 200),
    ("DELETE /provider-keys/{provider}", May(ManageVault), "", 204),
    ("GET /fingerprints", May(ManageGatewayKeys), "", 200),
    ("POST /fingerprints/claim", May(ManageGatewayKeys), r#"{"key":"sk-claimed-{n}"}"#, 200),
    ("DELETE /fingerprints/{fingerprint}", May(ManageGatewayKeys), "", 204),
    ("GET /gateway-access", May(ReadProject), "", 200),
    ("PUT /gateway-access", May(ManageGatewayKeys), r#"{"access":"open"}"#, 200),
    ("GET /prompts", May(ReadPrompts), "", 200),
    ("POST /prompts", May(WritePrompts), r#"{"name":"a/{n}","version":{"content":"x"}}"#, 201),
    ("GET /prompts/{prompt}", May(ReadPrompts), "", 200),
    ("PATCH /prompts/{prompt}", May(WritePrompts), r#"{"details":{"purpose":"{n}"}}"#, 200),
    ("GET /prompts/{prompt}/versions", May(ReadPrompts), "", 200),
    ("POST /prompts/{prompt}/versions", May(WritePrompts), r#"{"content":"{n}"}"#, 201),
    ("GET /prompts/{prompt}/versions/{version}", May(ReadPrompts), "", 200),
    (RENDER, May(ReadPrompts), "{}", 200),
    ("GET /prompts/{prompt}/includers", May(ReadPrompts), "", 200),
    ("GET /prompts/{prompt}/usage", May(ReadPrompts), "", 200),
    ("GET /serve/{name}", May(ServePrompts), "", 200),
    ("GET /changes", May(ServePrompts), "", 200),
    (SERVE_RENDERED, May(ServePrompts), "{}", 200),
    ("PUT /prompts/{prompt}/labels/{label}", May(WritePrompts), r#"{"version":1}"#, 200),
    ("DELETE /prompts/{prompt}/labels/{label}", May(WritePrompts), "", 204),
    ("POST /prompts/{prompt}/labels/{label}/rollback", May(WritePrompts), "{}", 200),
    ("GET /prompts/{prompt}/label-moves", May(ReadPrompts), "", 200),
    ("GET /protected-labels", May(ReadPrompts), "", 200),
    ("PUT /protected-labels/{label}", May(ProtectLabels), r#"{"roles":["owner"]}"#, 200),
    ("DELETE /protected-labels/{label}", May(ProtectLabels), "", 204),
    ("GET /scores", May(ReadScores), "", 200),
    ("POST /scores", May(WriteScores), r#"{"name":"n","value":1,"trace_id":"t-{n}"}"#, 201),
    ("GET /scores/{id}", May(ReadScores), "", 200),
    ("DELETE /scores/{id}", May(WriteScores), "", 204),
    ("GET /calls/{id}/scores", May(ReadScores), "", 200),
    ("POST /prompts/{prompt}/labels/{label}/proposals", May(WritePrompts), r#"{"version":1}"#, 201),
    ("GET /proposals", May(ReadPrompts), "", 200),
    ("GET /proposals/{id}", May(ReadPrompts), "", 200),
    ("POST /proposals/{id}/comments", May(ReviewPrompts), r#"{"text":"x"}"#, 200),
    ("POST /proposals/{id}/approve", May(ReviewPrompts), "{}", 200),
    ("POST /proposals/{id}/reject", May(ReviewPrompts), "{}", 200),
    ("POST /proposals/{id}/withdraw", May(WritePrompts), "{}", 200),
    ("POST /prompts/{prompt}/versions/{version}/comments", May(ReviewPrompts), r#"{"text":"x"}"#, 201),
    ("GET /prompts/{prompt}/comments", May(ReadPrompts), "", 200),
    ("PATCH /comments/{id}", May(ReviewPrompts), r#"{"state":"resolved"}"#, 200),
    ("GET /mentions", May(ReadPrompts), "", 200),
    ("PUT /prompts/{prompt}/versions/{version}/rating", May(ReviewPrompts), r#"{"stars":4}"#, 200),
    ("GET /prompts/{prompt}/versions/{version}/ratings", May(ReadPrompts), "", 200),
    ("GET /prompts/{prompt}/references", May(ReadPrompts), "", 200),
    ("POST /prompts/{prompt}/references", May(WritePrompts), r#"{"relation":"incident","text":"x"}"#, 201),
    ("DELETE /references/{id}", May(WritePrompts), "", 204),
    ("GET /retention", May(ReadProject), "", 200),
    ("PUT /retention", May(ManageRetention), r#"{"bodies_days":30}"#, 200),
    ("GET /holds", May(ManageRetention), "", 200),
    ("POST /holds", May(ManageRetention), r#"{"user":"held-{n}","reason":"r"}"#, 201),
    ("DELETE /holds/{id}", May(ManageRetention), "", 204),
    ("GET /subjects/{user}", May(Erase), "", 200),
    ("DELETE /subjects/{user}", May(Erase), "", 202),
    ("GET /erasures/{id}", May(Erase), "", 200),
    ("GET /data-keys", May(RotateKeys), "", 200),
    ("POST /data-keys/rotate", May(RotateKeys), "", 200),
    ("GET /audit", May(ReadAudit), "", 200),
    ("GET /audit/export", May(ReadAudit), "", 200),
    ("GET /audit/checkpoint", May(ReadAudit), "", 200),
];

/// Somebody who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    /// With this role in the organisation.
    InOrg(Role),
    /// With this role in the project alone.
    InProject(Role),
    /// Of the organisation, without a role.
    WithoutRole,
    /// An admin of another project.
    InAnotherProject,
    /// An owner of another organisation.
    InAnotherOrg,
    /// Without a credential, or with one that has ended.
    Nobody,
}

impl Asker {
    /// The status that an operation is answered with.
    fn expects(self, (_, access, _, success): &Operation) -> u16 {
        let may = |action: Action, role| if action.roles().contains(&role) { *success } else { 403 };
        match (self, *access) {
            (_, Open) => *success,
            (Self::Nobody, _) => 401,
            (_, Person) => 403,
            (_, Known) => *success,
            (Self::InAnotherOrg, _) => 404,
            (_, Member) => *success,
            (Self::InOrg(role), May(action)) => may(action, role),
            (_, May(action)) if action.resource() == Resource::Organisation => 403,
            (Self::InProject(role), May(action)) => may(action, role),
            (Self::WithoutRole | Self::InAnotherProject, May(_)) => 404,
        }
    }
}

/// Everybody, with the headers of their requests.
async fn everybody(world: &World) -> Vec<(Asker, Vec<(&'static str, String)>)> {
    let scope = world.scope.org_scope();
    let with = |key: String| vec![("authorization", key)];
    let mut all = Vec::new();
    for role in Role::ALL {
        all.push((Asker::InOrg(role), with(world.key(scope, None, role).await)));
        all.push((Asker::InProject(role), with(world.key(scope, Some(world.scope), role).await)));
    }
    all.push((Asker::WithoutRole, with(world.key_without_role().await)));
    let mut stray = with(world.key(scope, Some(world.another_project().await), Role::Admin).await);
    stray.push(("x-codepromptu-project", "default".to_owned()));
    all.push((Asker::InAnotherProject, stray));
    let theirs = world.another_org("theirs").await;
    let mut foreign = with(world.key(theirs.org_scope(), None, Role::Owner).await);
    foreign.push(("x-codepromptu-org", "default".to_owned()));
    all.push((Asker::InAnotherOrg, foreign));
    all.push((Asker::Nobody, Vec::new()));
    all.extend(world.ended_keys().await.map(|key| (Asker::Nobody, with(key))));
    all
}

/// What the path of an operation names and only the API makes.
async fn made(world: &World, operation: &Operation, owner: &str, number: usize) -> Option<String> {
    let (method, path, json, pointer) = match operation.0.split_once(' ').unwrap() {
        (_, path) if path.starts_with("/gateway-keys/") => {
            ("POST", "/gateway-keys", r#"{"name":"k"}"#, "/key/id")
        }
        ("GET" | "DELETE", "/sso" | "/sso/check") => ("PUT", "/sso", SSO, "/issuer"),
        (_, path) if path.starts_with("/holds/") => {
            ("POST", "/holds", r#"{"user":"held","reason":"r"}"#, "/id")
        }
        (_, path) if path.starts_with("/scores/") => {
            ("POST", "/scores", r#"{"name":"n","value":1,"session_id":"s-{n}"}"#, "/id")
        }
        (_, path) if path.starts_with("/erasures/") => ("DELETE", "/subjects/erased-{n}", "", "/id"),
        ("DELETE", "/provider-keys/{provider}") => {
            ("PUT", "/provider-keys/openai", r#"{"key":"sk-{n}"}"#, "/provider")
        }
        ("DELETE", "/fingerprints/{fingerprint}") => {
            ("POST", "/fingerprints/claim", r#"{"key":"sk-given-up-{n}"}"#, "/fingerprint")
        }
        (_, path) if LIBRARY.iter().any(|folder| path.starts_with(folder)) => {
            ("POST", "/prompts", PROMPT, "/prompt/id")
        }
        (_, path) if path.starts_with("/serve/") => ("POST", "/prompts", PROMPT, "/prompt/name"),
        ("DELETE", "/protected-labels/{label}") => {
            ("PUT", "/protected-labels/guarded", r#"{"roles":["owner"]}"#, "/label")
        }
        _ => return None,
    };
    let path = format!("/api/v1{}", numbered(path, number));
    let (status, answer) =
        world.ask(method, &path, &[("authorization", owner)], &numbered(json, number)).await;
    assert!(status < 300, "{path}: {answer}");
    if let Some(id) = answer.pointer("/prompt/id") {
        // Its label has been at two versions, so that it can go back to the first.
        let path = format!("/api/v1/prompts/{}/versions", id.as_str().unwrap());
        let json = r#"{"content":"y","labels":["staging"]}"#;
        let (status, answer) = world.ask("POST", &path, &[("authorization", owner)], json).await;
        assert_eq!(status, 201, "{path}: {answer}");
        if let Some(said) = said(world, operation.0, owner, id.as_str().unwrap()).await {
            return Some(said);
        }
    }
    Some(answer.pointer(pointer).unwrap().as_str().unwrap().to_owned())
}

/// What is said of a prompt, where the operation is about such a thing: a proposal that everybody who may review may
/// decide, a comment, or a reference.
async fn said(world: &World, operation: &str, owner: &str, prompt: &str) -> Option<String> {
    let headers = [("authorization", owner)];
    let (path, json, pointer) = match operation.split_once(" /").unwrap().1 {
        path if path.starts_with("proposals/") => {
            let all = r#"{"roles":["owner"],"approvals":1,"approvers":["owner","admin","editor","analyst"]}"#;
            let (status, answer) = world.ask("PUT", "/api/v1/protected-labels/reviewed", &headers, all).await;
            assert_eq!(status, 200, "{answer}");
            ("labels/reviewed/proposals", r#"{"version":1}"#, "/proposal/id")
        }
        path if path.starts_with("comments/") => ("versions/1/comments", r#"{"text":"x"}"#, "/id"),
        path if path.starts_with("references/") => {
            ("references", r#"{"relation":"incident","text":"x"}"#, "/id")
        }
        _ => return None,
    };
    let path = format!("/api/v1/prompts/{prompt}/{path}");
    let (status, answer) = world.ask("POST", &path, &headers, json).await;
    assert_eq!(status, 201, "{path}: {answer}");
    Some(answer.pointer(pointer).unwrap().as_str().unwrap().to_owned())
}

/// The method, and the path with the things named in it.
fn addressed(
    operation: &Operation,
    (things, made): (&Things, &str),
    call: CallId,
    conversation: ConversationId,
) -> (&'static str, String) {
    let (method, path) = operation.0.split_once(' ').unwrap();
    let id = match path {
        _ if path.starts_with("/calls/") => call.to_string(),
        _ if path.starts_with("/conversations/") => conversation.to_string(),
        _ if path.starts_with("/invitations/") => things.invitation.to_string(),
        _ if path.starts_with("/account/sessions/") => call.to_string().replace("call_", "ses_"),
        _ if path.starts_with("/project/keys/") => things.project_key.to_string(),
        _ if made.is_empty() => things.key.to_string(),
        _ => made.to_owned(),
    };
    let path = path.replace("{fingerprint}", made);
    let member = things.member.to_string();
    let path = path.replace("{id}", &id).replace("{team}", &things.team.to_string());
    let path = path.replace("{provider}", "openai").replace("{user}", &things.email);
    let prompt = if made.is_empty() { "p" } else { made };
    let label = if path.starts_with("/protected") { "guarded" } else { "staging" };
    let path = path
        .replace("{prompt}", prompt)
        .replace("{name}", prompt)
        .replace("{version}", "1")
        .replace("{label}", label);
    (method, format!("/api/v1{}", path.replace("{member}", &member).replace("{holder}", &member)))
}

fn numbered(json: &str, number: usize) -> String {
    json.replace("{n}", &number.to_string())
}

/// Asks everything as those who pass, and compares with the table. What succeeds and is no mere read has to leave an event
/// in the chain; what is refused leaves nothing.
async fn check(world: World, passes: impl Fn(Asker) -> bool) {
    let scope = world.scope.org_scope();
    world.member(scope, "anna@x.example", Some(Role::Owner)).await;
    let (call, conversation) = a_call(&world).await;
    let owner = world.key(scope, None, Role::Owner).await;
    let mut number = 0;
    for (asker, headers) in everybody(&world).await.into_iter().filter(|(asker, _)| passes(*asker)) {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // A credential that has ended is refused wherever one is looked at, also where none is needed.
        let has_ended = asker == Asker::Nobody && !headers.is_empty();
        for operation in OPERATIONS.iter().filter(|operation| !(has_ended && matches!(operation.1, Open))) {
            number += 1;
            let things = world.things(world.scope).await;
            let made = made(&world, operation, &owner, number).await.unwrap_or_default();
            let (method, path) = addressed(operation, (&things, &made), call, conversation);
            let before = world.events(scope).await;
            let json = numbered(operation.2, number);
            let (status, answer) = world.ask(method, &path, &headers, &json).await;
            let expected = asker.expects(operation);
            assert_eq!(status, expected, "{asker:?} {}: {answer}", operation.0);
            let events = world.events(scope).await - before;
            if method != "GET" && ![PREVIEW, RENDER, SERVE_RENDERED].contains(&operation.0) {
                assert_eq!(events > 0, expected < 300, "{asker:?} {}: {events} events", operation.0);
            }
        }
    }
    assert!(number > 0);
}

/// A call in a conversation.
pub(crate) async fn a_call(world: &World) -> (CallId, ConversationId) {
    let mut call = world.call();
    let conversation = world.ids.mint();
    call.summary.conversation = Some(conversation);
    (world.store(vec![call]).await.remove(0).call, conversation)
}

#[test]
fn roles_in_the_organisation_open_what_the_table_says() {
    with_world(async |world| check(world, |asker| matches!(asker, Asker::InOrg(_))).await);
}

#[test]
fn roles_in_the_project_open_what_the_table_says() {
    with_world(async |world| check(world, |asker| matches!(asker, Asker::InProject(_))).await);
}

#[test]
fn nothing_is_open_to_anybody_else() {
    let has_no_role = |asker| !matches!(asker, Asker::InOrg(_) | Asker::InProject(_));
    with_world(async |world| check(world, has_no_role).await);
}

#[test]
fn what_is_another_s_looks_like_what_is_not_there() {
    with_world(async |world| {
        let (call, conversation) = a_call(&world).await;
        let theirs = world.another_org("theirs").await;
        let key = world.key(theirs.org_scope(), None, Role::Owner).await;
        let ours = world.things(world.scope).await;
        let absent = Things {
            key: world.ids.mint(),
            project_key: world.ids.mint(),
            invitation: world.ids.mint(),
            team: world.ids.mint(),
            member: world.ids.mint(),
            email: "nobody@x.example".to_owned(),
        };
        let (no_call, no_conversation) = (world.ids.mint(), world.ids.mint());
        // In their own project, which is asked for by name: there are keys of theirs, and not these.
        let headers = [("authorization", key.as_str()), ("x-codepromptu-project", "another")];
        let by_id = |operation, made: &str| {
            let foreign = addressed(operation, (&ours, made), call, conversation);
            (foreign, addressed(operation, (&absent, &another(made)), no_call, no_conversation).1)
        };
        let by_name = |operation: &Operation, email: &str| {
            operation.0.contains("{member}").then(|| {
                let (method, path) = operation.0.split_once(' ').unwrap();
                let path = path.replace("{team}", "red").replace("{member}", email);
                (method, format!("/api/v1{path}"))
            })
        };
        let mut asked = 0;
        let owner = world.key(world.scope.org_scope(), None, Role::Owner).await;
        let of_tenants = |operation: &&Operation| {
            operation.0.contains('{') && !is_of_everybody(operation) && matches!(operation.1, May(_))
        };
        for (number, operation) in OPERATIONS.iter().filter(of_tenants).enumerate() {
            let made = made(&world, operation, &owner, number).await.unwrap_or_default();
            let mut pairs = vec![by_id(operation, &made)];
            if let (Some(one), Some((_, other))) =
                (by_name(operation, &ours.email), by_name(operation, &absent.email))
            {
                pairs.push((one, other));
            }
            for ((method, foreign), absent) in pairs {
                let json = numbered(operation.2, 1);
                let (status, one) = world.ask(method, &foreign, &headers, &json).await;
                assert_eq!(status, 404, "{foreign}: {one}");
                let (_, other) = world.ask(method, &absent, &headers, &json).await;
                assert_eq!(without(&one, &foreign), without(&other, &absent));
                asked += 1;
            }
        }
        assert!(asked > 10);
        for (header, foreign, absent) in [
            ("x-codepromptu-org", world.scope.org().to_string(), world.ids.mint::<OrgKind>().to_string()),
            ("x-codepromptu-org", "default".to_owned(), "nowhere".to_owned()),
            (
                "x-codepromptu-project",
                world.scope.project().to_string(),
                world.ids.mint::<ProjectKind>().to_string(),
            ),
        ] {
            let ask = async |name: &str| {
                let headers = [("authorization", key.as_str()), (header, name)];
                let (status, answer) = world.ask("GET", "/api/v1/project", &headers, "").await;
                (status, answer.to_string().replace(name, "…"))
            };
            let one = ask(&foreign).await;
            assert_eq!((one.0, &one), (404, &ask(&absent).await));
        }
    });
}

type OrgKind = cp_base::kind::Org;
type ProjectKind = cp_base::kind::Project;

/// Whether the path names something that every project has: a provider, a label, or an end user of whom there may be nothing.
fn is_of_everybody(operation: &Operation) -> bool {
    operation.0.contains("/protected-labels/")
        || operation.0.contains("{provider}")
        || operation.0.contains("{user}")
}

/// Another name of the same form.
fn another(name: &str) -> String {
    let last = if name.ends_with('0') { "1" } else { "0" };
    name.get(..name.len().saturating_sub(1)).unwrap_or_default().to_owned()
        + if name.is_empty() { "" } else { last }
}

/// An answer without the names that were in the path.
fn without(answer: &serde_json::Value, path: &str) -> String {
    let names = path.split('/').filter(|part| part.contains(['_', '@']) || part.len() == 32);
    names.fold(answer.to_string(), |text, name| text.replace(name, "…"))
}

#[test]
fn an_id_of_another_kind_names_nothing() {
    with_world(async |world| {
        let scope = world.scope.org_scope();
        world.member(scope, "anna@x.example", Some(Role::Owner)).await;
        let key = world.key(scope, None, Role::Owner).await;
        let (call, _) = a_call(&world).await;
        let things = world.things(world.scope).await;
        let others = [
            call.to_string(),
            scope.org().to_string(),
            world.scope.project().to_string(),
            things.key.to_string().replace("key_", "KEY_"),
            format!("{}0", things.team),
            "..".to_owned(),
            "%2e%2e%2fkeys".to_owned(),
            "%00".to_owned(),
        ];
        let before = world.events(scope).await;
        let named = |operation: &&Operation| operation.0.contains('{') && !is_of_everybody(operation);
        for operation in OPERATIONS.iter().filter(named) {
            let (method, path) = operation.0.split_once(' ').unwrap();
            for other in others
                .iter()
                .filter(|other| !(path.starts_with("/calls/{id}") && **other == call.to_string()))
            {
                let named = ["{id}", "{team}", "{member}", "{holder}", "{fingerprint}"];
                let path = named.iter().fold(path.to_owned(), |path, name| path.replace(name, other));
                let json = numbered(operation.2, 1);
                let path = format!("/api/v1{path}");
                let (status, answer) = world.ask(method, &path, &[("authorization", &key)], &json).await;
                assert!(matches!(status, 400 | 404), "{method} {path}: {status} {answer}");
            }
        }
        assert_eq!(world.events(scope).await, before);
    });
}

#[test]
fn a_field_that_nobody_asked_for_is_refused() {
    with_world(async |world| {
        let scope = world.scope.org_scope();
        world.member(scope, "anna@x.example", Some(Role::Owner)).await;
        let key = world.key(scope, None, Role::Owner).await;
        let (call, conversation) = a_call(&world).await;
        let things = world.things(world.scope).await;
        let before = world.events(scope).await;
        for operation in OPERATIONS.iter().filter(|operation| !operation.2.is_empty()) {
            for field in ["id", "org_id", "project_id", "created_by", "roles", "digest", "__proto__"] {
                let mut json: serde_json::Value = serde_json::from_str(operation.2).unwrap();
                json.as_object_mut().unwrap().insert(field.to_owned(), "x".into());
                let (method, path) = addressed(operation, (&things, ""), call, conversation);
                let headers = [("authorization", key.as_str())];
                let (status, answer) = world.ask(method, &path, &headers, &json.to_string()).await;
                assert_eq!(status, 400, "{method} {path} {json}: {answer}");
                assert!(answer["detail"].as_str().unwrap().contains(field), "{answer}");
            }
        }
        assert_eq!(world.events(scope).await, before);
    });
}

#[test]
fn every_operation_is_in_the_matrix() {
    let document: serde_json::Value = serde_json::from_str(&cp_api::openapi_json()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.strip_prefix("/api/v1").unwrap();
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let listed: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.0.to_owned()).collect();
    assert_eq!(listed.len(), OPERATIONS.len(), "one is there twice");
    assert_eq!(documented, listed);
}

#[test]
fn the_document_is_the_table() {
    let mut text = cp_app::access::table();
    text += "\n## Operations\n\n| Operation | What it takes |\n| --- | --- |\n";
    for (name, access, ..) in OPERATIONS {
        let takes = match access {
            May(action) => format!("`{action:?}`"),
            Member => "to belong to the organisation".to_owned(),
            Known => "to be known".to_owned(),
            Person => "to be signed in; it is about one's own account".to_owned(),
            Open => "nothing but what the body holds".to_owned(),
        };
        text += &format!("| `{name}` | {takes} |\n");
    }
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/authorization.md");
    #[expect(clippy::disallowed_methods, reason = "as insta has it: the document is a snapshot")]
    if std::env::var_os("INSTA_UPDATE").is_some() {
        std::fs::write(document, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(document).unwrap_or_default(), text);
}

/// What the organisation of a request is, where it does not say.
#[test]
fn an_organisation_is_made_in_the_first_one_only() {
    with_world(async |world| {
        let ours: OrgScope = world.scope.org_scope();
        world.member(ours, "anna@x.example", Some(Role::Owner)).await;
        let theirs = world.another_org("theirs").await;
        let foreign = world.key(theirs.org_scope(), None, Role::Owner).await;
        let json = r#"{"name":"Third","owner":"anna@x.example"}"#;
        let made = world.ask("POST", "/api/v1/orgs", &[("authorization", &foreign)], json).await;
        assert_eq!(made.0, 403, "{}", made.1);
        let key = world.key(ours, None, Role::Owner).await;
        let headers = [("authorization", key.as_str())];
        let unowned = world.ask("POST", "/api/v1/orgs", &headers, r#"{"name":"Third"}"#).await;
        assert_eq!(unowned.0, 400, "{}", unowned.1);
        let (status, made) = world.ask("POST", "/api/v1/orgs", &headers, json).await;
        assert_eq!((status, made["org"]["slug"].as_str()), (201, Some("third")));
        assert_eq!(made["project"]["slug"].as_str(), Some("default"));
        assert_eq!(world.ask("POST", "/api/v1/orgs", &headers, json).await.0, 409);
        // Its chain begins with its making, and its owner is in it.
        let third = OrgScope::grant(made["org"]["id"].as_str().unwrap().parse().unwrap());
        assert_eq!(world.events(third).await, 1);
        let mut tx = world.tx().await;
        let members = cp_store::list_members(&mut tx, third).await.unwrap();
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].role.as_deref(), Some("owner"));
    });
}
