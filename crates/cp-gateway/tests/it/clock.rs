//! A wall clock that is set while calls pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use cp_base::{CallId, Clock, Outcome, SystemClock, Tick, Timestamp};
use cp_capture::Record;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{CHUNKED, Provider, Rig, Settings, Step, chunk, response, text};

/// The machine's clocks, the wall clock set by so many microseconds.
#[derive(Debug, Default)]
struct SetClock {
    machine: SystemClock,
    set_by: AtomicI64,
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.machine.now().0 + self.set_by.load(SeqCst))
    }

    fn ticks(&self) -> Tick {
        self.machine.ticks()
    }
}

const HOUR: i64 = 3_600_000_000;
const REQUEST: &[u8] =
    b"POST /openai/v1/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";

#[tokio::test]
async fn set_during_a_call_it_changes_no_duration() {
    for hours in [-2, 2] {
        let script = vec![
            Step::Send(CHUNKED.to_vec()),
            Step::Send(chunk(b"one")),
            Step::AwaitClient,
            Step::Send(chunk(b"two")),
            Step::Send(b"0\r\n\r\n".to_vec()),
        ];
        let provider = Provider::play(script).await;
        let clock = Arc::new(SetClock::default());
        let rig = Rig::with(provider.port, Settings { clock: clock.clone(), ..Settings::default() }).await;
        let mut client = rig.connect().await;
        client.write_all(REQUEST).await.unwrap();
        let mut answer = Vec::new();
        while !text(&answer).contains("one") {
            client.read_buf(&mut answer).await.unwrap();
        }
        clock.set_by.store(hours * HOUR, SeqCst);
        provider.client_done.send_replace(true);
        client.read_to_end(&mut answer).await.unwrap();
        assert!(answer.ends_with(b"0\r\n\r\n"), "{}", text(&answer));

        let (opening, closing) = rig.only_call().await;
        assert_eq!(closing.outcome, Outcome::Completed);
        let minute = 60_000_000;
        assert!(closing.duration_us < minute, "{}", closing.duration_us);
        assert!(closing.time_to_first_chunk_us.unwrap() <= closing.duration_us);
        assert!(closing.overhead_us <= closing.duration_us);
        // What the wall clock showed is told as it was.
        let apart = closing.ended_at.0 - opening.started_at.0;
        assert!((apart - hours * HOUR).abs() < i64::try_from(minute).unwrap(), "{apart}");
    }
}

#[tokio::test]
async fn set_between_calls_it_changes_no_order() {
    let provider = Provider::play(vec![Step::Send(response(b"{}"))]).await;
    let clock = Arc::new(SetClock::default());
    let rig = Rig::with(provider.port, Settings { clock: clock.clone(), ..Settings::default() }).await;
    for hours in [0, 0, -3, -3, 5, 5, -1, 0] {
        clock.set_by.store(hours * HOUR, SeqCst);
        rig.exchange(REQUEST).await;
    }
    let records = rig.records(|_| true).await;
    let calls: Vec<CallId> = records
        .iter()
        .filter_map(|record| match record {
            Record::Closing(closing) => Some(closing.opening.call),
            _ => None,
        })
        .collect();
    assert_eq!(calls.len(), 8);
    assert!(calls.is_sorted_by(|earlier, later| earlier < later), "{calls:?}");
}
