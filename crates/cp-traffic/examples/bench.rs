#![allow(clippy::all, clippy::disallowed_methods, missing_docs)]
use cp_base::*;
use cp_genai::*;
use cp_traffic::*;
use std::{collections::HashMap, sync::Arc, time::Instant};
fn main() {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let random = Arc::new(Random::system());
        let ids = IdGenerator::new(clock.clone(), random.clone());
        let loc = std::env::args().nth(1).unwrap();
        let db = cp_db::Db::connect(&loc, cp_db::Durability::Process).await.unwrap();
        db.migrate(&[MIGRATIONS], clock.now()).await.unwrap();
        let ours = ProjectScope::grant(ids.mint(), ids.mint());
        let keys = HashMap::from([(ours.project(), MasterKey::new([1; 32]).new_data_key(&random, b"").0)]);
        let store = TrafficStore::new(db, keys, random);
        let node: NodeId = ids.mint();
        let msg = |role: &str, t: String| Message {
            role: role.into(),
            parts: vec![Part::Text { content: t }],
            name: None,
            finish_reason: None,
        };
        let n = 20_000;
        let per = 500;
        let t0 = Instant::now();
        let mut made = 0.0;
        for b in 0..n / per {
            let t = Instant::now();
            let writes: Vec<Write> = (0..per)
                .flat_map(|i| {
                    let k = b * per + i;
                    let opened = CallSummary {
                        call: ids.mint(),
                        node,
                        started_at: clock.now(),
                        provider_name: "openai".into(),
                        operation_name: None,
                        method: "POST".into(),
                        path: "/v1/chat/completions".into(),
                        client_fingerprint: Some([7; 16]),
                        outcome: None,
                        status: None,
                        error_code: None,
                        duration_us: None,
                        time_to_first_chunk_us: None,
                        overhead_us: None,
                        request_model: None,
                        response_model: None,
                        stream: false,
                        finish_reasons: vec![],
                        usage: None,
                        cost: None,
                        price_list: None,
                        conversation: None,
                        request_bytes: 0,
                        response_bytes: 0,
                    };
                    let summary = CallSummary {
                        operation_name: Some(OperationName::Chat),
                        outcome: Some(Outcome::Completed),
                        status: Some(200),
                        duration_us: Some(1),
                        request_model: Some("gpt-4o".into()),
                        response_model: Some("gpt-4o".into()),
                        finish_reasons: vec!["stop".into()],
                        usage: Some(Usage { input_tokens: Some(1), ..Default::default() }),
                        conversation: Some(ids.mint()),
                        request_bytes: 1400,
                        response_bytes: 1100,
                        ..opened.clone()
                    };
                    let mut input: Vec<_> =
                        (0..8).map(|j| msg("user", format!("history {} {}", k / 10, j).repeat(8))).collect();
                    input.push(msg("user", format!("question {k} ").repeat(60)));
                    let mut tip = [0u8; 32];
                    tip[..8].copy_from_slice(&(k as u64).to_le_bytes());
                    let call = FinishedCall {
                        scope: ours,
                        summary,
                        chain_tip: Some(tip),
                        parent: None,
                        document: CallDocument {
                            request_headers: (0..6)
                                .map(|i| (format!("header-{i}"), "value value".into()))
                                .collect(),
                            decoded: DecodedCall {
                                system_instructions: vec![Part::Text { content: "You are. ".repeat(100) }],
                                ..Default::default()
                            },
                            ..Default::default()
                        },
                        messages: CallMessages {
                            input,
                            output: vec![msg("assistant", format!("answer {k} ").repeat(60))],
                        },
                        raw: None,
                    };
                    [Write::Opened(ours, Box::new(opened)), Write::Finished(Box::new(call))]
                })
                .collect();
            made += t.elapsed().as_secs_f64();
            store
                .write_batch(Batch {
                    writes,
                    cursor: Some(LogCursor { node, consumer: "s".into(), position: b as i64 }),
                })
                .await
                .unwrap();
        }
        let wall = t0.elapsed().as_secs_f64() - made;
        println!("{n} calls: {wall:.2} s, {:.0} calls/s", n as f64 / wall);
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let f: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        println!(
            "cpu {} s user {} s sys, of which making {made:.2}",
            f[11].parse::<f64>().unwrap() / 100.,
            f[12].parse::<f64>().unwrap() / 100.
        );
        let t = Instant::now();
        let c = store
            .list_calls(
                ours,
                &CallFilter { text: Some("nothing like it".into()), ..Default::default() },
                None,
                50,
            )
            .await
            .unwrap();
        println!("scan {} {:?} {:?}", c.scan_stopped, c.next.is_some(), t.elapsed());
        let t = Instant::now();
        store.list_details(ours, &CallFilter::default(), None, 100).await.unwrap();
        println!("details of 100 {:?}", t.elapsed());
        let t = Instant::now();
        store.list_calls(ours, &CallFilter::default(), None, 50).await.unwrap();
        println!("list of 50 {:?}", t.elapsed());
        let t = Instant::now();
        for k in 0..1000u64 {
            let mut tip = [0u8; 32];
            tip[..8].copy_from_slice(&k.to_le_bytes());
            assert!(
                store
                    .find_chain_parent(ours, Some([7; 16]), &[[9; 32], [8; 32], [6; 32], tip])
                    .await
                    .unwrap()
                    .is_some()
            );
        }
        println!("1000 parents {:?}", t.elapsed());
        println!("{:?}", store.status(ours).await.unwrap());
    });
}
