use std::time::Duration;

use cp_base::{Clock, Token};
use cp_db::DbError;
use cp_store::{ApiKey, Invitation, Principal, SessionRow, Team};
use cp_testkit::db_test;

use crate::world::World;

db_test! {
    async fn an_address_signs_in_one_person(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        assert!(!cp_store::is_anybody_there(&mut tx).await.unwrap());
        let id = world.person(&mut tx, "ada@x.example").await;
        assert!(cp_store::is_anybody_there(&mut tx).await.unwrap());
        let found = cp_store::find_person_by_email(&mut tx, "Ada@X.example").await.unwrap().unwrap();
        assert_eq!(found.id, id);
        cp_store::set_password(&mut tx, id, "$argon2id$x").await.unwrap();
        cp_store::set_totp(&mut tx, id, Some(vec![1])).await.unwrap();
        let found = cp_store::find_person(&mut tx, id).await.unwrap().unwrap();
        assert_eq!((found.password_hash.as_deref(), found.totp_sealed), (Some("$argon2id$x"), Some(vec![1])));
        let again = cp_store::Person { id: world.ids.mint(), ..found_again(&mut tx, id).await };
        let taken = cp_store::create_person(&mut tx, &again, world.clock.now()).await;
        assert!(matches!(taken, Err(DbError::Constraint(_))));
    }

    async fn roles_come_from_people_teams_and_projects(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let (ours, now) = (world.tenant(&mut tx, "ours").await, world.clock.now());
        let (org, project) = (ours.org.scope, ours.project.scope);
        let person = world.person(&mut tx, "ada@x.example").await;
        let team = Team { id: world.ids.mint(), slug: "red".parse().unwrap(), name: "Red".to_owned(), created_at: now };
        cp_store::create_team(&mut tx, org, &team).await.unwrap();
        cp_store::add_member(&mut tx, org, person, now).await.unwrap();
        cp_store::join_team(&mut tx, org, team.id, person).await.unwrap();
        let (she, they) = (Principal::Person(person), Principal::Team(team.id));
        cp_store::grant_in_org(&mut tx, org, she, "viewer", now).await.unwrap();
        cp_store::grant_in_org(&mut tx, org, she, "analyst", now).await.unwrap();
        cp_store::grant_in_project(&mut tx, project, they, "editor", now).await.unwrap();
        let mut roles = cp_store::list_roles(&mut tx, org, she).await.unwrap();
        roles.sort_by(|a, b| a.role.cmp(&b.role));
        let seen: Vec<_> = roles.iter().map(|role| (role.role.as_str(), role.project.is_some())).collect();
        assert_eq!(seen, [("analyst", false), ("editor", true)]);
        let grants = cp_store::list_project_grants(&mut tx, project).await.unwrap();
        assert_eq!((grants[0].principal, grants[0].name.as_str()), (they, "red"));
        assert_eq!(cp_store::count_other_holders(&mut tx, org, "owner", person).await.unwrap(), 1);
        assert!(cp_store::remove_member(&mut tx, org, person).await.unwrap());
        assert!(cp_store::list_roles(&mut tx, org, she).await.unwrap().is_empty());
        assert!(!cp_store::is_member(&mut tx, org, person).await.unwrap());
    }

    async fn a_stranger_joins_no_team(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let (ours, now) = (world.tenant(&mut tx, "ours").await, world.clock.now());
        let person = world.person(&mut tx, "ada@x.example").await;
        let team = Team { id: world.ids.mint(), slug: "red".parse().unwrap(), name: "Red".to_owned(), created_at: now };
        cp_store::create_team(&mut tx, ours.org.scope, &team).await.unwrap();
        let joined = cp_store::join_team(&mut tx, ours.org.scope, team.id, person).await;
        assert!(matches!(joined, Err(DbError::Constraint(_))));
    }

    async fn credentials_are_found_by_their_digest_and_end(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let (ours, now) = (world.tenant(&mut tx, "ours").await, world.clock.now());
        let later = now.after(Duration::from_secs(60));
        let token = Token::generate(&world.random, "cpa_");
        let key = ApiKey {
            scope: ours.org.scope,
            id: world.ids.mint(),
            project: Some(ours.project.scope.project()),
            name: "ci".to_owned(),
            shown: token.shown().to_owned(),
            created_by: "lead".to_owned(),
            created_at: now,
            expires_at: Some(later),
            last_used_at: None,
            revoked_at: None,
        };
        cp_store::create_api_key(&mut tx, &key, &token).await.unwrap();
        let found = cp_store::find_api_key_by_digest(&mut tx, &token.digest()).await.unwrap();
        assert_eq!(found, Some(key.clone()));
        assert!(key.is_valid(now) && !key.is_valid(later));
        assert!(cp_store::revoke_api_key(&mut tx, key.scope, key.id, now).await.unwrap());
        assert!(!cp_store::revoke_api_key(&mut tx, key.scope, key.id, now).await.unwrap());
        let found = cp_store::find_api_key(&mut tx, key.scope, key.id).await.unwrap().unwrap();
        assert!(!found.is_valid(now));

        let token = Token::generate(&world.random, "cps_");
        let session = SessionRow {
            id: world.ids.mint(),
            created_at: now,
            last_seen_at: now,
            expires_at: later,
            address: "192.0.2.1".to_owned(),
            user_agent: "test".to_owned(),
            home: None,
            has_second_factor: false,
        };
        cp_store::create_session(&mut tx, ours.person, &session, &token).await.unwrap();
        let found = cp_store::find_session(&mut tx, &token.digest()).await.unwrap().unwrap();
        assert_eq!((found.person, found.expires_at), (ours.person, later));
        assert_eq!(cp_store::list_sessions(&mut tx, ours.person).await.unwrap(), [session]);
        assert_eq!(cp_store::delete_expired_sessions(&mut tx, now).await.unwrap(), 0);
        let other = SessionRow { id: world.ids.mint(), ..found_session(&mut tx, ours.person).await };
        cp_store::create_session(&mut tx, ours.person, &other, &Token::generate(&world.random, "cps_"))
            .await
            .unwrap();
        assert_eq!(cp_store::end_other_sessions(&mut tx, ours.person, found.id).await.unwrap(), 1);
        assert_eq!(found_session(&mut tx, ours.person).await.id, found.id);
        assert_eq!(cp_store::end_sessions(&mut tx, ours.person).await.unwrap(), 1);
        assert_eq!(cp_store::find_session(&mut tx, &token.digest()).await.unwrap(), None);

        let token = Token::generate(&world.random, "cpi_");
        let invitation = Invitation {
            scope: ours.org.scope,
            id: world.ids.mint(),
            project: None,
            email: "new@x.example".to_owned(),
            role: "viewer".to_owned(),
            invited_by: "lead".to_owned(),
            created_at: now,
            expires_at: later,
        };
        cp_store::create_invitation(&mut tx, &invitation, &token).await.unwrap();
        let found = cp_store::find_invitation(&mut tx, &token.digest()).await.unwrap();
        assert_eq!(found.as_ref(), Some(&invitation));
        let by_id = cp_store::find_invitation_by_id(&mut tx, invitation.scope, invitation.id).await.unwrap();
        assert_eq!(by_id.as_ref(), Some(&invitation));
        assert_eq!(cp_store::delete_expired_invitations(&mut tx, now).await.unwrap(), 0);
        assert!(cp_store::delete_invitation(&mut tx, invitation.scope, invitation.id).await.unwrap());
        assert!(!cp_store::delete_invitation(&mut tx, invitation.scope, invitation.id).await.unwrap());
        cp_store::create_invitation(&mut tx, &invitation, &token).await.unwrap();
        assert_eq!(cp_store::delete_expired_invitations(&mut tx, later).await.unwrap(), 1);
    }

    async fn of_two_who_use_a_second_factor_at_once_one_does(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let person = world.person(&mut tx, "ada@x.example").await;
        cp_store::set_totp(&mut tx, person, Some(vec![1])).await.unwrap();
        assert!(cp_store::swap_totp(&mut tx, person, vec![1], vec![2]).await.unwrap());
        assert!(!cp_store::swap_totp(&mut tx, person, vec![1], vec![3]).await.unwrap());
        assert_eq!(found_again(&mut tx, person).await.totp_sealed, Some(vec![2]));
    }
}

async fn found_session(tx: &mut cp_db::Tx, person: cp_base::PersonId) -> SessionRow {
    cp_store::list_sessions(tx, person).await.unwrap().remove(0)
}

async fn found_again(tx: &mut cp_db::Tx, id: cp_base::PersonId) -> cp_store::Person {
    cp_store::find_person(tx, id).await.unwrap().unwrap()
}
