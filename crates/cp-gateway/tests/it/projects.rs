//! Whose call it is, which key the provider gets, and what a gateway key may use.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cp_base::{
    GatewayKeyId, IdGenerator, Limit, MasterKey, Measure, Origin, ProjectAccess, ProjectId, ProjectScope,
    Random, Secret, Settled, Spend, SystemClock, Timestamp, Token, Window, kind,
};
use cp_gateway::{GATEWAY_KEY_PREFIX, GatewayKey, Meters, Project, Projects};

use crate::rig::{Provider, Rig, Settings, Step, response, text};

/// What the vault of `one.shut` holds for every provider.
const LENT: &str = "sk-lent";
/// A client's own key, which `two.open` has claimed.
const CLAIMED: &str = "sk-claimed";

/// Organisation `one` with `open` and `shut`, organisation `two` with `open`; a gateway key of `one.shut`.
struct World {
    projects: Projects,
    open: ProjectId,
    shut: ProjectId,
    foreign: ProjectId,
    meters: Meters,
    key_id: GatewayKeyId,
    key: String,
}

fn world(limits: &[Limit]) -> World {
    let ids = IdGenerator::new(Arc::new(SystemClock::default()), Arc::new(Random::seeded(1)));
    let orgs = [ids.mint(), ids.mint()];
    let providers = ["openai", "anthropic", "gemini"];
    let vault: HashMap<_, _> =
        providers.map(|provider| (provider.to_owned(), Secret::new(LENT.to_owned()))).into();
    let project = |org: usize, slug: &str, access, provider_keys| {
        let scope = ProjectScope::grant(orgs[org], ids.mint::<kind::Project>());
        let (org, slug) = (["one", "two"][org].parse().unwrap(), slug.parse().unwrap());
        Arc::new(Project { scope, org, slug, access, provider_keys })
    };
    let open = project(0, "open", ProjectAccess::Open, HashMap::new());
    let shut = project(0, "shut", ProjectAccess::WithKey, vault);
    let foreign = project(1, "open", ProjectAccess::Open, HashMap::new());
    let [open_id, shut_id, foreign_id] = [&open, &shut, &foreign].map(|project| project.scope.project());
    let (token, meters) =
        (Token::generate(&Random::seeded(2), GATEWAY_KEY_PREFIX), Meters::new(Timestamp(0)));
    let id = ids.mint();
    let key = GatewayKey {
        id,
        name: "app".to_owned(),
        digest: token.digest(),
        project: shut.clone(),
        providers: BTreeSet::from(["openai", "anthropic", "gemini", "ollama"].map(str::to_owned)),
        expires_at: None,
        limits: limits.to_vec(),
        meter: meters.of(id),
    };
    let claim = (MasterKey::new([7; 32]).fingerprint_key().fingerprint(CLAIMED.as_bytes()), foreign_id);
    let projects = Projects::new(vec![open, shut, foreign], orgs[0]).with_keys([key]).with_claims([claim]);
    let key = token.expose().to_owned();
    World { projects, open: open_id, shut: shut_id, foreign: foreign_id, meters, key_id: id, key }
}

async fn rig(world: &World, provider: &Provider) -> Rig {
    Rig::with(provider.port, Settings { projects: Some(world.projects.clone()), ..Settings::default() }).await
}

async fn answering() -> Provider {
    Provider::play(vec![Step::Send(response(b"{}"))]).await
}

fn post(path: &str, headers: &str) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n{headers}");
    format!("{head}Content-Length: 2\r\n\r\n{{}}").into_bytes()
}

/// Sends one call and returns the project that it was captured in, and what the provider got.
async fn passed(world: &World, path: &str, headers: &str) -> (ProjectId, String) {
    let mut provider = answering().await;
    let rig = rig(world, &provider).await;
    let answer = text(&rig.exchange(&post(path, headers)).await);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (opening, closing) = rig.only_call().await;
    assert_eq!(opening, closing.opening);
    assert_eq!(opening.path, "/v1/x", "what named the project is no part of the provider's path");
    let seen = provider.wait_for(|seen| seen.requests.len() == 1).await;
    (opening.project, text(&seen.requests[0]))
}

