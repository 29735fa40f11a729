//! Lists, filters, pages, text search, and what another project sees of it: nothing.

use cp_base::{CallId, ConversationId, Outcome, UsdNanos};
use cp_genai::{OperationName, Part};
use cp_testkit::db_test;
use cp_traffic::{CallFilter, CallSummary, Label, MAX_SCANNED_CALLS, RawBodies};

use crate::world::{World, message};

fn ids(calls: &[CallSummary]) -> Vec<CallId> {
    calls.iter().map(|call| call.call).collect()
}

async fn check_filter(world: &World, filter: CallFilter, expected: &[CallId]) {
    assert_eq!(ids(&world.list(filter.clone()).await), expected, "{filter:?}");
    if filter.text.is_none() {
        let count = world.store.count_calls(world.ours, &filter, 100).await.unwrap();
        assert_eq!(count, expected.len() as u64, "{filter:?}");
    }
}

db_test! {
    async fn calls_are_found_by_what_clients_say_of_them(test: TestDb) {
        let world = World::new(&test).await;
        let entry = |value: &str| Label::Metadata { name: "team".into(), value: value.into() };
        let labels = [Label::User("ada".into()), entry("search"), Label::Trace("AB".into()), Label::Batch("b".into())];
        let key = world.store.hashing_key(world.ours).unwrap();
        let theirs = world.store.hashing_key(world.theirs).unwrap();
        let labelled = world.add(|call| call.handles = labels.iter().map(|label| label.digest(&key)).collect()).await;
        world.add(|call| call.handles = labels.iter().map(|label| label.digest(&theirs)).collect()).await;
        let by = |labels: &[Label]| CallFilter { labels: labels.to_vec(), ..CallFilter::default() };
        for label in &labels {
            check_filter(&world, by(std::slice::from_ref(label)), &[labelled]).await;
        }
        check_filter(&world, by(&labels), &[labelled]).await;
        check_filter(&world, by(&[Label::Trace("ab".into())]), &[labelled]).await;
        for other in [Label::User("search".into()), entry("ada"), Label::Batch("ada".into()), Label::Trace("b".into())] {
            check_filter(&world, by(&[labels[0].clone(), other]), &[]).await;
        }
        let found = world.store.sum_costs(world.ours, &by(&labels), cp_traffic::CostGrouping::default()).await.unwrap();
        assert_eq!(found.unwrap().iter().map(|group| group.calls).sum::<u64>(), 1);
    }

    async fn each_filter_narrows(test: TestDb) {
        let world = World::new(&test).await;
        let conversation: ConversationId = world.mint();
        let plain = world.add(|_| {}).await;
        let between = world.now();
        let special = world.add(|call| {
            let summary = &mut call.summary;
            summary.provider_name = "anthropic".to_owned();
            summary.operation_name = Some(OperationName::Embeddings);
            summary.request_model = Some("claude".to_owned());
            summary.response_model = Some("claude-2".to_owned());
            summary.outcome = Some(Outcome::TimedOut);
            summary.status = Some(429);
            summary.duration_us = Some(9_000_000);
            summary.cost = Some(UsdNanos(5_000_000));
            summary.usage.as_mut().unwrap().input_tokens = Some(9_000);
            summary.conversation = Some(conversation);
            summary.client_fingerprint = None;
        }).await;

        let all = CallFilter::default;
        check_filter(&world, all(), &[special, plain]).await;
        check_filter(&world, CallFilter { since: Some(between), ..all() }, &[special]).await;
        check_filter(&world, CallFilter { until: Some(between), ..all() }, &[plain]).await;
        check_filter(&world, CallFilter { provider_name: Some("anthropic".into()), ..all() }, &[special]).await;
        check_filter(&world, CallFilter { model: Some("claude".into()), ..all() }, &[special]).await;
        check_filter(&world, CallFilter { model: Some("gpt-4o-2024-08-06".into()), ..all() }, &[plain]).await;
        check_filter(&world, CallFilter { operation_name: Some(OperationName::Embeddings), ..all() }, &[special]).await;
        check_filter(&world, CallFilter { outcome: Some(Outcome::TimedOut), ..all() }, &[special]).await;
        check_filter(&world, CallFilter { status: Some((400, 499)), ..all() }, &[special]).await;
        check_filter(&world, CallFilter { status: Some((200, 200)), ..all() }, &[plain]).await;
        check_filter(&world, CallFilter { min_duration_us: Some(9_000_000), ..all() }, &[special]).await;
        check_filter(&world, CallFilter { min_cost: Some(UsdNanos(5_000_000)), ..all() }, &[special]).await;
        check_filter(&world, CallFilter { min_tokens: Some(9_005), ..all() }, &[special]).await;
        check_filter(&world, CallFilter { min_tokens: Some(9_006), ..all() }, &[]).await;
        check_filter(&world, CallFilter { conversation: Some(conversation), ..all() }, &[special]).await;
        check_filter(&world, CallFilter { client_fingerprint: Some([7; 16]), ..all() }, &[plain]).await;
        let both = CallFilter { status: Some((400, 499)), client_fingerprint: Some([7; 16]), ..all() };
        check_filter(&world, both, &[]).await;
        assert_eq!(world.store.count_calls(world.ours, &all(), 1).await.unwrap(), 1, "counts up to the bound");
    }

    async fn pages_do_not_shift_under_inserts(test: TestDb) {
        let world = World::new(&test).await;
        // Several calls of one instant, so that the id has to decide.
        let instant = world.now();
        let mut calls: Vec<_> = (0..23).map(|_| world.finished()).collect();
        calls.iter_mut().take(9).for_each(|call| call.summary.started_at = instant);
        let mut expected: Vec<_> = calls.iter().map(|call| (call.summary.started_at, call.summary.call)).collect();
        expected.sort_by(|a, b| b.cmp(a));
        world.store_finished(calls).await;

        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = world.store.list_calls(world.ours, &CallFilter::default(), after, 5).await.unwrap();
            seen.extend(page.calls.iter().map(|call| (call.started_at, call.call)));
            after = page.next;
            if after.is_none() { break }
            world.add(|_| {}).await;
        }
        assert_eq!(seen, expected);
    }

    async fn a_conversation_reads_from_its_beginning(test: TestDb) {
        let world = World::new(&test).await;
        let conversation: ConversationId = world.mint();
        let mut expected = Vec::new();
        for _ in 0..5 {
            expected.push(world.add(|call| call.summary.conversation = Some(conversation)).await);
            world.add(|_| {}).await;
        }
        let page = world.store.list_conversation(world.ours, conversation, None, 3).await.unwrap();
        let rest = world.store.list_conversation(world.ours, conversation, page.next, 3).await.unwrap();
        assert_eq!([ids(&page.calls), ids(&rest.calls)].concat(), expected);
        assert_eq!(rest.next, None);
    }

    async fn details_are_those_of_the_list(test: TestDb) {
        let world = World::new(&test).await;
        for number in 0..7 {
            world.add(|call| call.messages.input.push(message("user", &format!("question {number}")))).await;
        }
        world.add(|call| call.summary.response_bytes = 100_000_000).await;
        let all = CallFilter::default();
        let large = world.store.list_details(world.ours, &all, None, 100).await.unwrap();
        assert_eq!(large.calls.len(), 1, "a large call ends the page");
        let page = world.store.list_details(world.ours, &all, large.next, 100).await.unwrap();
        assert_eq!((page.calls.len(), page.next), (7, None));
        for detail in page.calls {
            assert_eq!(world.store.find_call(world.ours, detail.summary.call).await.unwrap(), Some(detail));
        }
    }

    async fn text_is_found_wherever_a_person_wrote_it(test: TestDb) {
        let world = World::new(&test).await;
        let question = world.add(|call| call.messages.input = vec![message("user", "Grüße aus ÖSTERREICH\n\"zitiert\"")]).await;
        let answer = world.add(|call| call.messages.output = vec![message("assistant", "Der Ausdruck needle-1.")]).await;
        let tool = world.add(|call| call.messages.output[0].parts.push(Part::ToolCall {
            id: None, name: "look_up".to_owned(), arguments: serde_json::json!({"deep": [{"q": "needle-2"}]}),
        })).await;
        let raw = world.add(|call| call.raw = Some(RawBodies { request: b"{\"x\": \"needle-3".to_vec(), response: vec![0xff] })).await;
        let find = |text: &str| CallFilter { text: Some(text.to_owned()), ..CallFilter::default() };
        check_filter(&world, find("grüße aus österreich\n\"ZITIERT\""), &[question]).await;
        check_filter(&world, find("NEEDLE-1"), &[answer]).await;
        check_filter(&world, find("needle-2"), &[tool]).await;
        check_filter(&world, find("needle-3"), &[raw]).await;
        check_filter(&world, find("answer briefly"), &[raw, tool, answer, question]).await;
        check_filter(&world, find("assistant"), &[]).await;
        check_filter(&world, find("content"), &[]).await;
        check_filter(&world, CallFilter { status: Some((500, 599)), ..find("needle") }, &[]).await;
    }

    async fn a_text_scan_pages_and_stops_at_its_bound(test: TestDb) {
        let world = World::new(&test).await;
        let marked = |call: &mut cp_traffic::FinishedCall| call.messages.input.push(message("user", "needle"));
        let old = world.add(marked).await;
        let filler = (0..MAX_SCANNED_CALLS + 100).map(|_| world.finished()).collect();
        world.store_finished(filler).await;
        let new = [world.add(marked).await, world.add(marked).await];

        let filter = CallFilter { text: Some("Needle".to_owned()), ..CallFilter::default() };
        let list = async |after, limit| world.store.list_calls(world.ours, &filter, after, limit).await.unwrap();
        let first = list(None, 1).await;
        assert_eq!((ids(&first.calls), first.scan_stopped), (vec![new[1]], false));
        let second = list(first.next, 10).await;
        assert_eq!((ids(&second.calls), second.scan_stopped), (vec![new[0]], true));
        let third = list(second.next, 10).await;
        assert_eq!((ids(&third.calls), third.scan_stopped, third.next), (vec![old], false, None));
    }

    async fn another_project_sees_nothing(test: TestDb) {
        let world = World::new(&test).await;
        let conversation: ConversationId = world.mint();
        let secret = world.add(|call| {
            call.summary.conversation = Some(conversation);
            call.chain_tip = Some([5; 32]);
        }).await;
        let (store, theirs) = (&world.store, world.theirs);
        assert_eq!(store.find_call(theirs, secret).await.unwrap(), None);
        for text in [None, Some("capital of Peru".to_owned())] {
            let filter = CallFilter { conversation: Some(conversation), text, ..CallFilter::default() };
            assert!(store.list_calls(theirs, &filter, None, 10).await.unwrap().calls.is_empty());
            assert!(store.list_details(theirs, &filter, None, 10).await.unwrap().calls.is_empty());
            assert_eq!(store.count_calls(theirs, &filter, 10).await.unwrap(), 0);
        }
        assert!(store.list_conversation(theirs, conversation, None, 10).await.unwrap().calls.is_empty());
        assert_eq!(store.find_chain_parent(theirs, Some([7; 16]), &[[5; 32]], world.opened().call).await.unwrap(), None);
        assert_eq!(store.status(theirs).await.unwrap().calls, 0);

        // The same id in another project is another call.
        let mut forged = world.finished();
        (forged.scope, forged.summary.call) = (theirs, secret);
        forged.messages.output = vec![message("assistant", "forged")];
        world.store_finished(vec![forged]).await;
        let ours = store.find_call(world.ours, secret).await.unwrap().unwrap();
        assert_eq!(ours.messages.output, [message("assistant", "Lima.")]);
    }
}
