//! The vault, gateway keys, claims, and all of it as the gateway reads it.

use std::collections::HashMap;
use std::time::Duration;

use cp_base::{
    Clock, DataKeys, Limit, MasterKey, Measure, ProjectAccess, ProjectId, ProjectScope, Secret, Timestamp,
    Token, UnsealError, Window,
};
use cp_db::Tx;
use cp_store::{Claim, GatewayKey, ProviderKey, SeenFingerprint};
use cp_testkit::db_test;

use crate::world::{Tenant, World};

const LIMIT: Limit = Limit { measure: Measure::Usd, window: Window::Month, amount: 5_000_000_000 };

/// Two organisations, of which the installation began with the first.
async fn tenants(world: &World) -> [Tenant; 2] {
    let mut tx = world.tx().await;
    let tenants = [world.tenant(&mut tx, "one").await, world.tenant(&mut tx, "two").await];
    tx.commit().await.unwrap();
    let begin = "INSERT INTO installation (singleton, default_project_id)
                 SELECT 1, p.project_id FROM projects p JOIN orgs o ON o.org_id = p.org_id WHERE o.slug = 'one'";
    world.test.change(begin).await;
    tenants
}

fn gateway_key(world: &World, scope: ProjectScope) -> (GatewayKey, Token) {
    let token = Token::generate(&world.random, "cpk_");
    let key = GatewayKey {
        scope,
        id: world.ids.mint(),
        name: "app".to_owned(),
        shown: token.shown().to_owned(),
        providers: vec!["anthropic".to_owned(), "openai".to_owned()],
        limits: vec![LIMIT],
        created_by: "ada".to_owned(),
        created_at: world.clock.now(),
        expires_at: Some(Timestamp(i64::MAX)),
        last_used_at: None,
        revoked_at: None,
    };
    (key, token)
}

