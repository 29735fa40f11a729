//! Labels that move by approval, and to versions that meet their criteria.

use std::time::Duration;

use cp_app::Role;
use cp_app::library::{CriterionWindow, Metric, Target};
use serde_json::{Value, json};

use crate::library::{AT, Somebody, editor, refund};
use crate::world::{World, with_world};

const LABEL: &str = "/prompts/support%2Frefund-reply/labels/production";

/// A prompt with two versions, of which production is at the first and takes so many approvals.
async fn guarded<'a>(world: &'a World, rule: Value) -> (Somebody<'a>, Somebody<'a>) {
    let editor = editor(world).await;
    let admin = Somebody::with(world, Role::Admin).await;
    editor.done("POST", "/prompts", refund()).await;
    let second = json!({ "content": [{ "role": "user", "content": "x" }] });
    editor.done("POST", &format!("{AT}/versions"), second).await;
    admin.done("PUT", "/protected-labels/production", rule).await;
    (editor, admin)
}

async fn propose(editor: &Somebody<'_>, version: i64) -> String {
    let to = json!({ "version": version, "reason": "fewer refusals" });
    let made = editor.done("POST", &format!("{LABEL}/proposals"), to).await;
    format!("/proposals/{}", made["proposal"]["id"].as_str().unwrap())
}

/// Where it is, which is also what is served.
async fn production(somebody: &Somebody<'_>) -> Value {
    let at = somebody.done("GET", AT, Value::Null).await["labels"]["production"].clone();
    let served = somebody.done("GET", "/serve/support/refund-reply", Value::Null).await;
    assert_eq!(served["version"], at);
    at
}

#[test]
fn a_label_moves_once_enough_have_approved() {
    with_world(async |world| {
        let rule = json!({ "roles": ["admin", "editor"], "approvals": 2, "approvers": ["owner", "admin"] });
        let (editor, admin) = guarded(&world, rule).await;
        let owner = Somebody::with(&world, Role::Owner).await;
        for mover in [&editor, &admin] {
            let (status, detail) = mover.refused("PUT", LABEL, json!({ "version": 2 })).await;
            assert_eq!(status, 403, "{detail}");
            let words = ["codepromptu prompt propose", "2 approvals by the roles owner, admin"];
            assert!(words.iter().all(|words| detail.contains(words)), "{detail}");
        }
        let (status, _) = editor.refused("DELETE", LABEL, Value::Null).await;
        assert_eq!(status, 403);
        let at = propose(&editor, 2).await;
        editor.done("POST", &format!("{at}/comments"), json!({ "text": "what of refunds?" })).await;
        let (status, detail) = editor.refused("POST", &format!("{at}/approve"), json!({})).await;
        assert!(status == 403 && detail.contains("owner, admin; yours here: editor"), "{detail}");
        let once = admin.done("POST", &format!("{at}/approve"), json!({ "note": "good" })).await;
        assert_eq!((&once["approved"], &once["proposal"]["state"]), (&json!(1), &json!("open")));
        let (status, detail) = admin.refused("POST", &format!("{at}/approve"), json!({})).await;
        assert!(status == 409 && detail.contains("others are waited for"), "{detail}");
        assert_eq!(production(&editor).await, 1);
        let twice = owner.done("POST", &format!("{at}/approve"), json!({})).await;
        assert_eq!((&twice["approved"], &twice["proposal"]["state"]), (&json!(2), &json!("applied")));
        let kinds: Vec<_> = twice["entries"].as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
        assert_eq!(kinds, ["comment", "approve", "approve"]);
        assert_eq!(twice["entries"][0]["text"], "what of refunds?");
        assert_eq!(production(&editor).await, 2);
        let moves = editor.done("GET", &format!("{AT}/label-moves"), Value::Null).await;
        let last = &moves["moves"][0];
        assert_eq!(
            (&last["proposal"], &last["reason"]),
            (&twice["proposal"]["id"], &json!("fewer refusals"))
        );
        let (status, detail) = owner.refused("POST", &format!("{at}/reject"), json!({})).await;
        assert!(status == 409 && detail.contains("applied already"), "{detail}");
    });
}

#[test]
fn nobody_approves_their_own_where_the_rule_does_not_say_so() {
    with_world(async |world| {
        let mut rule = json!({ "roles": ["admin"], "approvals": 1 });
        let (editor, admin) = guarded(&world, rule.clone()).await;
        let to = json!({ "version": 2 });
        let (status, detail) = editor.refused("POST", &format!("{LABEL}/proposals"), to).await;
        assert!(status == 403 && detail.contains("the roles admin"), "{detail}");
        let at = propose(&admin, 2).await;
        let (status, detail) = admin.refused("POST", &format!("{at}/approve"), json!({})).await;
        assert!(status == 403 && detail.contains("you proposed this"), "{detail}");
        rule["author_may_approve"] = true.into();
        let protected = admin.done("PUT", "/protected-labels/production", rule).await;
        assert_eq!(protected["approvers"], json!(["owner", "admin"]));
        admin.done("POST", &format!("{at}/approve"), json!({})).await;
        assert_eq!(production(&admin).await, 2);
    });
}

