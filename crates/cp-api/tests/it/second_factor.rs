//! Codes of an authenticator app, and recovery codes.

use std::time::Duration;

use cp_base::{base32, totp_code, totp_step};
use serde_json::{Value, json};

use crate::browser::{Browser, PASSWORD};
use crate::world::{World, with_world};

const STEP: Duration = Duration::from_secs(30);

/// What base 32 says.
fn unbase32(text: &str) -> Vec<u8> {
    let digit =
        |letter| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter).unwrap();
    let bits: Vec<_> =
        text.bytes().flat_map(|letter| (0..5).rev().map(move |bit| digit(letter) >> bit & 1)).collect();
    bits.chunks_exact(8)
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::try_from(*bit).unwrap()))
        .collect()
}

/// The code that an app shows now.
pub(crate) fn code(world: &World, secret: &[u8]) -> String {
    totp_code(secret, totp_step(world.app.clock().now()))
}

/// Adds a second factor; the secret and the recovery codes.
pub(crate) async fn enrol(ada: &mut Browser<'_>) -> (Vec<u8>, Vec<String>) {
    enrol_with(ada, PASSWORD, "ada%40example.test").await
}

/// The same for Ben, whom a provider knows and who has no password.
pub(crate) async fn enrol_without_password(ben: &mut Browser<'_>) -> (Vec<u8>, Vec<String>) {
    enrol_with(ben, "", "ben%40x.example").await
}

async fn enrol_with(ada: &mut Browser<'_>, password: &str, name: &str) -> (Vec<u8>, Vec<String>) {
    let (status, enrolment) = ada.send("POST", "/account/second-factor", json!({"password": password})).await;
    assert_eq!(status, 200, "{enrolment}");
    let text = enrolment["secret"].as_str().unwrap();
    let secret = unbase32(text);
    assert_eq!((secret.len(), base32(&secret)), (20, text.to_owned()));
    let uri = enrolment["uri"].as_str().unwrap();
    assert_eq!(uri, format!("otpauth://totp/CodePromptu:{name}?secret={text}&issuer=CodePromptu"));
    let picture = enrolment["picture"].as_str().unwrap();
    assert!(picture.contains("<svg") && picture.contains("<path") && !picture.contains(text));
    let now = code(ada.world, &secret);
    let (status, kept) = ada.send("POST", "/account/second-factor/confirm", json!({"code": now})).await;
    assert_eq!(status, 200, "{kept}");
    let codes = kept["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
    (secret, codes.collect())
}

async fn sign_in(world: &World, code: &str) -> u16 {
    let body = json!({"email": "ada@example.test", "password": PASSWORD, "code": code});
    Browser::new(world).send("POST", "/session", body).await.0
}

#[test]
fn a_code_is_asked_for_and_works_once() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let (secret, _) = enrol(&mut ada).await;
        let (status, problem) = Browser::new(&world).sign_in("ada@example.test", PASSWORD).await;
        assert_eq!((status, problem["parameter"].as_str()), (401, Some("code")), "{problem}");
        // A wrong password does not tell that there is one.
        let (_, problem) = Browser::new(&world).sign_in("ada@example.test", "wrong").await;
        assert_eq!(problem["parameter"], Value::Null);
        assert_eq!(sign_in(&world, &code(&world, &secret)).await, 401, "the code that confirmed it is used");
        world.advance(2 * STEP);
        let now = code(&world, &secret);
        assert_eq!(sign_in(&world, "000000").await, 401);
        assert_eq!(sign_in(&world, &now).await, 200);
        assert_eq!(sign_in(&world, &now).await, 401, "replayed");
        world.advance(STEP);
        let now = code(&world, &secret);
        let both = futures_util::future::join(sign_in(&world, &now), sign_in(&world, &now)).await;
        assert!(both == (200, 401) || both == (401, 200), "{both:?}");
    });
}

#[test]
fn a_recovery_code_works_once() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let (_, codes) = enrol(&mut ada).await;
        assert_eq!(codes.len(), 10);
        assert_eq!(sign_in(&world, &codes[0].to_uppercase()).await, 200);
        assert_eq!(sign_in(&world, &codes[0]).await, 401);
        assert_eq!(sign_in(&world, &codes[1]).await, 200);
    });
}

#[test]
fn guessing_codes_is_throttled() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let (secret, _) = enrol(&mut ada).await;
        world.advance(2 * STEP);
        let right = code(&world, &secret);
        let guesses = (0..).map(|number| format!("{number:06}")).filter(|guess| *guess != right);
        for guess in guesses.take(10) {
            assert_eq!(sign_in(&world, &guess).await, 401);
        }
        assert_eq!(sign_in(&world, &right).await, 429);
    });
}

#[test]
fn a_stolen_session_neither_adds_nor_removes_one() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        let wrong = json!({"password": "not the password"});
        assert_eq!(ada.send("POST", "/account/second-factor", wrong.clone()).await.0, 400);
        assert_eq!(
            ada.send("POST", "/account/second-factor/confirm", json!({"code": "123456"})).await.0,
            409
        );
        let (secret, _) = enrol(&mut ada).await;
        assert_eq!(ada.send("POST", "/account/second-factor", json!({"password": PASSWORD})).await.0, 409);
        assert_eq!(ada.send("POST", "/account/second-factor/remove", wrong).await.0, 400);
        world.advance(2 * STEP);
        assert_eq!(sign_in(&world, &code(&world, &secret)).await, 200);
        assert_eq!(
            ada.send("POST", "/account/second-factor/remove", json!({"password": PASSWORD})).await.0,
            204
        );
        assert_eq!(Browser::new(&world).sign_in("ada@example.test", PASSWORD).await.0, 200);
        let done = ada.audit().await;
        for wanted in ["second_factor.begin", "second_factor.add", "second_factor.remove", "password.refuse"]
        {
            assert!(done.iter().any(|event| event.starts_with(wanted)), "{wanted}: {done:?}");
        }
    });
}

#[test]
fn what_was_not_confirmed_is_not_asked_for() {
    with_world(async |world| {
        let mut ada = Browser::set_up(&world).await;
        assert_eq!(ada.send("POST", "/account/second-factor", json!({"password": PASSWORD})).await.0, 200);
        assert_eq!(ada.get("/account").await.1["has_second_factor"], false);
        assert_eq!(Browser::new(&world).sign_in("ada@example.test", PASSWORD).await.0, 200);
    });
}
