//! The first person, passwords and sessions, and what is tried against them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::{Browser, PASSWORD};
use crate::world::with_world;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn the_link_of_the_first_start_makes_one_owner() {
    with_world(async |world| {
        assert_eq!(Browser::new(&world).get("/calls").await.0, 200);
        let old = world.app.offer_setup().await.unwrap().unwrap();
        let token = world.app.offer_setup().await.unwrap().unwrap();
        let body = |token: &str, password: &str| json!({"token": token, "email": "ada@example.test", "name": "Ada", "password": password});
        let mut ada = Browser::new(&world);
        for wrong in [old.expose(), "cpw_guess", ""] {
            assert_eq!(ada.send("POST", "/setup", body(wrong, PASSWORD)).await.0, 401, "{wrong}");
        }
        // A password that does not do does not use the link up.
        assert_eq!(ada.send("POST", "/setup", body(token.expose(), "password1234")).await.0, 400);
        assert_eq!(ada.send("POST", "/setup", body(token.expose(), PASSWORD)).await.0, 201);
        assert_eq!(ada.send("POST", "/setup", body(token.expose(), PASSWORD)).await.0, 401);
        assert!(world.app.offer_setup().await.unwrap().is_none());
        let (status, me) = ada.get("/me").await;
        assert_eq!((status, &me["roles"], &me["via"]), (200, &json!(["owner"]), &json!("session")), "{me}");
        // From now on the machine alone opens nothing.
        assert_eq!(Browser::new(&world).get("/calls").await.0, 401);
        assert_eq!(
            ada.audit().await,
            [
                "org.claim by ada@example.test (session) ada@example.test is the owner",
                "session.begin by ada@example.test (session)"
            ]
        );
    });
}

#[test]
fn two_who_open_the_link_at_once_are_not_both_owners() {
    with_world(async |world| {
        let token = world.app.offer_setup().await.unwrap().unwrap();
        let open = async |email: &str| {
            let body = json!({"token": token.expose(), "email": email, "name": "X", "password": PASSWORD});
            Browser::new(&world).send("POST", "/setup", body).await.0
        };
        let mut both = futures_util::future::join(open("a@example.test"), open("b@example.test")).await;
        if both.0 > both.1 {
            both = (both.1, both.0);
        }
        assert_eq!(both, (201, 401));
    });
}

#[test]
fn a_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        assert!(ada.set_cookie.starts_with("codepromptu_session=cps_"), "{}", ada.set_cookie);
        assert!(ada.set_cookie.contains("; Path=/; HttpOnly; SameSite=Lax"), "{}", ada.set_cookie);
        let mut secure = Browser::new(&world);
        secure.origin = "https://127.0.0.1:8080";
        assert_eq!(secure.sign_in("ada@example.test", PASSWORD).await.0, 200);
        assert!(secure.set_cookie.starts_with("__Host-codepromptu_session=cps_"), "{}", secure.set_cookie);
        assert!(secure.set_cookie.ends_with("; Secure"), "{}", secure.set_cookie);
        assert_eq!(secure.get("/account").await.0, 200);
        let (status, _) = ada.send("DELETE", "/session", Value::Null).await;
        assert_eq!((status, ada.cookie), (204, None));
    });
}

#[test]
fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let mut stranger = Browser::new(&world);
        let wrong = stranger.sign_in("ada@example.test", "brine kettle vowel otters").await;
        let unknown = stranger.sign_in("eve@example.test", "brine kettle vowel otters").await;
        assert_eq!(wrong.0, 401);
        assert_eq!(wrong, unknown);
        assert_eq!(stranger.cookie, None);
        assert_eq!(stranger.sign_in(" ADA@example.test ", PASSWORD).await.0, 200);
        assert_eq!(
            ada.audit().await[..3],
            [
                "session.begin by ada@example.test (session)",
                "session.refuse by nobody (sign_in) no such account",
                "session.refuse by nobody (sign_in) wrong password"
            ]
        );
    });
}

#[test]
fn guessing_is_throttled_by_account_and_by_address() {
    with_world(async |world| {
        Browser::set_up(&world).await;
        let mut eve = Browser::new(&world);
        for _ in 0..10 {
            assert_eq!(eve.sign_in("ada@example.test", "guess guess guess").await.0, 401);
        }
        // Even the right one is not looked at any more.
        let (status, problem) = eve.sign_in("ada@example.test", PASSWORD).await;
        assert_eq!(status, 429, "{problem}");
        world.advance(Duration::from_secs(15 * 60));
        assert_eq!(eve.sign_in("ada@example.test", PASSWORD).await.0, 200);
        // Other accounts from the same address come to an end too.
        let mut statuses = Vec::new();
        for number in 0..50 {
            statuses.push(eve.sign_in(&format!("{number}@example.test"), "guess").await.0);
        }
        assert_eq!((statuses[0], statuses[49]), (401, 401));
        assert_eq!(eve.sign_in("ada@example.test", PASSWORD).await.0, 429);
    });
}

#[test]
fn guessing_keys_is_throttled_and_a_forgotten_key_is_not() {
    with_world(async |world| {
        let ada = Browser::set_up(&world).await;
        let see = async |cookie: String| {
            let mut browser = Browser::new(&world);
            browser.cookie = Some(cookie);
            browser.get("/me").await.0
        };
        for _ in 0..100 {
            assert_eq!(see("codepromptu_session=cps_over".to_owned()).await, 401);
        }
        for number in 1..60 {
            assert_eq!(see(format!("codepromptu_session=cps_{number}")).await, 401);
        }
        assert_eq!(see("codepromptu_session=cps_60".to_owned()).await, 429);
        assert_eq!(see(ada.cookie.clone().unwrap()).await, 429);
        world.advance(Duration::from_secs(60));
        assert_eq!(see(ada.cookie.unwrap()).await, 200);
    });
}