fn provider_key(world: &World, scope: ProjectScope, label: &str) -> ProviderKey {
    ProviderKey {
        scope,
        id: world.ids.mint(),
        provider: "openai".to_owned(),
        label: label.to_owned(),
        fingerprint: [5; 16],
        created_by: "ada".to_owned(),
        created_at: world.clock.now(),
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn data_keys(world: &World) -> DataKeys {
    MasterKey::new([3; 32]).new_data_key(&world.random, b"").0.into()
}

async fn revision(tx: &mut Tx) -> i64 {
    cp_store::find_gateway_revision(tx).await.unwrap()
}

fn seen(fingerprint: u8, at: Timestamp) -> SeenFingerprint {
    let (fingerprint, provider) = ([fingerprint; 16], "openai".to_owned());
    SeenFingerprint { fingerprint, provider, project: None, first_at: at, last_at: at, calls: 2 }
}

db_test! {
    async fn a_gateway_key_comes_back_and_ends(test: TestDb) {
        let world = World::new(test).await;
        let [one, two] = tenants(&world).await;
        let mut tx = world.tx().await;
        let (ours, theirs) = (one.project.scope, two.project.scope);
        let (key, token) = gateway_key(&world, ours);
        cp_store::create_gateway_key(&mut tx, &key, &token).await.unwrap();
        assert_eq!(cp_store::list_gateway_keys(&mut tx, ours).await.unwrap(), std::slice::from_ref(&key));
        assert_eq!(cp_store::find_gateway_key(&mut tx, ours, key.id).await.unwrap().as_ref(), Some(&key));

        let now = world.clock.now();
        assert!(cp_store::list_gateway_keys(&mut tx, theirs).await.unwrap().is_empty());
        assert_eq!(cp_store::find_gateway_key(&mut tx, theirs, key.id).await.unwrap(), None);
        assert!(!cp_store::set_gateway_key_limits(&mut tx, theirs, key.id, &[]).await.unwrap());
        assert!(!cp_store::revoke_gateway_key(&mut tx, theirs, key.id, now).await.unwrap());

        let limit = Limit { measure: Measure::Requests, window: Window::Minute, amount: 9 };
        assert!(cp_store::set_gateway_key_limits(&mut tx, ours, key.id, &[limit]).await.unwrap());
        cp_store::touch_gateway_keys(&mut tx, &[(key.id, now), (key.id, now.before(Duration::from_secs(9)))]).await.unwrap();
        let found = cp_store::find_gateway_key(&mut tx, ours, key.id).await.unwrap().unwrap();
        assert_eq!((found.limits, found.last_used_at), (vec![limit], Some(now)));

        assert!(cp_store::revoke_gateway_key(&mut tx, ours, key.id, now).await.unwrap());
        assert!(!cp_store::revoke_gateway_key(&mut tx, ours, key.id, now).await.unwrap(), "it ended before");
        let found = cp_store::find_gateway_key(&mut tx, ours, key.id).await.unwrap().unwrap();
        assert_eq!(found.revoked_at, Some(now));
    }

    async fn the_vault_opens_for_the_gateway_alone(test: TestDb) {
        let world = World::new(test).await;
        let [scope, foreign] = tenants(&world).await.map(|tenant| tenant.project.scope);
        let mut tx = world.tx().await;
        let ours = data_keys(&world);
        for (label, text) in [("old", "sk-old"), ("new", "sk-new")] {
            let key = provider_key(&world, scope, label);
            cp_store::set_provider_key(&mut tx, &key, &secret(text), (&ours, &world.random)).await.unwrap();
        }
        let listed = cp_store::list_provider_keys(&mut tx, scope).await.unwrap();
        assert_eq!((listed.len(), listed[0].label.as_str()), (1, "new"), "one of a provider is in use");
        assert!(cp_store::list_provider_keys(&mut tx, foreign).await.unwrap().is_empty());
        assert!(!cp_store::remove_provider_key(&mut tx, foreign, "openai").await.unwrap());

        let right: HashMap<ProjectId, DataKeys> = [(scope.project(), ours)].into();
        let read = cp_store::read_gateway(&mut tx, &right).await.unwrap();
        assert_eq!(read.provider_keys[0].secret.as_ref().unwrap().expose(), "sk-new");
        let wrong = [(scope.project(), data_keys(&world))].into();
        let read = cp_store::read_gateway(&mut tx, &wrong).await.unwrap();
        assert!(matches!(read.provider_keys[0].secret, Err(UnsealError::WrongKey { .. })));

        assert!(cp_store::remove_provider_key(&mut tx, scope, "openai").await.unwrap());
        assert!(cp_store::list_provider_keys(&mut tx, scope).await.unwrap().is_empty());
    }

    async fn a_fingerprint_is_claimed_once_in_the_installation(test: TestDb) {
        let world = World::new(test).await;
        let [ours, theirs] = tenants(&world).await.map(|tenant| tenant.project.scope);
        let mut tx = world.tx().await;
        let claim = |scope| Claim { scope, fingerprint: [1; 16], claimed_by: "ada".to_owned(), claimed_at: Timestamp(1) };
        assert!(cp_store::claim_fingerprint(&mut tx, &claim(ours)).await.unwrap());
        assert!(!cp_store::claim_fingerprint(&mut tx, &claim(theirs)).await.unwrap());
        assert_eq!(cp_store::list_claims(&mut tx, ours).await.unwrap(), [claim(ours)]);
        assert!(cp_store::list_claims(&mut tx, theirs).await.unwrap().is_empty());
        assert!(!cp_store::release_fingerprint(&mut tx, theirs, [1; 16]).await.unwrap());
        assert!(cp_store::release_fingerprint(&mut tx, ours, [1; 16]).await.unwrap());
        assert!(cp_store::claim_fingerprint(&mut tx, &claim(theirs)).await.unwrap());
    }

    async fn what_came_to_a_project_is_seen_by_it_alone(test: TestDb) {
        let world = World::new(test).await;
        let [one, two] = tenants(&world).await;
        let mut tx = world.tx().await;
        let now = world.clock.now();
        let sightings = [
            (seen(1, now), Some(one.project.scope)),
            (seen(2, now), Some(two.project.scope)),
            (seen(3, now), None),
            (seen(4, now.before(Duration::from_secs(40 * 24 * 3600))), Some(one.project.scope)),
        ];
        cp_store::add_sightings(&mut tx, &sightings, now).await.unwrap();
        cp_store::add_sightings(&mut tx, &sightings[..1], now).await.unwrap();
        let mut list = async |scope| {
            let seen = cp_store::list_seen_fingerprints(&mut tx, scope, 10).await.unwrap();
            seen.into_iter().map(|seen| (seen.fingerprint[0], seen.calls)).collect::<Vec<_>>()
        };
        assert_eq!(list(one.project.scope).await, [(1, 4), (3, 2)], "the first organisation sees what nobody took");
        assert_eq!(list(two.project.scope).await, [(2, 2)]);
        let claim = Claim { scope: two.project.scope, fingerprint: [2; 16], claimed_by: String::new(), claimed_at: now };
        cp_store::claim_fingerprint(&mut tx, &claim).await.unwrap();
        assert!(cp_store::list_seen_fingerprints(&mut tx, two.project.scope, 10).await.unwrap().is_empty());
    }

    async fn the_gateway_reads_all_of_it_and_sees_every_change(test: TestDb) {
        let world = World::new(test).await;
        let [one, two] = tenants(&world).await;
        let mut tx = world.tx().await;
        let scope = one.project.scope;
        let (key, token) = gateway_key(&world, scope);
        let claim = Claim { scope, fingerprint: [1; 16], claimed_by: String::new(), claimed_at: Timestamp(1) };
        let mut before = revision(&mut tx).await;
        let mut has_changed = async |tx: &mut Tx| {
            let now = revision(tx).await;
            assert_ne!(std::mem::replace(&mut before, now), now);
        };
        cp_store::create_gateway_key(&mut tx, &key, &token).await.unwrap();
        has_changed(&mut tx).await;
        cp_store::claim_fingerprint(&mut tx, &claim).await.unwrap();
        has_changed(&mut tx).await;
        cp_store::set_project_access(&mut tx, scope, ProjectAccess::WithKey).await.unwrap();
        has_changed(&mut tx).await;

        let read = cp_store::read_gateway(&mut tx, &HashMap::new()).await.unwrap();
        assert_eq!(read.first_org, one.org.scope.org());
        let projects: Vec<_> =
            read.projects.iter().map(|project| (project.org.to_string(), project.scope, project.access)).collect();
        assert!(projects.contains(&("one".to_owned(), scope, ProjectAccess::WithKey)), "{projects:?}");
        assert!(projects.contains(&("two".to_owned(), two.project.scope, ProjectAccess::Open)), "{projects:?}");
        assert_eq!(read.gateway_keys, [(key.clone(), token.digest())]);
        assert_eq!(read.claims, [([1; 16], scope.project())]);
        assert_eq!(cp_store::find_project_access(&mut tx, scope).await.unwrap(), ProjectAccess::WithKey);
        assert_eq!(cp_store::find_project_access(&mut tx, two.project.scope).await.unwrap(), ProjectAccess::Open);

        cp_store::revoke_gateway_key(&mut tx, scope, key.id, Timestamp(2)).await.unwrap();
        has_changed(&mut tx).await;
        assert!(cp_store::read_gateway(&mut tx, &HashMap::new()).await.unwrap().gateway_keys.is_empty());
    }
}
