//! No read crosses a scope: two projects of two organisations with calls that lie between one another and are alike in
//! everything that is looked up, and each read for one of them.

use cp_base::{CallId, ConversationId, ProjectScope, UsdNanos};
use cp_genai::CostByKind;
use cp_testkit::db_test;
use cp_traffic::{
    CallFilter, ChangeFilter, CostGrouping, FinishedCall, Label, NewPrice, PriceOfCall, RawBodies, Repricing,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::world::{World, message, text};

/// What varies of a call.
#[derive(Clone, Debug)]
struct Drawn {
    theirs: bool,
    in_conversation: bool,
    labelled: bool,
    raw: bool,
    tip: u8,
    repriced: bool,
    failed: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (flags, 1_u8..4).prop_map(|((theirs, in_conversation, labelled, raw, repriced, failed), tip)| Drawn {
        theirs,
        in_conversation,
        labelled,
        raw,
        tip,
        repriced,
        failed,
    })
}

fn label() -> Label {
    Label::User("ada".to_owned())
}

/// One of the projects: its scope, and the word that is in all that is written of it.
#[derive(Clone, Copy)]
struct Side {
    scope: ProjectScope,
    word: &'static str,
}

fn call(world: &World, side: Side, drawn: &Drawn, conversation: ConversationId) -> FinishedCall {
    let Side { scope, word } = side;
    let mut call = world.finished();
    call.scope = scope;
    let said = |of: &str| format!("{word} {of}");
    let summary = &mut call.summary;
    summary.path = said("path");
    summary.provider_name = said("provider");
    summary.request_model = Some(said("model"));
    summary.response_model = Some(said("model"));
    summary.finish_reasons = vec![said("reason")];
    summary.price_list = Some(said("list"));
    summary.error_code = drawn.failed.then(|| said("error"));
    summary.conversation = drawn.in_conversation.then_some(conversation);
    call.chain_tip = Some([drawn.tip; 32]);
    if drawn.labelled {
        call.handles = vec![label().digest(&world.store.hashing_key(scope).unwrap()), [9; 32]];
    }
    call.document.query = Some(said("query"));
    call.document.request_headers = vec![("user-agent".to_owned(), said("agent"))];
    call.document.decoded.user = Some(said("user"));
    call.document.decoded.system_instructions = vec![text("shared by both"), text(&said("instructions"))];
    call.messages.input = vec![message("user", "shared by both"), message("user", &said("question"))];
    call.messages.output = vec![message("assistant", &said("answer"))];
    let body = said("raw").into_bytes();
    call.raw = drawn.raw.then(|| RawBodies { request: body.clone(), response: body });
    call
}

/// Everything that is read for a side, as text.
async fn read_all(world: &World, side: Side, conversation: ConversationId, of_both: &[CallId]) -> String {
    let (store, scope) = (&world.store, side.scope);
    let mut seen = String::new();
    let filters = [
        CallFilter::default(),
        CallFilter { labels: vec![label()], ..CallFilter::default() },
        CallFilter { conversation: Some(conversation), ..CallFilter::default() },
        CallFilter { client_fingerprint: Some([7; 16]), ..CallFilter::default() },
        CallFilter { text: Some("shared by both".to_owned()), ..CallFilter::default() },
        CallFilter { text: Some("question".to_owned()), ..CallFilter::default() },
    ];
    for filter in &filters {
        seen += &format!("{:?}", store.list_calls(scope, filter, None, 500).await.unwrap());
        let page = store.list_details(scope, filter, None, 500).await.unwrap();
        for raw in page.calls.iter().filter_map(|call| call.raw.as_ref()) {
            seen += &String::from_utf8_lossy(&raw.request);
            seen += &String::from_utf8_lossy(&raw.response);
        }
        seen += &format!("{page:?}");
        let by =
            CostGrouping { provider: true, model: true, client: true, list: true, ..CostGrouping::default() };
        seen += &format!("{:?}", store.sum_costs(scope, filter, by).await.unwrap());
        seen += &format!("{:?}", store.list_repriceable(scope, filter, None).await.unwrap());
    }
    seen += &format!("{:?}", store.list_conversation(scope, conversation, None, 500).await.unwrap());
    seen +=
        &format!("{:?}", store.list_cost_changes(scope, ChangeFilter::default(), None, 500).await.unwrap());
    for call in of_both {
        seen += &format!("{:?}", store.find_call(scope, *call).await.unwrap());
        let filter = ChangeFilter { call: Some(*call), ..ChangeFilter::default() };
        seen += &format!("{:?}", store.list_cost_changes(scope, filter, None, 500).await.unwrap());
    }
    seen
}

/// What is told in numbers and ids, and not in words.
async fn check_numbers(world: &World, side: Side, own: &[CallId]) {
    let (store, scope) = (&world.store, side.scope);
    let count = own.len() as u64;
    assert_eq!(store.count_calls(scope, &CallFilter::default(), 1_000_000).await.unwrap(), count);
    assert_eq!(store.status(scope).await.unwrap().calls, count);
    let later = world.mint();
    let tips: Vec<_> = (1..4).map(|tip| [tip; 32]).collect();
    let parent = store.find_chain_parent(scope, Some([7; 16]), &tips, later).await.unwrap();
    let named = store.find_named(scope, [9; 32], later).await.unwrap();
    for found in [parent, named].into_iter().flatten() {
        assert!(own.contains(&found.call), "{found:?} is of the other");
    }
}

async fn reprice(world: &World, side: Side, call: CallId) {
    let price = |list: &str| PriceOfCall {
        cost: Some(UsdNanos(100_000)),
        price_list: Some(format!("{} {list}", side.word)),
        unpriced: None,
    };
    let price = NewPrice { call, old: price("list"), new: price("list"), by_kind: CostByKind::default() };
    let (actor, filter) = (format!("{} actor", side.word), format!("{} filter", side.word));
    let run = Repricing { id: world.mint(), begun_at: world.now(), actor, filter };
    world.store.reprice(side.scope, &run, vec![price], world.now()).await.unwrap();
}

async fn check_scopes_hold(world: World) {
    let ours = Side { scope: world.ours, word: "OURS" };
    let theirs = Side { scope: world.theirs, word: "THEIRS" };
    let conversation: ConversationId = world.mint();
    let mut runner = TestRunner::deterministic();
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let drawn = proptest::collection::vec(drawn(), 1..12).new_tree(&mut runner).unwrap().current();
        let mut calls = Vec::new();
        for drawn in &drawn {
            let side = if drawn.theirs { theirs } else { ours };
            calls.push(call(&world, side, drawn, conversation));
        }
        let ids: Vec<_> = calls.iter().map(|call| call.summary.call).collect();
        world.store_finished(calls).await;
        for (id, drawn) in ids.into_iter().zip(drawn) {
            let (side, own) = if drawn.theirs { (theirs, &mut of_theirs) } else { (ours, &mut of_ours) };
            own.push(id);
            if drawn.repriced {
                reprice(&world, side, id).await;
            }
        }
        let all = [of_ours.clone(), of_theirs.clone()].concat();
        for (side, other, own) in [(ours, theirs, &of_ours), (theirs, ours, &of_theirs)] {
            let seen = read_all(&world, side, conversation, &all).await;
            assert!(!seen.contains(other.word), "{} reads {}", side.word, other.word);
            assert_eq!(seen.contains(side.word), !own.is_empty());
            let foreign = all.iter().filter(|call| !own.contains(call));
            for call in foreign {
                assert!(!seen.contains(&call.to_string()), "{} sees {call}", side.word);
            }
            check_numbers(&world, side, own).await;
        }
    }
    assert!(!of_ours.is_empty() && !of_theirs.is_empty());
}

db_test! {
    async fn no_read_crosses_a_scope(test: TestDb) {
        let world = World::new(&test).await;
        check_scopes_hold(world).await;
    }
}
