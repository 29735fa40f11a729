//! Single sign-on against a provider that lies, and what a provider's word is good for.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::browser::{Browser, PASSWORD};
use crate::identity_provider::{IdentityProvider, Key, unsigned};
use crate::world::{World, body, with_world};

const HOST: (&str, &str) = ("host", "127.0.0.1:8080");

/// An organisation with a provider, and its owner.
struct Rig<'a> {
    world: &'a World,
    provider: IdentityProvider,
    key: Key,
    owner: Browser<'a>,
    /// Whose provider somebody signs in with.
    org: &'static str,
}

/// A browser that is at the provider.
struct Away {
    cookie: String,
    location: String,
    state: String,
    nonce: String,
}

/// A browser that came back.
struct Back {
    status: u16,
    location: String,
    /// The session's cookie, where there is one.
    session: Option<String>,
    page: String,
}

fn parameter(url: &str, name: &str) -> String {
    let (_, query) = url.split_once('?').unwrap();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(found, _)| *found == name).unwrap().1;
    percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned()
}

fn cookies(response: &Response<Body>) -> Vec<String> {
    let lines = response.headers().get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap().to_owned()).collect()
}

impl<'a> Rig<'a> {
    async fn new(world: &'a World, settings: Value) -> Self {
        let provider = IdentityProvider::start().await;
        let key = Key::new("first");
        provider.says.lock().unwrap().keys = vec![key.published()];
        let mut rig = Self { world, provider, key, owner: Browser::set_up(world).await, org: "default" };
        rig.set(settings).await;
        rig
    }

    async fn set(&mut self, settings: Value) {
        let mut new = json!({
            "issuer": self.provider.issuer, "client_id": "codepromptu", "client_secret": "s3cret:/",
            "domains": ["x.example", "example.test"], "group_claim": "groups",
        });
        new.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let (status, answer) = self.owner.send("PUT", "/sso", new).await;
        assert_eq!(status, 200, "{answer}");
        assert!(!answer.to_string().contains("s3cret"), "{answer}");
    }

    async fn leave(&self) -> Away {
        let response = self.world.get(&format!("/login/sso/{}", self.org)).await;
        assert_eq!(response.status(), 303);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let cookie = cookies(&response).remove(0);
        let (state, nonce) = (parameter(&location, "state"), parameter(&location, "nonce"));
        Away { cookie: cookie.split(';').next().unwrap().to_owned(), location, state, nonce }
    }

    /// What an honest provider says of Ben.
    fn claims(&self, away: &Away) -> Value {
        let now = self.world.now().0 / 1_000_000;
        json!({
            "iss": self.provider.issuer, "aud": "codepromptu", "sub": "ben-1", "nonce": away.nonce,
            "iat": now, "exp": now + 300, "email": "Ben@x.example", "email_verified": true, "name": "Ben",
            "groups": [],
        })
    }

    async fn come_back(&self, away: &Away, id_token: String) -> Back {
        {
            let mut says = self.provider.says.lock().unwrap();
            says.id_token = id_token;
            says.code = Some("c0de".to_owned());
        }
        self.call_back(&format!("code=c0de&state={}", away.state), &away.cookie).await
    }

    async fn call_back(&self, query: &str, cookie: &str) -> Back {
        let path = format!("/login/sso/callback?{query}");
        let headers = [HOST, ("cookie", cookie), ("sec-fetch-site", "cross-site")];
        let response = self.world.request("GET", &path, &headers).await;
        let location = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        let session = cookies(&response).into_iter().find(|line| line.starts_with("codepromptu_session="));
        let session = session.map(|line| line.split(';').next().unwrap().to_owned());
        let status = response.status().as_u16();
        let page = String::from_utf8(body(response).await).unwrap();
        Back { status, location: location.unwrap_or_default(), session, page }
    }

    /// A whole sign-in of whom `change` makes of Ben.
    async fn sign_in(&self, change: Value) -> Back {
        let away = self.leave().await;
        let mut claims = self.claims(&away);
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.come_back(&away, self.key.sign(&claims)).await
    }

    async fn browser_of(&self, change: Value) -> Browser<'a> {
        let back = self.sign_in(change).await;
        assert_eq!(back.status, 303, "{}", back.page);
        Browser { cookie: back.session, ..Browser::new(self.world) }
    }
}

