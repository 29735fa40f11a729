//! What belongs to one organisation is not there for another.

use cp_base::{Clock, Token};
use cp_store::{ApiKey, Invitation, Principal, Team};
use cp_testkit::db_test;

use crate::world::{Tenant, World};

/// Everything of an organisation that its ids can name.
struct Things {
    key: ApiKey,
    team: Team,
    invitation: Invitation,
}

async fn fill(world: &World, tx: &mut cp_db::Tx, tenant: &Tenant) -> Things {
    let (scope, now) = (tenant.org.scope, world.clock.now());
    let name = tenant.org.name.clone();
    let key = ApiKey {
        scope,
        id: world.ids.mint(),
        project: None,
        name: name.clone(),
        shown: String::new(),
        created_by: name.clone(),
        created_at: now,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    };
    cp_store::create_api_key(tx, &key, &Token::generate(&world.random, "cpa_")).await.unwrap();
    let team =
        Team { id: world.ids.mint(), slug: "red".parse().unwrap(), name: name.clone(), created_at: now };
    cp_store::create_team(tx, scope, &team).await.unwrap();
    cp_store::join_team(tx, scope, team.id, tenant.person).await.unwrap();
    let principal = Principal::Person(tenant.person);
    cp_store::grant_in_project(tx, tenant.project.scope, principal, "viewer", now).await.unwrap();
    let invitation = Invitation {
        scope,
        id: world.ids.mint(),
        project: None,
        email: format!("new@{name}.example"),
        role: name.clone(),
        invited_by: name,
        created_at: now,
        expires_at: now,
    };
    cp_store::create_invitation(tx, &invitation, &Token::generate(&world.random, "cpi_")).await.unwrap();
    Things { key, team, invitation }
}

db_test! {
    async fn nothing_that_is_read_for_one_is_of_another(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let (ours, theirs) = (world.tenant(&mut tx, "ours").await, world.tenant(&mut tx, "theirs").await);
        fill(&world, &mut tx, &ours).await;
        let foreign = fill(&world, &mut tx, &theirs).await;
        let (scope, tx) = (ours.org.scope, &mut tx);
        // Every read that takes a scope, of one; the other's name must be nowhere in it.
        let all = [
            format!("{:?}", cp_store::find_org(tx, scope).await.unwrap()),
            format!("{:?}", cp_store::list_orgs_of(tx, ours.person).await.unwrap()),
            format!("{:?}", cp_store::list_projects(tx, scope).await.unwrap()),
            format!("{:?}", cp_store::find_project_named(tx, scope, &theirs.project.slug).await.unwrap()),
            format!("{:?}", cp_store::list_members(tx, scope).await.unwrap()),
            format!("{:?}", cp_store::list_teams(tx, scope).await.unwrap()),
            format!("{:?}", cp_store::list_team_members(tx, scope).await.unwrap()),
            format!("{:?}", cp_store::find_team_named(tx, scope, &foreign.team.slug).await.unwrap()),
            format!("{:?}", cp_store::list_project_grants(tx, ours.project.scope).await.unwrap()),
            format!("{:?}", cp_store::list_api_keys(tx, scope).await.unwrap()),
            format!("{:?}", cp_store::list_invitations(tx, scope).await.unwrap()),
        ];
        for read in all {
            assert!(read.contains("ours") && !read.contains("theirs"), "{read}");
        }
        // What the other's ids name does not exist.
        assert!(cp_store::find_project(tx, scope, theirs.project.scope.project()).await.unwrap().is_none());
        assert!(cp_store::find_api_key(tx, scope, foreign.key.id).await.unwrap().is_none());
        assert!(cp_store::find_team(tx, scope, foreign.team.id).await.unwrap().is_none());
        let stranger = Principal::Person(theirs.person);
        assert!(cp_store::list_roles(tx, scope, stranger).await.unwrap().is_empty());
        // And is not changed.
        let now = world.clock.now();
        assert!(!cp_store::revoke_api_key(tx, scope, foreign.key.id, now).await.unwrap());
        assert!(!cp_store::delete_invitation(tx, scope, foreign.invitation.id).await.unwrap());
        assert!(!cp_store::leave_team(tx, scope, foreign.team.id, theirs.person).await.unwrap());
        assert!(!cp_store::remove_member(tx, scope, theirs.person).await.unwrap());
        cp_store::delete_team(tx, scope, foreign.team.id).await.unwrap();
        let their = theirs.org.scope;
        assert!(cp_store::find_team(tx, their, foreign.team.id).await.unwrap().is_some());
        assert_eq!(cp_store::list_team_members(tx, their).await.unwrap().len(), 1);
        assert_eq!(cp_store::list_roles(tx, their, stranger).await.unwrap().len(), 2);
    }

    async fn a_name_is_unique_within_its_owner(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let ours = world.tenant(&mut tx, "ours").await;
        // The same project name in another organisation is another project.
        let theirs = world.tenant(&mut tx, "theirs").await;
        assert_eq!(ours.project.slug, theirs.project.slug);
        let taken = cp_store::create_org(
            &mut tx,
            world.ids.mint(),
            ours.org.slug.clone(),
            "again",
            world.clock.now(),
        );
        assert!(matches!(taken.await, Err(cp_db::DbError::Constraint(_))));
    }
}
