//! Single sign-on: settings, who somebody is at a provider, and roles by groups.

use cp_base::{Clock, SealingKey, Secret};
use cp_db::DbError;
use cp_store::{GroupGrant, Principal, SingleSignOn, SsoDocument};
use cp_testkit::db_test;

use crate::world::World;

fn settings(issuer: &str, world: &World) -> SingleSignOn {
    SingleSignOn {
        document: SsoDocument {
            v: 1,
            issuer: issuer.to_owned(),
            client_id: "c".to_owned(),
            scopes: vec!["email".to_owned()],
            domains: vec!["x.example".to_owned()],
            group_claim: None,
            groups: Vec::new(),
            admits_unknown: false,
            default_role: None,
            is_second_factor: false,
        },
        refuses_passwords: true,
        secret: Secret::new("s3cret".to_owned()),
        changed_at: world.clock.now(),
    }
}

db_test! {
    async fn settings_come_back_and_their_secret_opens_in_its_organisation(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let (ours, theirs) = (world.tenant(&mut tx, "ours").await, world.tenant(&mut tx, "theirs").await);
        let (scope, key) = (ours.org.scope, SealingKey::new([7; 32]));
        assert!(cp_store::find_single_sign_on(&mut tx, scope, &key).await.unwrap().is_none());
        for issuer in ["https://one.example", "https://two.example"] {
            let new = settings(issuer, &world);
            cp_store::set_single_sign_on(&mut tx, scope, &new, (&key, &world.random)).await.unwrap();
            let found = cp_store::find_single_sign_on(&mut tx, scope, &key).await.unwrap().unwrap();
            assert_eq!(found.document, new.document);
            assert_eq!((found.secret.expose(), found.refuses_passwords), ("s3cret", true));
        }
        assert!(cp_store::find_single_sign_on(&mut tx, theirs.org.scope, &key).await.unwrap().is_none());
        assert!(cp_store::find_single_sign_on(&mut tx, scope, &SealingKey::new([8; 32])).await.is_err());
        let rules = cp_store::find_entry_rules(&mut tx, scope).await.unwrap().unwrap();
        assert!(rules.refuses_passwords && !rules.requires_second_factor);
        cp_store::require_second_factor(&mut tx, theirs.org.scope).await.unwrap();
        let rules = cp_store::find_entry_rules(&mut tx, theirs.org.scope).await.unwrap().unwrap();
        assert!(!rules.refuses_passwords && rules.requires_second_factor);
        let named = cp_store::find_org_named(&mut tx, &"ours".parse().unwrap()).await.unwrap();
        assert_eq!(named, Some(scope));
    }

    async fn a_member_is_one_person_at_a_provider(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let (ours, theirs) = (world.tenant(&mut tx, "ours").await, world.tenant(&mut tx, "theirs").await);
        let (scope, now) = (ours.org.scope, world.clock.now());
        cp_store::link_identity(&mut tx, scope, ours.person, ("https://id", "s"), now).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = world.tx().await;
        let found = cp_store::find_identity(&mut tx, scope, "https://id", "s").await.unwrap();
        assert_eq!(found, Some(ours.person));
        for (org, issuer, subject) in
            [(theirs.org.scope, "https://id", "s"), (scope, "https://other", "s"), (scope, "https://id", "S")]
        {
            assert_eq!(cp_store::find_identity(&mut tx, org, issuer, subject).await.unwrap(), None);
        }
        drop(tx);
        // Another subject of the same person, somebody who is no member, the same subject once more.
        for (person, subject) in [(ours.person, "t"), (theirs.person, "u"), (ours.person, "s")] {
            let mut tx = world.tx().await;
            let linked = cp_store::link_identity(&mut tx, scope, person, ("https://id", subject), now).await;
            assert!(matches!(linked, Err(DbError::Constraint(_))), "{subject}: {linked:?}");
        }
    }

    async fn roles_by_groups_are_replaced_and_end_with_the_membership(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let ours = world.tenant(&mut tx, "ours").await;
        let (scope, person, now) = (ours.org.scope, ours.person, world.clock.now());
        let grant = |role: &str, group: &str| GroupGrant {
            project: Some(ours.project.scope.project()),
            role: role.to_owned(),
            group: group.to_owned(),
        };
        for grants in [vec![grant("editor", "a"), grant("viewer", "b")], vec![grant("viewer", "b")]] {
            cp_store::replace_group_grants(&mut tx, scope, person, &grants, now).await.unwrap();
            assert_eq!(cp_store::find_group_grants(&mut tx, scope, person).await.unwrap(), grants);
            let roles = cp_store::list_roles(&mut tx, scope, Principal::Person(person)).await.unwrap();
            assert_eq!(roles.len(), grants.len() + 1, "{roles:?}");
        }
        cp_store::link_identity(&mut tx, scope, person, ("https://id", "s"), now).await.unwrap();
        assert!(cp_store::remove_member(&mut tx, scope, person).await.unwrap());
        assert!(cp_store::list_roles(&mut tx, scope, Principal::Person(person)).await.unwrap().is_empty());
        assert_eq!(cp_store::find_identity(&mut tx, scope, "https://id", "s").await.unwrap(), None);
    }
}