async fn roles(browser: &mut Browser<'_>) -> Value {
    let (status, me) = browser.get("/me").await;
    assert_eq!(status, 200, "{me}");
    me["roles"].clone()
}

#[test]
fn somebody_unknown_becomes_a_member_where_that_is_wanted() {
    with_world(async |world| {
        let rig = Rig::new(&world, json!({"admits_unknown": true, "default_role": "viewer"})).await;
        let away = rig.leave().await;
        assert!(away.location.starts_with(&format!("{}/authorize?tenant=1&", rig.provider.issuer)));
        assert_eq!(parameter(&away.location, "redirect_uri"), "http://127.0.0.1:8080/login/sso/callback");
        assert_eq!(parameter(&away.location, "scope"), "openid email profile");
        assert_eq!(parameter(&away.location, "code_challenge_method"), "S256");
        let back = rig.come_back(&away, rig.key.sign(&rig.claims(&away))).await;
        assert_eq!((back.status, back.location.as_str()), (303, "/"), "{}", back.page);
        let mut ben = Browser { cookie: back.session, ..Browser::new(&world) };
        assert_eq!(roles(&mut ben).await, json!(["viewer"]));
        // The code was exchanged by the client, and by who asked for it.
        let asked = rig.provider.says.lock().unwrap().asked.clone();
        let (_, exchange) = asked.iter().find(|(path, _)| path == "/token").unwrap();
        let basic = STANDARD.encode("codepromptu:s3cret%3A%2F");
        assert!(exchange.starts_with(&format!("Basic {basic}\n")), "{exchange}");
        let verifier = exchange.split("code_verifier=").nth(1).unwrap();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        assert_eq!(parameter(&away.location, "code_challenge"), challenge);
        let (_, account) = ben.get("/account").await;
        assert_eq!(account["person"]["email"], "ben@x.example");
        assert_eq!(
            (&account["has_password"], &account["sessions"][0]["method"]),
            (&json!(false), &json!("single_sign_on"))
        );
    });
}

#[test]
fn a_token_that_is_not_right_opens_nothing() {
    with_world(async |world| {
        let rig = Rig::new(&world, json!({"admits_unknown": true})).await;
        let now = world.now().0 / 1_000_000;
        for (change, claim) in [
            (json!({"iss": "https://id.example.com"}), "iss"),
            (json!({"aud": "another"}), "aud"),
            (json!({"aud": []}), "aud"),
            (json!({"aud": ["codepromptu", "another"]}), "azp"),
            (json!({"azp": "another"}), "azp"),
            (json!({"nonce": "another"}), "nonce"),
            (json!({"nonce": null}), "nonce"),
            (json!({"sub": ""}), "sub"),
            (json!({"sub": 7}), "sub"),
            (json!({"exp": now - 61}), "expired"),
            (json!({"exp": null}), "exp"),
            (json!({"nbf": now + 120}), "not valid yet"),
            (json!({"iat": now + 120}), "not valid yet"),
            (json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), "at_hash"),
        ] {
            let back = rig.sign_in(change.clone()).await;
            assert_eq!((back.status, back.session), (401, None), "{change}: {}", back.page);
            assert!(back.page.contains(claim), "{change}: {}", back.page);
            world.advance(Duration::from_secs(1));
        }
        let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest("at")[..16]);
        assert_eq!(rig.sign_in(json!({"at_hash": hash, "azp": "codepromptu"})).await.status, 303);
    });
}

#[test]
fn a_signature_that_is_not_the_provider_s_opens_nothing() {
    with_world(async |world| {
        let rig = Rig::new(&world, json!({"admits_unknown": true})).await;
        let foreign = Key::new("first");
        for (sign, reason) in [
            (&(|claims: &Value| unsigned(claims)) as &dyn Fn(&Value) -> String, "unsigned"),
            (&|claims| rig.key.sign_with_what_is_public(claims), "HS256"),
            (&|claims| foreign.sign(claims), "signature is wrong"),
            (&|claims| rig.key.sign(claims).replace('.', ""), "unsigned"),
            (&|claims| rig.key.sign(claims) + "AA", "signature is wrong"),
        ] {
            let away = rig.leave().await;
            let back = rig.come_back(&away, sign(&rig.claims(&away))).await;
            assert_eq!((back.status, back.session), (401, None), "{reason}: {}", back.page);
            assert!(back.page.contains(reason), "{reason}: {}", back.page);
        }
    });
}