#[test]
fn what_moved_meanwhile_is_told_and_what_ended_stays_so() {
    with_world(async |world| {
        let rule = json!({ "roles": ["editor"], "approvals": 1 });
        let (editor, admin) = guarded(&world, rule).await;
        let (late, first) = (propose(&editor, 2).await, propose(&editor, 2).await);
        admin.done("POST", &format!("{first}/approve"), json!({})).await;
        let (status, detail) = admin.refused("POST", &format!("{late}/approve"), json!({})).await;
        assert_eq!(status, 409);
        for part in ["is at version 2 by now", "This proposal moves it 1 to 2", "withdraw it"] {
            assert!(detail.contains(part), "{part}: {detail}");
        }
        // Nothing was half done.
        assert_eq!(admin.done("GET", &late, Value::Null).await["approved"], 0);
        editor.done("POST", &format!("{late}/withdraw"), json!({ "note": "done" })).await;
        let back = propose(&editor, 1).await;
        let rejected = admin.done("POST", &format!("{back}/reject"), json!({ "note": "why back?" })).await;
        assert_eq!(rejected["proposal"]["state"], "rejected");
        let open = editor.done("GET", "/proposals", Value::Null).await;
        assert_eq!(open["proposals"], json!([]));
        let name = "support%2Frefund-reply";
        let all = editor.done("GET", &format!("/proposals?prompt={name}&state=all"), Value::Null).await;
        let states: Vec<_> =
            all["proposals"].as_array().unwrap().iter().map(|proposal| &proposal["state"]).collect();
        assert_eq!(states, ["rejected", "applied", "withdrawn"]);
        let there = json!({ "version": 2 });
        let (status, detail) = editor.refused("POST", &format!("{LABEL}/proposals"), there).await;
        assert!(status == 409 && detail.contains("at version 2 already"), "{detail}");
        let (status, _) = editor.refused("GET", "/proposals?state=done", Value::Null).await;
        assert_eq!(status, 400);
    });
}

#[test]
fn of_two_who_approve_at_once_one_is_the_second() {
    with_world(async |world| {
        let rule = json!({ "roles": ["editor"], "approvals": 2 });
        let (editor, admin) = guarded(&world, rule).await;
        let owner = Somebody::with(&world, Role::Owner).await;
        let at = format!("{}/approve", propose(&editor, 2).await);
        let none = json!({});
        let (one, other) = tokio::join!(admin.ask("POST", &at, &none), owner.ask("POST", &at, &none));
        let mut states = [one, other].map(|(status, answer)| {
            assert_eq!(status, 200, "{answer}");
            answer["proposal"]["state"].as_str().unwrap().to_owned()
        });
        states.sort();
        assert_eq!(states, ["applied", "open"]);
        assert_eq!(production(&editor).await, 2);
    });
}

#[test]
fn a_label_goes_to_no_version_that_fails_but_with_a_reason() {
    with_world(async |world| {
        let rule = json!({ "roles": ["admin", "editor"], "criteria": "not_failing" });
        let (editor, admin) = guarded(&world, rule).await;
        // Nothing is measured: that is no failure.
        editor.done("PUT", LABEL, json!({ "version": 2 })).await;
        editor.done("PUT", LABEL, json!({ "version": 1 })).await;
        let met = json!({ "roles": ["admin", "editor"], "criteria": "met" });
        admin.done("PUT", "/protected-labels/production", met).await;
        let (status, detail) = editor.refused("PUT", LABEL, json!({ "version": 2 })).await;
        assert!(status == 409 && detail.contains("800 ms over the last 7 days (not measured)"), "{detail}");
        let window = CriterionWindow::Seconds(Duration::from_hours(7 * 24).as_secs() as u32);
        let slow = Target::try_from(1200.0).unwrap();
        world.measured.lock().unwrap().insert((Metric::LatencyP95Ms, window), slow);
        let not_failing = json!({ "roles": ["admin", "editor"], "criteria": "not_failing" });
        admin.done("PUT", "/protected-labels/production", not_failing).await;
        let (status, detail) = editor.refused("PUT", LABEL, json!({ "version": 2 })).await;
        assert_eq!(status, 409);
        for part in ["fails p95 latency at most 800 ms", "measured: 1200", "owner, admin", "override_reason"]
        {
            assert!(detail.contains(part), "{part}: {detail}");
        }
        let anyway = json!({ "version": 2, "reason": "urgent", "override_reason": "the old one is down" });
        let (status, detail) = editor.refused("PUT", LABEL, anyway.clone()).await;
        assert!(status == 403 && detail.contains("owner, admin"), "{detail}");
        admin.done("PUT", LABEL, anyway).await;
        let moves = editor.done("GET", &format!("{AT}/label-moves"), Value::Null).await;
        let reason = moves["moves"][0]["reason"].as_str().unwrap();
        assert!(reason.starts_with("urgent; overridden: fails p95 latency"), "{reason}");
        assert!(reason.ends_with("the old one is down"), "{reason}");
        let audit = admin.done("GET", "/audit", Value::Null).await.to_string();
        assert!(audit.contains("1 to 2; its criteria are overridden"), "{audit}");
        // Why is said by people, and sealed.
        assert!(!audit.contains("the old one is down"), "{audit}");
    });
}
