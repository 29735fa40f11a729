//! Invitations: who makes them, and who takes them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::{Browser, PASSWORD};
use crate::world::{World, with_world};

const OTHER: &str = "zinc orchid ferry plume";

/// What the link ends with.
async fn invite(
    browser: &mut Browser<'_>,
    email: &str,
    role: &str,
    project: Option<&str>,
) -> (String, String) {
    let body = json!({"email": email, "role": role, "project": project});
    let (status, made) = browser.send("POST", "/invitations", body).await;
    assert_eq!(status, 201, "{made}");
    let token = made["path"].as_str().unwrap().strip_prefix("/invite#").unwrap();
    (made["invitation"]["id"].as_str().unwrap().to_owned(), token.to_owned())
}

async fn accept<'a>(world: &'a World, token: &str) -> (u16, Browser<'a>) {
    let mut browser = Browser::new(world);
    let body = json!({"token": token, "name": "Bob", "password": OTHER});
    (browser.send("POST", "/invitation/accept", body).await.0, browser)
}

#[test]
fn a_link_makes_one_member_once() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let (id, token) = invite(&mut ada, "Bob@example.test", "editor", None).await;
        let (_, seen) = Browser::new(&world).send("POST", "/invitation", json!({"token": token})).await;
        assert_eq!((seen["email"].as_str(), &seen["has_account"]), (Some("bob@example.test"), &json!(false)));
        let (_, listed) = ada.get("/invitations").await;
        assert_eq!(listed["invitations"][0]["id"], json!(id));
        assert!(!listed.to_string().contains(&token));
        let (status, mut bob) = accept(&world, &token).await;
        assert_eq!(status, 201);
        let (_, me) = bob.get("/me").await;
        assert_eq!((me["name"].as_str(), &me["roles"]), (Some("bob@example.test"), &json!(["editor"])));
        assert_eq!(accept(&world, &token).await.0, 404);
        assert_eq!(ada.get("/invitations").await.1["invitations"], json!([]));
        assert_eq!(
            bob.send("POST", "/invitations", json!({"email": "c@example.test", "role": "viewer"})).await.0,
            403
        );
        assert_eq!(
            ada.audit().await[..3],
            [
                "invitation.accept by bob@example.test (session) bob@example.test as editor",
                "session.begin by bob@example.test (session)",
                "invitation.create by ada@example.test (session) bob@example.test as editor"
            ]
        );
    });
}

#[test]
fn two_who_take_a_link_at_once_are_not_both_let_in() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let (_, token) = invite(&mut ada, "bob@example.test", "viewer", None).await;
        let (first, second) =
            futures_util::future::join(accept(&world, &token), accept(&world, &token)).await;
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201);
        assert!([404, 409].contains(&statuses[1]), "{statuses:?}");
    });
}

#[test]
fn a_link_ends_after_a_week_or_when_it_is_withdrawn() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let (id, token) = invite(&mut ada, "bob@example.test", "viewer", None).await;
        assert_eq!(ada.send("DELETE", &format!("/invitations/{id}"), Value::Null).await.0, 204);
        assert_eq!(ada.send("DELETE", &format!("/invitations/{id}"), Value::Null).await.0, 404);
        assert_eq!(accept(&world, &token).await.0, 404);
        let (_, token) = invite(&mut ada, "bob@example.test", "viewer", None).await;
        world.advance(Duration::from_secs(7 * 24 * 3600));
        assert_eq!(accept(&world, &token).await.0, 404);
        assert_eq!(accept(&world, "cpi_guess").await.0, 404);
    });
}

#[test]
fn a_project_is_all_that_is_seen_of_it() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        assert_eq!(ada.send("POST", "/projects", json!({"name": "Support"})).await.0, 201);
        let body = json!({"email": "bob@example.test", "role": "viewer", "project": "nowhere"});
        assert_eq!(ada.send("POST", "/invitations", body).await.0, 404);
        let (_, token) = invite(&mut ada, "bob@example.test", "viewer", Some("support")).await;
        let (_, bob) = accept(&world, &token).await;
        let cookie = bob.cookie.unwrap();
        let calls = async |project: &str| {
            let headers =
                [("host", "127.0.0.1"), ("cookie", cookie.as_str()), ("x-codepromptu-project", project)];
            world.request("GET", "/api/v1/calls", &headers).await.status().as_u16()
        };
        assert_eq!((calls("support").await, calls("default").await), (200, 404));
    });
}

#[test]
fn whoever_has_an_account_joins_with_it_and_with_no_other() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let (_, token) = invite(&mut ada, "bob@example.test", "viewer", None).await;
        let (_, mut bob) = accept(&world, &token).await;
        assert_eq!(ada.send("POST", "/projects", json!({"name": "Support"})).await.0, 201);
        let (_, token) = invite(&mut ada, "bob@example.test", "editor", Some("support")).await;
        assert_eq!(accept(&world, &token).await.0, 409, "an account is not made twice");
        let body = json!({"token": token});
        assert_eq!(ada.send("POST", "/invitation/accept", body.clone()).await.0, 409, "it is not Ada's");
        assert_eq!(Browser::new(&world).send("POST", "/invitation/accept", body.clone()).await.0, 400);
        assert_eq!(bob.send("POST", "/invitation/accept", body.clone()).await.0, 204);
        assert_eq!(bob.send("POST", "/invitation/accept", body).await.0, 404);
        assert_eq!(Browser::new(&world).sign_in("bob@example.test", OTHER).await.0, 200);
        // Nobody's role is changed by inviting them again.
        let again = json!({"email": "ada@example.test", "role": "viewer"});
        assert_eq!(ada.send("POST", "/invitations", again).await.0, 409);
    });
}

#[test]
fn only_an_owner_invites_an_owner_and_nobody_before_there_is_one() {
    with_world(async |world| {
        let viewer = json!({"email": "bob@example.test", "role": "viewer"});
        assert_eq!(Browser::new(&world).send("POST", "/invitations", viewer).await.0, 409);
        let mut ada = Browser::set_up(&world).await;
        let (_, token) = invite(&mut ada, "bob@example.test", "admin", None).await;
        let (_, mut bob) = accept(&world, &token).await;
        let owner = json!({"email": "carol@example.test", "role": "owner"});
        assert_eq!(bob.send("POST", "/invitations", owner.clone()).await.0, 403);
        assert_eq!(
            bob.send("POST", "/invitations", json!({"email": "carol@example.test", "role": "admin"})).await.0,
            201
        );
        assert_eq!(ada.send("POST", "/invitations", owner).await.0, 201);
        for email in ["", "bob", "@example.test", "bob@", "b ob@example.test", "bob@example@test"] {
            assert_eq!(
                ada.send("POST", "/invitations", json!({"email": email, "role": "viewer"})).await.0,
                400,
                "{email}"
            );
        }
        assert_eq!(Browser::new(&world).sign_in("ada@example.test", PASSWORD).await.0, 200);
    });
}