#[test]
fn an_unknown_key_is_asked_for_once_in_a_while() {
    with_world(async |world| {
        let mut rig = Rig::new(&world, json!({"admits_unknown": true})).await;
        assert_eq!(rig.sign_in(json!({})).await.status, 303);
        // The provider has another key since.
        rig.key = Key::new("second");
        rig.provider.says.lock().unwrap().keys = vec![rig.key.published()];
        assert_eq!((rig.sign_in(json!({})).await.status, rig.provider.count("/keys")), (303, 2));
        rig.key = Key::new("third");
        for _ in 0..3 {
            assert_eq!((rig.sign_in(json!({})).await.status, rig.provider.count("/keys")), (401, 2));
        }
        world.advance(Duration::from_secs(60));
        assert_eq!((rig.sign_in(json!({})).await.status, rig.provider.count("/keys")), (401, 3));
    });
}

#[test]
fn only_the_browser_that_began_comes_back_and_once() {
    with_world(async |world| {
        let rig = Rig::new(&world, json!({"admits_unknown": true})).await;
        let away = rig.leave().await;
        let token = rig.key.sign(&rig.claims(&away));
        {
            let mut says = rig.provider.says.lock().unwrap();
            (says.id_token, says.code) = (token, Some("c0de".to_owned()));
        }
        let other = rig.leave().await;
        let query = format!("code=c0de&state={}", away.state);
        for cookie in ["", "codepromptu_departure=", "codepromptu_departure=00ff", other.cookie.as_str()] {
            let back = rig.call_back(&query, cookie).await;
            assert_eq!((back.status, back.session), (400, None), "{cookie}: {}", back.page);
        }
        for query in
            ["code=c0de", "code=c0de&state=", "code=c0de&state=1", &query.replace("state=", "state=0")]
        {
            assert_eq!(rig.call_back(query, &away.cookie).await.status, 400, "{query}");
        }
        let back = rig.call_back(&query, &away.cookie).await;
        assert_eq!((back.status, back.location.as_str()), (303, "/"), "{}", back.page);
        // The provider takes its code once.
        let back = rig.call_back(&query, &away.cookie).await;
        assert_eq!((back.status, back.session), (401, None));
        assert!(back.page.contains("invalid_grant"), "{}", back.page);
        // Whoever takes too long begins again.
        let away = rig.leave().await;
        world.advance(Duration::from_secs(600));
        assert_eq!(rig.come_back(&away, rig.key.sign(&rig.claims(&away))).await.status, 400);
    });
}

#[test]
fn nothing_in_a_request_says_where_a_browser_goes_or_what_runs_in_it() {
    with_world(async |world| {
        let rig = Rig::new(&world, json!({"admits_unknown": true})).await;
        for path in
            ["/login/sso/%2f%2fevil.example", "/login/sso/default%0d%0alocation:x", "/login/sso/<script>"]
        {
            let path = path.replace('<', "%3C").replace('>', "%3E");
            let response = world.get(&path).await;
            assert_eq!(
                (response.status().as_u16(), response.headers().get("location")),
                (404, None),
                "{path}"
            );
            assert!(!String::from_utf8(body(response).await).unwrap().contains("<script>"));
        }
        let response = world.request("GET", "/login/sso/default", &[("host", "evil.example")]).await;
        assert_eq!(response.status(), 403);
        let away = rig.leave().await;
        let wrong = format!("error=%3Cscript%3Ealert(1)%3C/script%3E&state={}", away.state);
        let back = rig.call_back(&wrong, &away.cookie).await;
        assert_eq!(back.status, 401);
        assert!(back.page.contains("&lt;script&gt;") && !back.page.contains("<script>"), "{}", back.page);
        // A page elsewhere says whose answer it is (RFC 9207).
        let away = rig.leave().await;
        let mixed = format!("code=c0de&state={}&iss=https%3A%2F%2Fid.example.com", away.state);
        assert_eq!(rig.call_back(&mixed, &away.cookie).await.status, 400);
        let secure = [("host", "prompts.example.com")];
        let response = world.request("GET", "/login/sso/default", &secure).await;
        let cookie = cookies(&response).remove(0);
        assert!(
            cookie.starts_with("__Host-codepromptu_departure=") && cookie.ends_with("; Secure"),
            "{cookie}"
        );
        let location = response.headers()["location"].to_str().unwrap();
        assert_eq!(parameter(location, "redirect_uri"), "https://prompts.example.com/login/sso/callback");
    });
}

