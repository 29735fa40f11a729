use cp_base::{Id, IdGenerator, Measure, Random, SystemClock, kind};

use super::*;

const START: Timestamp = Timestamp(1_700_000_000_000_000);

fn ids() -> IdGenerator {
    IdGenerator::new(Arc::new(SystemClock::default()), Arc::new(Random::seeded(1)))
}

fn key() -> GatewayKeyId {
    Id::from_uuid(Default::default())
}

fn limit(measure: Measure, window: Window, amount: u64) -> Limit {
    Limit { measure, window, amount }
}

fn tokens(tokens: u64) -> Spend {
    Spend { tokens, ..Spend::default() }
}

fn settled(call: CallId, tokens: u64) -> Settled {
    let spend = Spend { requests: 1, tokens, usd_nanos: 0 };
    Settled { key: key(), call, started_at: START, spend, origin: Origin::Exchange }
}

#[test]
fn a_window_that_is_used_up_opens_again_with_the_next() {
    let meter = Meters::new(START).of(key());
    let (ids, limits) = (ids(), [limit(Measure::Requests, Window::Minute, 2)]);
    for _ in 0..2 {
        meter.admit(&limits, ids.mint(), START, Spend::default()).unwrap().ended(START);
    }
    let refused = meter.admit(&limits, ids.mint(), START, Spend::default()).unwrap_err();
    assert_eq!(refused.resets_at, Window::Minute.around(START).1);
    assert_eq!(refused.retry_at, refused.resets_at);
    assert!(meter.admit(&limits, ids.mint(), refused.resets_at, Spend::default()).is_ok());
}

#[test]
fn what_is_under_way_counts_and_is_replaced_by_the_truth() {
    let meters = Meters::new(START);
    let (meter, ids) = (meters.of(key()), ids());
    let limits = [limit(Measure::Tokens, Window::Day, 100)];
    let call = ids.mint();
    let reservation = meter.admit(&limits, call, START, tokens(150)).unwrap();
    let refused = meter.admit(&limits, ids.mint(), START, tokens(1)).unwrap_err();
    assert_eq!(refused.retry_at, START.after(RETRY_SOON), "only what is under way stands in the way");
    reservation.ended(START);
    assert_eq!(meters.used(key(), Window::Day, START), Spend { requests: 1, tokens: 150, usd_nanos: 0 });
    meters.settle(&[settled(call, 30)]);
    assert_eq!(meters.used(key(), Window::Day, START), Spend { requests: 1, tokens: 30, usd_nanos: 0 });
    meters.settle(&[settled(call, 30)]);
    assert_eq!(meters.used(key(), Window::Day, START).tokens, 30, "told twice, counted once");
}

#[test]
fn what_never_reached_a_provider_is_given_back() {
    let meters = Meters::new(START);
    drop(meters.of(key()).admit(&[], ids().mint(), START, tokens(5)).unwrap());
    assert_eq!(meters.used(key(), Window::Month, START), Spend::default());
}

#[test]
fn an_estimate_stands_where_nothing_better_comes() {
    let meters = Meters::new(START);
    let (meter, ids) = (meters.of(key()), ids());
    meter.admit(&[], ids.mint(), START, tokens(5)).unwrap().ended_unrecorded();
    let call = ids.mint();
    meter.admit(&[], call, START, tokens(7)).unwrap().ended(START);
    let used = |at| meters.used(key(), Window::Month, at).tokens;
    let late = START.after(SETTLE_PATIENCE + Duration::from_secs(1));
    meters.sweep(late);
    assert_eq!(used(late), 12);
    meters.settle(&[settled(call, 100)]);
    assert_eq!(used(late), 12, "it was counted already");
}

#[test]
fn calls_of_the_process_before_are_counted_when_they_are_stored() {
    let meters = Meters::new(START);
    let day = Window::Day.around(START).0;
    meters.load_here(Window::Day, day, &[(key(), Spend { requests: 3, tokens: 40, usd_nanos: 9 })]);
    let before = Settled { started_at: START.before(Duration::from_secs(1)), ..settled(ids().mint(), 2) };
    meters.settle(&[before]);
    assert_eq!(meters.used(key(), Window::Day, START), Spend { requests: 4, tokens: 42, usd_nanos: 9 });
}

#[test]
fn what_other_nodes_used_is_kept_apart() {
    let meters = Meters::new(START);
    let day = Window::Day.around(START).0;
    meters.of(key()).admit(&[], ids().mint(), START, tokens(1)).unwrap().ended(START);
    for elsewhere in [50, 60] {
        meters.load_elsewhere(Window::Day, day, &[(key(), tokens(elsewhere))]);
        assert_eq!(meters.used(key(), Window::Day, START).tokens, 1 + elsewhere);
    }
    meters.load_elsewhere(Window::Day, day, &[]);
    assert_eq!(meters.used(key(), Window::Day, START).tokens, 1);
    let other: Id<kind::GatewayKey> = ids().mint();
    assert_eq!(meters.used(other, Window::Day, START), Spend::default());
}

#[test]
fn many_at_once_go_over_by_one_estimate_at_most() {
    let meters = Meters::new(START);
    let (ids, limits) = (ids(), [limit(Measure::Tokens, Window::Hour, 1_000)]);
    let admitted = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| {
                let (meters, ids, limits) = (meters.clone(), ids.clone(), &limits);
                scope.spawn(move || {
                    let admit = |_| meters.of(key()).admit(limits, ids.mint(), START, tokens(30)).ok();
                    let held: Vec<_> = (0..100).filter_map(admit).collect();
                    let count = held.len();
                    held.into_iter().for_each(|reservation| reservation.ended(START));
                    count
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).sum::<usize>()
    });
    assert_eq!(admitted, 34, "1,020 tokens: the limit, and less than one call over it");
}

#[test]
fn what_was_found_in_a_batch_counts_once() {
    let meters = Meters::new(START);
    let _ = meters.of(key());
    let found = Settled { origin: Origin::Derived, ..settled(ids().mint(), 9) };
    meters.settle(&[found, found]);
    assert_eq!(meters.used(key(), Window::Month, START), Spend { requests: 1, tokens: 9, usd_nanos: 0 });
}