#[tokio::test]
async fn a_call_is_captured_in_the_project_that_it_names() {
    let world = world(&[]);
    let claimed = format!("Authorization: Bearer {CLAIMED}\r\n");
    for (path, headers, project) in [
        ("/p/open/openai/v1/x", "", world.open),
        ("/p/two.open/openai/v1/x", "x-codepromptu-project: open\r\n", world.foreign),
        ("/openai/v1/x", "x-codepromptu-project: open\r\n", world.open),
        (&format!("/p/{}/openai/v1/x", world.open), "", world.open),
        (&format!("/p/{}/openai/v1/x", world.key), "", world.shut),
        ("/openai/v1/x", &claimed, world.foreign),
        ("/p/open/openai/v1/x", &claimed, world.foreign),
    ] {
        let (captured, request) = passed(&world, path, headers).await;
        assert_eq!(captured, project, "{path} {headers}");
        let request = request.to_lowercase();
        assert!(request.starts_with("post /v1/x http/1.1"), "{request}");
        assert!(!request.contains("codepromptu") && !request.contains("cpk_"), "{request}");
    }
}

#[tokio::test]
async fn the_provider_gets_the_key_of_the_vault_and_never_a_gateway_key() {
    let world = world(&[]);
    let key = &world.key;
    for (path, header, sent) in [
        ("/openai/v1/x", format!("Authorization: Bearer {key}\r\n"), "Authorization: Bearer sk-lent\r\n"),
        ("/openai/v1/x", format!("api-key: {key}\r\n"), "api-key: sk-lent\r\n"),
        ("/anthropic/v1/x", format!("x-api-key: {key}\r\n"), "x-api-key: sk-lent\r\n"),
        ("/gemini/v1/x", format!("x-goog-api-key: {key}\r\n"), "x-goog-api-key: sk-lent\r\n"),
        (
            "/p/shut/openai/v1/x",
            format!("Authorization: Bearer {key}\r\n"),
            "Authorization: Bearer sk-lent\r\n",
        ),
    ] {
        let (project, request) = passed(&world, path, &header).await;
        assert_eq!(project, world.shut);
        assert!(request.contains(&sent.to_lowercase()) || request.contains(sent), "{request}");
        assert!(!request.contains("cpk_"), "{request}");
    }
    let (_, request) = passed(&world, &format!("/gemini/v1/x?alt=sse&key={key}"), "").await;
    assert!(request.starts_with("POST /v1/x?alt=sse&key=sk-lent HTTP/1.1\r\n"), "{request}");
    let (_, request) = passed(&world, "/ollama/v1/x", &format!("Authorization: Bearer {key}\r\n")).await;
    assert!(!request.to_lowercase().contains("authorization"), "there is no key to lend: {request}");
    let named = format!("/p/{key}/anthropic/v1/x");
    let (_, request) = passed(&world, &named, "x-api-key: sk-own\r\n").await;
    assert!(request.contains("sk-own") && !request.contains(LENT), "who brings a key keeps it: {request}");
    let (_, request) = passed(&world, &named, "").await;
    assert!(request.contains("x-api-key: sk-lent\r\n"), "{request}");
}

#[tokio::test]
async fn a_websocket_brings_its_key_in_the_subprotocol() {
    const SWITCHING: &[u8] =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let world = world(&[]);
    let mut provider = Provider::play(vec![Step::Send(SWITCHING.to_vec()), Step::Close]).await;
    let rig = rig(&world, &provider).await;
    let upgrade = format!(
        "GET /openai/v1/realtime HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.{}\r\n\r\n",
        world.key
    );
    let answer = text(&rig.exchange(upgrade.as_bytes()).await);
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    let seen = provider.wait_for(|seen| seen.requests.len() == 1).await;
    let request = text(&seen.requests[0]);
    assert!(request.contains("realtime, openai-insecure-api-key.sk-lent\r\n"), "{request}");
    assert_eq!(rig.only_call().await.0.project, world.shut);
}