#[test]
fn an_address_stands_for_somebody_when_it_is_verified_and_ours() {
    with_world(async |world| {
        let mut rig = Rig::new(&world, json!({})).await;
        let back = rig.sign_in(json!({})).await;
        assert_eq!(back.status, 403);
        assert!(back.page.contains("is no member of this organisation"), "{}", back.page);
        rig.set(json!({"admits_unknown": true})).await;
        for (change, reason) in [
            (json!({"email_verified": false}), "that it has verified"),
            (json!({"email_verified": null}), "that it has verified"),
            (json!({"email": null}), "that it has verified"),
            (json!({"email": "ben@evil.example"}), "none of this organisation"),
            (json!({"email": "ben@sub.x.example"}), "none of this organisation"),
            (json!({"email": "ben@x.example@evil.example"}), "no e-mail address"),
        ] {
            let back = rig.sign_in(change.clone()).await;
            assert!(matches!(back.status, 400 | 403) && back.session.is_none(), "{change}: {}", back.page);
            assert!(back.page.contains(reason), "{change}: {}", back.page);
        }
        // Once they are known, the subject alone counts.
        rig.browser_of(json!({})).await;
        rig.browser_of(json!({"email": "renamed@elsewhere.example", "email_verified": false})).await;
        // And another one at the provider with the same address is not them.
        let back = rig.sign_in(json!({"sub": "ben-2"})).await;
        assert_eq!(back.status, 403, "{}", back.page);
        let told = rig.owner.audit().await.join("\n");
        for what in ["person.create", "member.join", "identity.link", "session.begin by ben@x.example"] {
            assert_eq!(
                told.matches(what).count(),
                if what.starts_with("session") { 2 } else { 1 },
                "{what}: {told}"
            );
        }
        assert!(told.contains("session.refuse by nobody (sign_in) single sign-on: "), "{told}");
    });
}

#[test]
fn what_a_token_lacks_is_asked_for_and_believed_of_the_same_person() {
    with_world(async |world| {
        let rig = Rig::new(&world, json!({"admits_unknown": true})).await;
        let thin = json!({"email": null, "email_verified": null});
        let thin_sign_in = async || {
            let away = rig.leave().await;
            let mut claims = rig.claims(&away);
            for name in thin.as_object().unwrap().keys() {
                claims.as_object_mut().unwrap().remove(name);
            }
            rig.come_back(&away, rig.key.sign(&claims)).await
        };
        let says = |subject: &str| json!({"sub": subject, "email": "ben@x.example", "email_verified": true});
        rig.provider.says.lock().unwrap().user_info = says("somebody-else");
        assert_eq!(thin_sign_in().await.status, 401);
        rig.provider.says.lock().unwrap().user_info = says("ben-1");
        assert_eq!(thin_sign_in().await.status, 303);
    });
}