#[test]
fn a_session_that_was_brought_along_is_not_taken_over() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let planted = format!("codepromptu_session=cps_{}", "0".repeat(52));
        let mut victim = Browser::new(&world);
        victim.cookie = Some(planted.clone());
        assert_eq!(victim.sign_in("ada@example.test", PASSWORD).await.0, 200);
        assert_ne!(victim.cookie.as_ref(), Some(&planted));
        let mut attacker = Browser::new(&world);
        attacker.cookie = Some(planted);
        assert_eq!(attacker.get("/account").await.0, 401);
        // Signing in again is another session, too.
        let first = victim.cookie.clone();
        assert_eq!(victim.sign_in("ada@example.test", PASSWORD).await.0, 200);
        assert_ne!(victim.cookie, first);
        assert_eq!(ada.get("/account").await.1["sessions"].as_array().unwrap().len(), 3);
    });
}

#[test]
fn another_site_changes_nothing_with_somebodys_cookie() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        for origin in ["https://attacker.example", "http://127.0.0.1:9999", "null"] {
            ada.origin = origin;
            for (method, path) in [
                ("POST", "/session"),
                ("DELETE", "/session"),
                ("DELETE", "/account/sessions"),
                ("PUT", "/account/password"),
                ("POST", "/invitations"),
                ("POST", "/keys"),
            ] {
                let (status, answer) = ada.send(method, path, json!({})).await;
                assert_eq!(status, 403, "{origin} {method} {path}: {answer}");
            }
        }
        ada.origin = "http://127.0.0.1:8080";
        assert_eq!(ada.get("/account").await.1["sessions"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn a_session_ends_unused_and_in_any_case() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        world.advance(13 * DAY);
        assert_eq!(ada.get("/account").await.0, 200);
        world.advance(13 * DAY);
        assert_eq!(ada.get("/account").await.0, 200);
        world.advance(4 * DAY);
        assert_eq!(ada.get("/account").await.0, 401, "thirty days are the end");
        assert_eq!(ada.sign_in("ada@example.test", PASSWORD).await.0, 200);
        assert_eq!(ada.get("/account").await.1["sessions"].as_array().unwrap().len(), 1, "old ones are gone");
        world.advance(14 * DAY);
        assert_eq!(ada.get("/account").await.0, 401, "fourteen days unused are the end");
    });
}

#[test]
fn signing_out_everywhere_ends_all_and_a_new_password_the_others() {
    with_world(async |world| {
        let mut here = Browser::set_up(&world).await;
        let mut there = Browser::new(&world);
        assert_eq!(there.sign_in("ada@example.test", PASSWORD).await.0, 200);
        let change = |current: &str, new: &str| json!({"current": current, "new": new});
        for (current, new) in
            [("wrong", "zinc orchid ferry plume"), (PASSWORD, "my example.test pass"), (PASSWORD, "short")]
        {
            assert_eq!(here.send("PUT", "/account/password", change(current, new)).await.0, 400, "{new}");
        }
        assert_eq!(there.get("/account").await.0, 200);
        let new = "zinc orchid ferry plume";
        assert_eq!(here.send("PUT", "/account/password", change(PASSWORD, new)).await.0, 204);
        assert_eq!((here.get("/account").await.0, there.get("/account").await.0), (200, 401));
        assert_eq!(there.sign_in("ada@example.test", PASSWORD).await.0, 401);
        assert_eq!(there.sign_in("ada@example.test", new).await.0, 200);
        // One session of several can be ended, and all.
        let (_, account) = here.get("/account").await;
        let other =
            account["sessions"].as_array().unwrap().iter().find(|row| row["is_current"] == false).unwrap();
        let path = format!("/account/sessions/{}", other["id"].as_str().unwrap());
        assert_eq!(here.send("DELETE", &path, Value::Null).await.0, 204);
        assert_eq!(here.send("DELETE", &path, Value::Null).await.0, 404);
        assert_eq!(there.get("/account").await.0, 401);
        assert_eq!(here.send("DELETE", "/account/sessions", Value::Null).await.0, 204);
        assert_eq!(here.get("/account").await.0, 401);
    });
}

#[test]
fn a_key_has_no_account() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let (_, made) = ada.send("POST", "/keys", json!({"name": "ci", "role": "owner"})).await;
        let key = format!("Bearer {}", made["token"].as_str().unwrap());
        let headers = [("host", "127.0.0.1"), ("authorization", key.as_str())];
        for (method, path) in [
            ("GET", "/api/v1/account"),
            ("DELETE", "/api/v1/session"),
            ("DELETE", "/api/v1/account/sessions"),
        ] {
            assert_eq!(world.request(method, path, &headers).await.status(), 403, "{method} {path}");
        }
        // The token of a session is one for programs as well.
        let body = json!({"email": "ada@example.test", "password": PASSWORD});
        let (_, session) = ada.send("POST", "/session/token", body).await;
        let token = format!("Bearer {}", session["token"].as_str().unwrap());
        let headers = [("host", "127.0.0.1"), ("authorization", token.as_str())];
        assert_eq!(world.request("GET", "/api/v1/account", &headers).await.status(), 200);
        assert_eq!(world.request("DELETE", "/api/v1/session", &headers).await.status(), 204);
        assert_eq!(world.request("GET", "/api/v1/account", &headers).await.status(), 401);
    });
}