#[tokio::test]
async fn a_refusal_is_in_the_providers_shape_and_says_what_to_do() {
    let world = world(&[]);
    let mut provider = answering().await;
    let rig = rig(&world, &provider).await;
    let other = Token::generate(&Random::seeded(3), GATEWAY_KEY_PREFIX);
    let unknown = format!("Authorization: Bearer {}\r\n", other.expose());
    let own = format!("Authorization: Bearer {}\r\n", world.key);
    let shapes = [
        ("openai", "\"param\":null"),
        ("anthropic", "\"type\":\"error\""),
        ("gemini", "\"details\":["),
        ("ollama", "{\"error\":\""),
    ];
    for (family, shape) in shapes {
        for (project, headers, status, code, fix) in [
            ("", "", 400, "project_not_named", "/p/PROJECT"),
            ("/p/nothing", "", 404, "unknown_project", "nothing"),
            ("/p/shut", "", 404, "unknown_project", "shut"),
            ("/p/open", own.as_str(), 404, "unknown_project", "open"),
            ("", &unknown, 401, "unknown_gateway_key", "gateway-key list"),
        ] {
            let answer = text(&rig.exchange(&post(&format!("{project}/{family}/v1/x"), headers)).await);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{project} {headers} {answer}");
            assert!(answer.contains(&format!("codepromptu-error: {code}\r\n")), "{answer}");
            assert!(answer.contains(shape) && answer.contains(fix), "{answer}");
        }
    }
    assert!(provider.seen.borrow_and_update().requests.is_empty(), "no provider heard of any of them");
}

