use cp_base::{IdGenerator, Random, SystemClock, kind};

use super::*;
use crate::meter::Meters;

const NOW: Timestamp = Timestamp(1_000_000_000);

struct World {
    ids: IdGenerator,
    projects: Projects,
    orgs: [OrgId; 2],
    key: String,
}

/// Organisation `one` with `open` and `shut`, organisation `two` with `open`; a gateway key of `one.shut`, and a
/// provider's key that `two.open` has claimed.
fn world() -> World {
    let ids = IdGenerator::new(Arc::new(SystemClock::default()), Arc::new(Random::seeded(1)));
    let orgs: [OrgId; 2] = [ids.mint(), ids.mint()];
    let project = |org: usize, name: &str, slug: &str, access| {
        let scope = ProjectScope::grant(orgs[org], ids.mint::<kind::Project>());
        let (org, slug) = (name.parse().unwrap(), slug.parse().unwrap());
        Arc::new(Project { scope, org, slug, access, provider_keys: HashMap::new() })
    };
    let open = project(0, "one", "open", ProjectAccess::Open);
    let shut = project(0, "one", "shut", ProjectAccess::WithKey);
    let foreign = project(1, "two", "open", ProjectAccess::Open);
    let token = Token::generate(&Random::seeded(2), GATEWAY_KEY_PREFIX);
    let id = ids.mint();
    let key = GatewayKey {
        id,
        name: "app".to_owned(),
        digest: token.digest(),
        project: shut.clone(),
        providers: BTreeSet::new(),
        expires_at: Some(Timestamp(2_000_000_000)),
        limits: Vec::new(),
        meter: Meters::new(NOW).of(id),
    };
    let claims = [([2; 16], foreign.scope.project())];
    let projects = Projects::new(vec![open, shut, foreign], orgs[0]).with_keys([key]).with_claims(claims);
    World { ids, projects, orgs, key: token.expose().to_owned() }
}

impl World {
    fn find(&self, name: Option<&str>, key: Option<&str>, fingerprint: u8) -> Result<String, Denied> {
        let caller = Caller { name, key, fingerprint: Some([fingerprint; 16]) };
        self.projects.find(caller, NOW).map(|found| found.project.full_name())
    }
}

fn unknown_project(name: &str) -> Result<String, Denied> {
    Err(Denied::UnknownProject { name: name.to_owned() })
}

#[test]
fn a_name_reaches_what_is_open() {
    let world = world();
    let id = world.projects.named("one.open").unwrap().scope.project().to_string();
    for name in ["open", "one.open", &id] {
        assert_eq!(world.find(Some(name), None, 1), Ok("one.open".to_owned()), "{name}");
    }
    assert_eq!(world.find(Some("two.open"), None, 1), Ok("two.open".to_owned()));
    for name in ["shut", "one.shut", "nothing", "", "two.shut", "two"] {
        assert_eq!(world.find(Some(name), None, 1), unknown_project(name), "shut and absent look alike");
    }
}

#[test]
fn a_gateway_key_decides_alone_and_against_other_names() {
    let world = world();
    let shut = Ok("one.shut".to_owned());
    for (name, key) in [
        (None, Some(world.key.as_str())),
        (Some(world.key.as_str()), None),
        (Some(world.key.as_str()), Some(world.key.as_str())),
        (Some("shut"), Some(world.key.as_str())),
        (Some("one.shut"), Some(world.key.as_str())),
    ] {
        assert_eq!(world.find(name, key, 2), shut);
    }
    for name in ["open", "two.open", "nothing"] {
        assert_eq!(world.find(Some(name), Some(&world.key), 1), unknown_project(name));
    }
    let other = Token::generate(&Random::seeded(3), GATEWAY_KEY_PREFIX);
    for key in [other.expose(), "cpk_", "cpk_short"] {
        assert_eq!(world.find(None, Some(key), 1), Err(Denied::UnknownKey));
        assert_eq!(world.find(Some(key), None, 1), Err(Denied::UnknownKey));
        assert_eq!(world.find(Some(key), Some(&world.key), 1), Err(Denied::UnknownKey));
    }
}

#[test]
fn an_expired_key_says_so() {
    let world = world();
    let caller = Caller { key: Some(&world.key), ..Caller::default() };
    let denied = world.projects.find(caller, Timestamp(2_000_000_000)).unwrap_err();
    assert_eq!(denied.code(), "expired_gateway_key");
}

#[test]
fn a_claim_decides_and_keeps_to_its_organisation() {
    let world = world();
    let foreign = Ok("two.open".to_owned());
    assert_eq!(world.find(None, None, 2), foreign);
    assert_eq!(world.find(Some("open"), None, 2), foreign, "a slug is one of the claimer's own");
    assert_eq!(world.find(Some("one.open"), None, 2), unknown_project("one.open"));
    assert_eq!(world.find(Some("shut"), None, 2), unknown_project("shut"));
}

#[test]
fn without_a_word_only_a_default_or_the_only_project_takes_a_call() {
    let world = world();
    assert_eq!(world.find(None, None, 1), Err(Denied::NoProject));
    let open = world.projects.named("one.open").unwrap().clone();
    let shut = world.projects.named("one.shut").unwrap().clone();
    let find =
        |projects: Projects| projects.find(Caller::default(), NOW).map(|found| found.project.full_name());
    assert_eq!(find(world.projects.clone().with_default(open.clone())), Ok("one.open".to_owned()));
    assert_eq!(find(world.projects.clone().with_default(shut.clone())), Err(Denied::KeyRequired));
    assert_eq!(find(Projects::new(vec![open], world.orgs[0])), Ok("one.open".to_owned()));
    assert_eq!(find(Projects::new(vec![shut], world.orgs[0])), Err(Denied::KeyRequired));
    assert_eq!(find(Projects::new(Vec::new(), world.ids.mint())), Err(Denied::NoProject));
}
