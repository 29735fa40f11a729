//! Members, teams and roles in projects: nobody gives, or comes by, more than they have.

use cp_app::Role;
use cp_store::Principal;

use crate::world::{World, with_world};

async fn ask(world: &World, key: &str, request: &str, json: &str) -> (u16, serde_json::Value) {
    let (method, path) = request.split_once(' ').unwrap();
    world.ask(method, &format!("/api/v1{path}"), &[("authorization", key)], json).await
}

fn role(role: &str) -> String {
    format!(r#"{{"role":"{role}"}}"#)
}

#[test]
fn only_an_owner_makes_and_unmakes_an_owner() {
    with_world(async |world| {
        let scope = world.scope.org_scope();
        world.member(scope, "owner@x.example", Some(Role::Owner)).await;
        world.member(scope, "admin@x.example", Some(Role::Admin)).await;
        let (owner, admin) =
            (world.key(scope, None, Role::Owner).await, world.key(scope, None, Role::Admin).await);
        for (request, json) in [
            ("PUT /members/admin@x.example", role("owner")),
            ("PUT /members/owner@x.example", role("admin")),
            ("PUT /members/owner@x.example", r#"{"role":null}"#.to_owned()),
            ("DELETE /members/owner@x.example", String::new()),
            ("PUT /project/grants/admin@x.example", role("owner")),
            ("POST /keys", r#"{"name":"k","role":"owner"}"#.to_owned()),
            ("POST /project/keys", r#"{"name":"k","role":"owner"}"#.to_owned()),
        ] {
            let (status, answer) = ask(&world, &admin, request, &json).await;
            assert_eq!(status, 403, "{request}: {answer}");
            assert!(answer["detail"].as_str().unwrap().contains("only an owner"), "{answer}");
        }
        assert_eq!(ask(&world, &admin, "PUT /members/Admin@X.example", &role("editor")).await.0, 200);
        let (status, made) = ask(&world, &owner, "PUT /members/admin@x.example", &role("owner")).await;
        assert_eq!((status, made["role"].as_str()), (200, Some("owner")));
    });
}

#[test]
fn the_last_owner_stays() {
    with_world(async |world| {
        let scope = world.scope.org_scope();
        world.member(scope, "one@x.example", Some(Role::Owner)).await;
        world.member(scope, "two@x.example", Some(Role::Viewer)).await;
        // A key with an owner's role, and an owner of one project, own no organisation.
        let owner = world.key(scope, None, Role::Owner).await;
        assert_eq!(ask(&world, &owner, "PUT /project/grants/two@x.example", &role("owner")).await.0, 200);
        for (request, json) in [
            ("PUT /members/one@x.example", role("admin")),
            ("PUT /members/one@x.example", r#"{"role":null}"#.to_owned()),
            ("DELETE /members/one@x.example", String::new()),
        ] {
            let (status, answer) = ask(&world, &owner, request, &json).await;
            assert_eq!(status, 409, "{request}: {answer}");
            assert!(
                answer["detail"].as_str().unwrap().contains("one@x.example is the last owner"),
                "{answer}"
            );
        }
        assert_eq!(ask(&world, &owner, "PUT /members/two@x.example", &role("owner")).await.0, 200);
        assert_eq!(ask(&world, &owner, "DELETE /members/one@x.example", "").await.0, 204);
        assert_eq!(ask(&world, &owner, "DELETE /members/one@x.example", "").await.0, 404);
        assert_eq!(ask(&world, &owner, "DELETE /members/two@x.example", "").await.0, 409);
    });
}

#[test]
fn a_team_is_no_way_to_more() {
    with_world(async |world| {
        let scope = world.scope.org_scope();
        world.member(scope, "owner@x.example", Some(Role::Owner)).await;
        world.member(scope, "admin@x.example", Some(Role::Admin)).await;
        let (owner, admin) =
            (world.key(scope, None, Role::Owner).await, world.key(scope, None, Role::Admin).await);
        let (status, team) = ask(&world, &admin, "POST /teams", r#"{"name":"Red Team"}"#).await;
        assert_eq!((status, team["slug"].as_str()), (201, Some("red-team")));
        assert_eq!(ask(&world, &admin, "PUT /teams/red-team/members/owner@x.example", "").await.0, 204);
        assert_eq!(ask(&world, &admin, "PUT /project/grants/red-team", &role("owner")).await.0, 403);
        let (status, granted) = ask(&world, &owner, "PUT /project/grants/red-team", &role("owner")).await;
        assert_eq!(
            (status, granted["kind"].as_str(), granted["name"].as_str()),
            (200, Some("team"), Some("red-team"))
        );
        for request in [
            "PUT /teams/red-team/members/admin@x.example",
            "DELETE /teams/red-team/members/owner@x.example",
            "DELETE /teams/red-team",
            "DELETE /project/grants/red-team",
        ] {
            assert_eq!(ask(&world, &admin, request, "").await.0, 403, "{request}");
        }
        assert_eq!(ask(&world, &admin, "PUT /project/grants/red-team", &role("viewer")).await.0, 403);
        let (_, team) = ask(&world, &admin, "GET /teams/red-team", "").await;
        assert_eq!(team["members"][0]["email"].as_str(), Some("owner@x.example"));
        assert_eq!(ask(&world, &owner, "DELETE /teams/red-team", "").await.0, 204);
        let (_, grants) = ask(&world, &owner, "GET /project/grants", "").await;
        assert_eq!(grants["grants"].as_array().map(Vec::len), Some(0));
        assert_eq!(ask(&world, &owner, "GET /teams/red-team", "").await.0, 404);
    });
}

#[test]
fn an_admin_of_a_project_has_to_do_with_its_own_alone() {
    with_world(async |world| {
        let scope = world.scope.org_scope();
        world.member(scope, "owner@x.example", Some(Role::Owner)).await;
        world.member(scope, "two@x.example", None).await;
        let another = world.another_project().await;
        let lead = world.key(scope, Some(another), Role::Admin).await;
        let (ours, foreign) = (world.things(another).await, world.things(world.scope).await);
        assert_eq!(ask(&world, &lead, "PUT /project/grants/two@x.example", &role("editor")).await.0, 200);
        let by_key = format!("PUT /project/grants/{}", ours.project_key);
        assert_eq!(ask(&world, &lead, &by_key, &role("service")).await.0, 200);
        let (_, keys) = ask(&world, &lead, "GET /project/keys", "").await;
        let listed: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| &key["project_id"]).collect();
        assert!(listed.len() == 2 && listed.iter().all(|id| **id == another.project().to_string()), "{keys}");
        // Keys of the organisation, and of the other project, are not there.
        for id in [foreign.key, foreign.project_key, ours.key] {
            let revoke = format!("DELETE /project/keys/{id}");
            assert_eq!(ask(&world, &lead, &revoke, "").await.0, 404, "{id}");
        }
        let by_key = format!("PUT /project/grants/{}", foreign.project_key);
        assert_eq!(ask(&world, &lead, &by_key, &role("viewer")).await.0, 404);
        let revoke = format!("DELETE /project/keys/{}", ours.project_key);
        assert_eq!(ask(&world, &lead, &revoke, "").await.0, 204);
        // Nor does the role reach further.
        for (request, json) in [
            ("PUT /members/two@x.example", role("viewer")),
            ("POST /teams", r#"{"name":"t"}"#.to_owned()),
            ("POST /keys", r#"{"name":"k","role":"viewer"}"#.to_owned()),
            ("PUT /project/grants/two@x.example", role("owner")),
        ] {
            assert_eq!(ask(&world, &lead, request, &json).await.0, 403, "{request}");
        }
    });
}

#[test]
fn a_key_is_followed_by_one_with_all_its_roles() {
    with_world(async |world| {
        let scope = world.scope.org_scope();
        world.member(scope, "owner@x.example", Some(Role::Owner)).await;
        let things = world.things(world.scope).await;
        let admin = world.key(scope, None, Role::Admin).await;
        let grant = format!("PUT /project/grants/{}", things.key);
        assert_eq!(ask(&world, &admin, &grant, &role("editor")).await.0, 200);
        let rotate = format!("POST /keys/{}/rotate", things.key);
        let (status, made) = ask(&world, &admin, &rotate, "{}").await;
        assert_eq!((status, made["key"]["role"].as_str()), (201, Some("viewer")));
        let next = Principal::ApiKey(made["key"]["id"].as_str().unwrap().parse().unwrap());
        let mut tx = world.tx().await;
        let roles = cp_store::list_roles(&mut tx, scope, next).await.unwrap();
        let roles: Vec<_> = roles.iter().map(|held| (held.project.is_some(), held.role.as_str())).collect();
        assert!(roles.len() == 2 && roles.contains(&(false, "viewer")) && roles.contains(&(true, "editor")));
        drop(tx);
        // A key is listed once, with the role that it has where it belongs.
        let (_, keys) = ask(&world, &admin, "GET /keys", "").await;
        let listed = keys["keys"].as_array().unwrap();
        let same: Vec<_> = listed.iter().filter(|key| key["id"] == things.key.to_string()).collect();
        assert_eq!((same.len(), same[0]["role"].as_str()), (1, Some("viewer")));
        // What an owner gave it, an admin cannot give again.
        let owner = world.key(scope, None, Role::Owner).await;
        assert_eq!(ask(&world, &owner, &grant, &role("owner")).await.0, 200);
        assert_eq!(ask(&world, &admin, &rotate, "{}").await.0, 403);
    });
}

#[test]
fn a_name_in_addresses_is_never_taken_for_an_id() {
    with_world(async |world| {
        let things = world.things(world.scope).await;
        let owner = world.key(world.scope.org_scope(), None, Role::Owner).await;
        for (request, id) in [
            ("POST /teams", things.team.to_string()),
            ("POST /projects", world.scope.project().to_string()),
            ("POST /orgs", world.scope.org().to_string()),
        ] {
            let json = format!(r#"{{"name":"n","slug":"{id}"}}"#);
            let (status, answer) = ask(&world, &owner, request, &json).await;
            assert_eq!(status, 400, "{request} {id}: {answer}");
        }
        // A name for people may look like anything, and means nothing.
        let json = format!(r#"{{"name":"{}","slug":"alike"}}"#, things.team);
        assert_eq!(ask(&world, &owner, "POST /teams", &json).await.0, 201);
        let (_, found) = ask(&world, &owner, &format!("GET /teams/{}", things.team), "").await;
        assert_eq!(found["id"], things.team.to_string());
        assert_ne!(found["slug"], "alike");
    });
}