/// The answer without what differs between any two calls.
fn without_ids(answer: &str) -> String {
    let kept = |line: &&str| !line.starts_with("codepromptu-") && !line.starts_with("date:");
    answer.lines().filter(kept).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn absent_shut_and_foreign_projects_look_alike() {
    let world = world(&[]);
    let provider = answering().await;
    let rig = rig(&world, &provider).await;
    let claimed = format!("Authorization: Bearer {CLAIMED}\r\n");
    let mut answers = BTreeSet::new();
    for (path, headers) in [
        ("/p/shut/openai/v1/x", ""),
        ("/p/none/openai/v1/x", ""),
        ("/p/shut/openai/v1/x", claimed.as_str()),
        ("/p/none/openai/v1/x", &claimed),
    ] {
        let answer = text(&rig.exchange(&post(path, headers)).await);
        answers.insert(without_ids(&answer).replace("`shut`", "`none`"));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn what_a_key_may_not_use_is_refused() {
    let world = world(&[]);
    let provider = answering().await;
    let rig = rig(&world, &provider).await;
    let key = format!("Authorization: Bearer {}\r\n", world.key);
    rig.gateway.set_projects(Arc::new(limited(&world)));
    let answer = text(&rig.exchange(&post("/anthropic/v1/x", &key)).await);
    assert!(answer.contains("codepromptu-error: provider_not_allowed\r\n"), "{answer}");
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("it is for openai"), "{answer}");
    let answer = text(&rig.exchange(&post("/openai/v1/x", &key)).await);
    assert!(answer.contains("codepromptu-error: no_provider_key\r\n"), "{answer}");
    assert!(answer.contains("provider-key set openai"), "{answer}");
}

/// The world with a vault that is empty, and a key for one provider only.
fn limited(world: &World) -> Projects {
    let shut = world.projects.get(world.shut).unwrap();
    let (org, slug) = (shut.org.clone(), shut.slug.clone());
    let empty = Arc::new(Project {
        scope: shut.scope,
        org,
        slug,
        access: shut.access,
        provider_keys: HashMap::new(),
    });
    let token = Token::parse(&world.key, GATEWAY_KEY_PREFIX).unwrap();
    let key = GatewayKey {
        id: world.key_id,
        name: "app".to_owned(),
        digest: token.digest(),
        project: empty.clone(),
        providers: BTreeSet::from(["openai".to_owned()]),
        expires_at: None,
        limits: Vec::new(),
        meter: world.meters.of(world.key_id),
    };
    Projects::new(vec![empty], shut.scope.org()).with_keys([key])
}

fn limit(measure: Measure, amount: u64) -> Limit {
    Limit { measure, window: Window::Month, amount }
}

#[tokio::test]
async fn over_its_limit_a_key_is_refused_before_the_provider_is_asked() {
    for (family, header, told) in [
        ("openai", "Authorization: Bearer ", "x-ratelimit-limit-requests: 1\r\n"),
        ("anthropic", "x-api-key: ", "anthropic-ratelimit-requests-limit: 1\r\n"),
        ("gemini", "x-goog-api-key: ", "RESOURCE_EXHAUSTED"),
        ("ollama", "Authorization: Bearer ", "has used up its limit of 1 requests a month"),
    ] {
        let world = world(&[limit(Measure::Requests, 1)]);
        let mut provider = answering().await;
        let rig = rig(&world, &provider).await;
        let call = post(&format!("/{family}/v1/x"), &format!("{header}{}\r\n", world.key));
        assert!(text(&rig.exchange(&call).await).starts_with("HTTP/1.1 200 "));
        let answer = text(&rig.exchange(&call).await);
        assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains(told), "{answer}");
        assert!(answer.contains("retry-after: ") && answer.contains("x-should-retry: false\r\n"), "{answer}");
        assert!(answer.contains("codepromptu-error: limit_reached\r\n"), "{answer}");
        assert!(answer.contains("`app`") && answer.contains("it begins anew at 20"), "{answer}");
        rig.only_call().await;
        assert_eq!(provider.seen.borrow_and_update().requests.len(), 1);
    }
}

#[tokio::test]
async fn calls_under_way_count_until_they_are_settled() {
    // One call may use 1,000 tokens and a quarter of its bytes: three of them fill 2,500.
    let world = world(&[limit(Measure::Tokens, 2_500)]);
    let provider = answering().await;
    let rig = rig(&world, &provider).await;
    let call = post("/openai/v1/x", &format!("Authorization: Bearer {}\r\n", world.key));
    let calls = (0..12).map(|_| rig.exchange(&call));
    let answers = futures_util::future::join_all(calls).await;
    let passed = answers.iter().filter(|answer| answer.starts_with(b"HTTP/1.1 200 ")).count();
    assert_eq!(passed, 3, "the limit, and less than one call over it");
    let closings = |records: &[cp_capture::Record]| {
        records
            .iter()
            .filter_map(|record| match record {
                cp_capture::Record::Closing(closing) => Some(closing.opening.clone()),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    let records = rig.records(|records| closings(records).len() == 3).await;
    let settled: Vec<_> = closings(&records)
        .into_iter()
        .map(|opening| Settled {
            key: opening.gateway_key.unwrap(),
            call: opening.call,
            started_at: opening.started_at,
            spend: Spend { requests: 1, tokens: 10, usd_nanos: 1 },
            origin: Origin::Exchange,
        })
        .collect();
    world.meters.settle(&settled);
    let used = world.meters.used(world.key_id, Window::Month, settled[0].started_at);
    assert_eq!(used, Spend { requests: 3, tokens: 30, usd_nanos: 3 });
    assert!(text(&rig.exchange(&call).await).starts_with("HTTP/1.1 200 "), "there is room again");
}

#[tokio::test]
async fn unclaimed_keys_are_noted_with_where_their_calls_went() {
    let world = world(&[]);
    let provider = answering().await;
    let rig = rig(&world, &provider).await;
    let fingerprint = |key: &str| MasterKey::new([7; 32]).fingerprint_key().fingerprint(key.as_bytes());
    let bearer = |key: &str| format!("Authorization: Bearer {key}\r\n");
    for (path, key) in [
        ("/p/open/openai/v1/x", "sk-1"),
        ("/p/open/openai/v1/x", "sk-1"),
        ("/openai/v1/x", "sk-2"),
        ("/openai/v1/x", CLAIMED),
        ("/openai/v1/x", &world.key),
    ] {
        rig.exchange(&post(path, &bearer(key))).await;
    }
    let mut seen = rig.gateway.take_sightings();
    seen.sort_by_key(|seen| std::cmp::Reverse(seen.calls));
    let told: Vec<_> = seen
        .iter()
        .map(|seen| (seen.fingerprint, seen.project.map(ProjectScope::project), seen.calls))
        .collect();
    assert_eq!(told, [(fingerprint("sk-1"), Some(world.open), 2), (fingerprint("sk-2"), None, 1)]);
    assert!(rig.gateway.take_sightings().is_empty());
}