#[test]
fn groups_give_roles_for_as_long_as_somebody_is_in_them() {
    with_world(async |world| {
        let groups = json!([
            {"group": "ops", "role": "operator"},
            {"group": "bosses", "role": "owner"},
            {"group": "bot", "role": "editor", "project": "default"},
        ]);
        let settings = json!({"admits_unknown": true, "default_role": "viewer", "groups": groups});
        let mut rig = Rig::new(&world, settings).await;
        let mut ben = rig.browser_of(json!({"groups": ["ops", "others"]})).await;
        assert_eq!(roles(&mut ben).await, json!(["operator"]));
        // The next sign-in takes what is no longer so, at once and in sessions that there are.
        let mut again = rig.browser_of(json!({"groups": []})).await;
        assert_eq!((roles(&mut ben).await, roles(&mut again).await), (json!(["viewer"]), json!(["viewer"])));
        // What is given by hand is nobody's but by hand.
        let (status, _) = rig.owner.send("PUT", "/members/ben@x.example", json!({"role": "analyst"})).await;
        assert_eq!(status, 200);
        let mut again = rig.browser_of(json!({"groups": ["ops"]})).await;
        assert_eq!(roles(&mut again).await, json!(["analyst", "operator"]));
        let mut again = rig.browser_of(json!({"groups": "none of these"})).await;
        assert_eq!(roles(&mut again).await, json!(["analyst"]));
        let mut boss = rig.browser_of(json!({"groups": ["bosses"]})).await;
        assert_eq!(roles(&mut boss).await, json!(["owner", "analyst"]));
        // An owner by group is none to rely on: the last by hand stays.
        let (status, _) = rig.owner.send("PUT", "/members/ada@example.test", json!({"role": "viewer"})).await;
        assert_eq!(status, 409);
        let back = rig.sign_in(json!({"groups": {"ops": true}})).await;
        assert_eq!(back.status, 403, "{}", back.page);
        // What the owner takes from a group is gone at once, and so is everything with another provider.
        rig.owner.send("PUT", "/members/ben@x.example", json!({"role": null})).await;
        let mut ops = rig.browser_of(json!({"groups": ["ops", "bot"]})).await;
        assert_eq!(roles(&mut ops).await, json!(["operator"]));
        rig.set(json!({"groups": [{"group": "bot", "role": "editor", "project": "default"}]})).await;
        assert_eq!(roles(&mut ops).await, json!([]));
        let (_, project) = ops.get("/project").await;
        assert_eq!(project["slug"], "default", "{project}");
        let other = json!({"issuer": "https://other.example.com", "client_secret": "s"});
        rig.set(other).await;
        assert_eq!(ops.get("/me").await.0, 401);
        rig.set(json!({"admits_unknown": true})).await;
        // Whoever is removed is gone, with all that.
        assert_eq!(rig.owner.send("DELETE", "/members/ben@x.example", Value::Null).await.0, 204);
        rig.set(json!({"admits_unknown": false})).await;
        assert_eq!(rig.sign_in(json!({})).await.status, 403);
    });
}

#[test]
fn a_provider_s_word_is_good_in_its_own_organisation() {
    with_world(async |world| {
        let mut rig = Rig::new(&world, json!({})).await;
        let (status, made) = rig.owner.send("POST", "/orgs", json!({"name": "Other"})).await;
        assert_eq!(status, 201, "{made}");
        let kept = rig.owner.cookie.clone().unwrap();
        let there = [("x-codepromptu-org", "other"), ("cookie", kept.as_str())];
        let settings = json!({
            "issuer": rig.provider.issuer, "client_id": "codepromptu", "client_secret": "other", "domains": ["example.test"],
        });
        let (status, answer) = world.ask("PUT", "/api/v1/sso", &there, &settings.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        // The other one's provider says that somebody is Ada, who owns both.
        rig.org = "other";
        let mut ada = rig.browser_of(json!({"sub": "ada-9", "email": "ada@example.test"})).await;
        let (_, me) = ada.get("/me").await;
        assert_eq!((&me["org"]["slug"], &me["roles"]), (&json!("other"), &json!(["owner"])), "{me}");
        let (_, orgs) = ada.get("/orgs").await;
        assert_eq!(orgs["orgs"].as_array().unwrap().len(), 1, "{orgs}");
        let here = [("x-codepromptu-org", "default"), ("cookie", ada.cookie.as_deref().unwrap())];
        for path in ["/api/v1/me", "/api/v1/calls", "/api/v1/audit"] {
            assert_eq!(world.ask("GET", path, &here, "").await.0, 404, "{path}");
        }
        // It shows and ends no session of elsewhere, changes no password, and joins nothing else.
        let (_, account) = ada.get("/account").await;
        assert_eq!(account["sessions"].as_array().unwrap().len(), 1, "{account}");
        let session = rig.owner.get("/account").await.1["sessions"][1]["id"].as_str().unwrap().to_owned();
        assert_eq!(ada.send("DELETE", &format!("/account/sessions/{session}"), Value::Null).await.0, 404);
        let guess = json!({"current": "a guess", "new": PASSWORD});
        assert_eq!(ada.send("PUT", "/account/password", guess).await.0, 400);
        assert_eq!(ada.send("POST", "/account/second-factor", json!({"password": ""})).await.0, 400);
        assert_eq!(ada.send("DELETE", "/account/sessions", Value::Null).await.0, 204);
        assert_eq!(ada.get("/me").await.0, 401);
        assert_eq!(rig.owner.get("/orgs").await.1["orgs"].as_array().unwrap().len(), 2);
        // Nor is anything of it on record elsewhere.
        let told = rig.owner.audit().await.join("\n");
        assert!(!told.contains("identity.link") && !told.contains("session.end_all"), "{told}");
        // Somebody of one organisation's provider is nobody to another's, by the same subject.
        rig.org = "default";
        assert_eq!(rig.sign_in(json!({"sub": "ada-9", "email": null})).await.status, 403);
    });
}

#[test]
fn an_invitation_gives_a_password_to_whoever_has_none() {
    with_world(async |world| {
        let mut rig = Rig::new(&world, json!({"admits_unknown": true})).await;
        let mut ben = rig.browser_of(json!({})).await;
        crate::second_factor::enrol_without_password(&mut ben).await;
        let invite = json!({"email": "ben@x.example", "role": "editor"});
        let (status, made) = rig.owner.send("POST", "/invitations", invite).await;
        assert_eq!(status, 201, "{made}");
        let token = made["path"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
        let (_, seen) = Browser::new(&world).send("POST", "/invitation", json!({"token": token})).await;
        assert_eq!(seen["has_account"], json!(false), "{seen}");
        let body = json!({"token": token, "name": "Ben", "password": PASSWORD});
        let mut new = Browser::new(&world);
        assert!(new.send("POST", "/invitation/accept", body).await.0 < 300);
        assert_eq!(roles(&mut new).await, json!(["editor"]));
        // What was there before belongs to whoever could be shown by the provider alone.
        assert_eq!(ben.get("/account").await.0, 401);
        assert_eq!(Browser::new(&world).sign_in("ben@x.example", PASSWORD).await.0, 200);
    });
}

#[test]
fn passwords_can_be_refused_to_all_but_owners() {
    with_world(async |world| {
        let mut rig = Rig::new(&world, json!({"admits_unknown": true})).await;
        let (_, made) =
            rig.owner.send("POST", "/invitations", json!({"email": "ben@x.example", "role": "admin"})).await;
        let token = made["path"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
        let mut ben = Browser::new(&world);
        let body = json!({"token": token, "name": "Ben", "password": PASSWORD});
        let (status, answer) = ben.send("POST", "/invitation/accept", body).await;
        assert!(status < 300, "{answer}");
        assert_eq!(ben.get("/me").await.0, 200);
        rig.set(json!({"refuses_passwords": true})).await;
        let (status, problem) = ben.get("/me").await;
        assert_eq!(status, 403);
        assert!(problem["detail"].as_str().unwrap().contains("/login/sso/default"), "{problem}");
        assert_eq!(Browser::new(&world).sign_in("ben@x.example", PASSWORD).await.0, 403);
        // A wrong password does not tell.
        assert_eq!(Browser::new(&world).sign_in("ben@x.example", "wrong").await.0, 401);
        let mut by_provider = rig.browser_of(json!({})).await;
        assert_eq!(roles(&mut by_provider).await, json!(["admin"]));
        // An admin decides nothing here: whoever chooses the provider chooses who is an owner.
        assert_eq!(by_provider.get("/sso").await.0, 403);
        assert_eq!(Browser::new(&world).sign_in("ada@example.test", PASSWORD).await.0, 200);
    });
}

#[test]
fn a_second_factor_can_be_required() {
    with_world(async |world| {
        let mut rig = Rig::new(&world, json!({"admits_unknown": true, "default_role": "viewer"})).await;
        let (status, rule) = rig.owner.send("PUT", "/org/second-factor", json!({"required": true})).await;
        assert_eq!((status, rule), (200, json!({"required": true})));
        // Whoever has none sees to it, and does nothing else.
        for path in ["/me", "/calls", "/sso"] {
            let (status, problem) = rig.owner.get(path).await;
            assert_eq!(status, 403, "{path}");
            assert!(problem["detail"].as_str().unwrap().contains("/account"), "{problem}");
        }
        let (_, signed_in) = Browser::new(&world).sign_in("ada@example.test", PASSWORD).await;
        assert_eq!(signed_in["needs_second_factor"], json!(true));
        crate::second_factor::enrol(&mut rig.owner).await;
        assert_eq!(rig.owner.get("/me").await.0, 200);
        // A provider may have asked for one.
        let back = rig.sign_in(json!({"amr": ["pwd"]})).await;
        assert_eq!((back.status, back.location.as_str()), (303, "/account"));
        let mut ben = Browser { cookie: back.session, ..Browser::new(&world) };
        assert_eq!(ben.get("/me").await.0, 403);
        let mut with_factor = rig.browser_of(json!({"amr": ["pwd", "otp"]})).await;
        assert_eq!(with_factor.get("/me").await.0, 200);
        rig.set(json!({"admits_unknown": true, "default_role": "viewer", "is_second_factor": true})).await;
        let mut counted = rig.browser_of(json!({})).await;
        assert_eq!(counted.get("/me").await.0, 200);
        // Without a password there is a second factor all the same: set up once, then shown in each session.
        let (secret, codes) = crate::second_factor::enrol_without_password(&mut ben).await;
        assert_eq!(ben.get("/me").await.0, 200);
        rig.set(json!({"admits_unknown": true, "default_role": "viewer"})).await;
        let mut again = rig.browser_of(json!({})).await;
        assert_eq!(again.get("/me").await.0, 403);
        assert_eq!(again.send("POST", "/session/second-factor", json!({"code": "000000"})).await.0, 400);
        assert_eq!(again.send("POST", "/account/second-factor/remove", json!({"password": ""})).await.0, 400);
        world.advance(Duration::from_secs(60));
        let code = crate::second_factor::code(&world, &secret);
        assert_eq!(again.send("POST", "/session/second-factor", json!({"code": code})).await.0, 204);
        assert_eq!(again.get("/me").await.0, 200);
        let mut recovering = rig.browser_of(json!({})).await;
        let code = json!({"code": codes[0]});
        assert_eq!(recovering.send("POST", "/session/second-factor", code).await.0, 204);
        assert_eq!(recovering.get("/me").await.0, 200);
        // Keys are not people.
        let key = world.key(world.scope.org_scope(), None, cp_app::Role::Viewer).await;
        assert_eq!(world.ask("GET", "/api/v1/me", &[("authorization", &key)], "").await.0, 200);
        assert_eq!(rig.owner.send("PUT", "/org/second-factor", json!({"required": false})).await.0, 200);
        let told = rig.owner.audit().await.join("\n");
        for what in [
            "org.require_second_factor",
            "org.waive_second_factor",
            "second_factor.show",
            "second_factor.refuse",
        ] {
            assert!(told.contains(what), "{what}: {told}");
        }
    });
}

#[test]
fn settings_that_cannot_work_say_why() {
    with_world(async |world| {
        let mut rig = Rig::new(&world, json!({})).await;
        let good = json!({"issuer": "https://id.example.com", "client_id": "c", "client_secret": "s", "domains": ["x.example"]});
        for (name, value, reason) in [
            ("issuer", json!("http://id.example.com"), "https://id.example.com"),
            ("issuer", json!("http://169.254.169.254/latest"), "https://id.example.com"),
            ("client_secret", json!(""), "client secret of this issuer"),
            ("client_id", json!(" "), "client id"),
            ("domains", json!([]), "domains"),
            ("domains", json!(["*"]), "domains"),
            ("scopes", json!(["a b"]), "a scope"),
            ("default_role", json!("owner"), "by default"),
            ("default_role", json!("root"), "no role"),
            ("groups", json!([{"group": "g", "role": "viewer"}]), "group claim"),
            ("groups", json!([{"group": "g", "role": "viewer", "project": "nowhere"}]), "nowhere"),
        ] {
            let mut new = good.clone();
            new[name] = value.clone();
            let (status, problem) = rig.owner.send("PUT", "/sso", new).await;
            assert!(matches!(status, 400 | 404), "{name} {value}: {status} {problem}");
            assert!(problem["detail"].as_str().unwrap().contains(reason), "{name} {value}: {problem}");
        }
        // A secret stays with its provider, and goes to no other.
        let mut again = json!({"issuer": rig.provider.issuer, "client_id": "c", "domains": ["x.example"]});
        assert_eq!(rig.owner.send("PUT", "/sso", again.clone()).await.0, 200);
        again["issuer"] = json!("https://other.example.com");
        assert_eq!(rig.owner.send("PUT", "/sso", again).await.0, 400);
        let (_, check) = rig.owner.get("/sso/check").await;
        assert_eq!((&check["problem"], &check["keys"]), (&Value::Null, &json!(1)), "{check}");
        rig.provider.says.lock().unwrap().document["issuer"] = json!("https://other.example.com");
        let (_, check) = rig.owner.get("/sso/check").await;
        assert!(check["problem"].as_str().unwrap().contains("another issuer"), "{check}");
    });
}
