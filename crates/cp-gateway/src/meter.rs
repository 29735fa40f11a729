//! What gateway keys use, counted in memory: limits are decided without a question to anybody.
//!
//! A call counts from its admission. What it will use is not known then, so an estimate is reserved until the pipeline
//! has stored the call and tells what it really used; a call that will never be stored, or of which nothing was heard
//! for an hour, counts as estimated. A key can therefore go over its limit by one call's estimate, and by what estimates
//! fall short of the truth.
//!
//! All windows are counted for each key, limited or not, so that a limit that is set now knows what was used before.
//! What other nodes use is read from the store now and then and kept apart: nothing is counted twice.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cp_base::{CallId, GatewayKeyId, Limit, Origin, Settled, Spend, Timestamp, Window};

/// Ended calls of one key that wait to be told what they used; beyond, the estimate stands.
const MAX_UNSETTLED: usize = 16_384;
/// Derived calls that are remembered as counted: the same batch may be fetched again.
const MAX_DERIVED: usize = 65_536;
/// How long an ended call waits for that.
const SETTLE_PATIENCE: Duration = Duration::from_secs(3600);
/// When a limit is met by calls under way alone, they may end any time.
const RETRY_SOON: Duration = Duration::from_secs(2);

/// The meters of all gateway keys. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Meters {
    meters: Arc<Mutex<HashMap<GatewayKeyId, Arc<Meter>>>>,
    since: Timestamp,
}

/// What one key uses.
#[derive(Debug)]
pub struct Meter {
    state: Mutex<State>,
    /// Calls from before were counted by another process, and are told to this one only when they are stored.
    since: Timestamp,
}

#[derive(Debug)]
struct State {
    /// By window, in the order of `Window::ALL`.
    spans: [Span; Window::ALL.len()],
    pending: HashMap<CallId, Pending>,
    /// The sum of all that is pending.
    reserved: Spend,
    /// Those of the pending that have ended.
    unsettled: usize,
    derived: HashSet<CallId>,
    last_used: Option<Timestamp>,
}

/// What was used within one window of the calendar.
#[derive(Clone, Copy, Debug)]
struct Span {
    window: Window,
    start: Timestamp,
    end: Timestamp,
    here: Spend,
    elsewhere: Spend,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    estimate: Spend,
    begun: Timestamp,
    ended: Option<Timestamp>,
}

/// A limit that a call would go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) limit: Limit,
    /// When its window is over.
    pub(crate) resets_at: Timestamp,
    /// From when on it is worth to try again.
    pub(crate) retry_at: Timestamp,
}

/// A call's place within the limits of its key. Dropped, it is given back: the provider was never asked.
#[derive(Debug)]
pub(crate) struct Reservation {
    held: Option<(Arc<Meter>, CallId)>,
}

impl Meters {
    /// Meters of a process that began at `since`.
    #[must_use]
    pub fn new(since: Timestamp) -> Self {
        Self { meters: Arc::default(), since }
    }

    /// The meter of a key, at zero where there was none.
    #[must_use]
    pub fn of(&self, key: GatewayKeyId) -> Arc<Meter> {
        let new = || Arc::new(Meter::new(self.since));
        lock(&self.meters).entry(key).or_insert_with(new).clone()
    }

    /// Forgets the keys that are no more.
    pub fn keep(&self, wanted: impl Fn(GatewayKeyId) -> bool) {
        lock(&self.meters).retain(|key, _| wanted(*key));
    }

    /// What this node's keys used in the window that began at `start`, as the store knows it: for a start.
    pub fn load_here(&self, window: Window, start: Timestamp, spends: &[(GatewayKeyId, Spend)]) {
        for (key, spend) in spends {
            self.of(*key).load(window, start, |span| span.here = *spend);
        }
    }

    /// What other nodes' calls used in that window. A key that is not named used nothing there.
    pub fn load_elsewhere(&self, window: Window, start: Timestamp, spends: &[(GatewayKeyId, Spend)]) {
        let spends: HashMap<_, _> = spends.iter().copied().collect();
        for (key, meter) in &*lock(&self.meters) {
            let spend = spends.get(key).copied().unwrap_or_default();
            meter.load(window, start, |span| span.elsewhere = spend);
        }
    }

    /// Counts what stored calls really used, in place of their estimates.
    pub fn settle(&self, calls: &[Settled]) {
        for settled in calls {
            self.of(settled.key).settle(settled);
        }
    }

    /// Lets the estimates stand of calls of which nothing was heard for long. To be called now and then.
    pub fn sweep(&self, now: Timestamp) {
        let meters: Vec<_> = lock(&self.meters).values().cloned().collect();
        meters.iter().for_each(|meter| meter.sweep(now.before(SETTLE_PATIENCE)));
    }

    /// The keys that were used since this was asked last, and when.
    #[must_use]
    pub fn take_last_used(&self) -> Vec<(GatewayKeyId, Timestamp)> {
        let meters = lock(&self.meters);
        meters.iter().filter_map(|(key, meter)| Some((*key, lock(&meter.state).last_used.take()?))).collect()
    }

    /// What a key has used of a window, calls under way included.
    #[must_use]
    pub fn used(&self, key: GatewayKeyId, window: Window, now: Timestamp) -> Spend {
        let meter = lock(&self.meters).get(&key).cloned();
        meter.map_or_else(Spend::default, |meter| {
            let state = &mut *lock(&meter.state);
            let reserved = state.reserved;
            state.span(window, now).used(reserved)
        })
    }
}

impl Meter {
    fn new(since: Timestamp) -> Self {
        let spans = Window::ALL.map(|window| {
            let (start, end) = window.around(since);
            Span { window, start, end, here: Spend::default(), elsewhere: Spend::default() }
        });
        let state = State {
            spans,
            pending: HashMap::new(),
            reserved: Spend::default(),
            unsettled: 0,
            derived: HashSet::new(),
            last_used: None,
        };
        Self { state: Mutex::new(state), since }
    }

    /// Admits a call that may use `estimate`, or names the first limit that is used up.
    pub(crate) fn admit(
        self: &Arc<Self>,
        limits: &[Limit],
        call: CallId,
        now: Timestamp,
        estimate: Spend,
    ) -> Result<Reservation, Exceeded> {
        let state = &mut *lock(&self.state);
        let reserved = state.reserved;
        for limit in limits {
            let span = state.span(limit.window, now);
            if span.used(reserved).of(limit.measure) >= limit.amount {
                let resets_at = span.end;
                let settled = span.used(Spend::default()).of(limit.measure);
                let soon = now.after(RETRY_SOON).min(resets_at);
                let retry_at = if settled >= limit.amount { resets_at } else { soon };
                return Err(Exceeded { limit: *limit, resets_at, retry_at });
            }
        }
        let asked = Spend { requests: 1, ..Spend::default() };
        state.count(now, asked);
        state.last_used = Some(now);
        let estimate = Spend { requests: 0, ..estimate };
        state.reserved += estimate;
        state.pending.insert(call, Pending { estimate, begun: now, ended: None });
        Ok(Reservation { held: Some((self.clone(), call)) })
    }

    fn load(&self, window: Window, start: Timestamp, set: impl FnOnce(&mut Span)) {
        let state = &mut *lock(&self.state);
        let span = state.span(window, start);
        if span.start == start {
            set(span);
        }
    }

    fn cancel(&self, call: CallId) {
        let state = &mut *lock(&self.state);
        if let Some(pending) = state.take(call) {
            let asked = Spend { requests: 1, ..Spend::default() };
            let since = |span: &&mut Span| pending.begun >= span.start;
            state.spans.iter_mut().filter(since).for_each(|span| span.here = span.here.less(asked));
        }
    }

    /// `now` is when the call ended; absent where it will never be stored.
    fn end(&self, call: CallId, now: Option<Timestamp>) {
        let state = &mut *lock(&self.state);
        match (now, state.pending.get_mut(&call)) {
            (Some(now), Some(pending)) if state.unsettled < MAX_UNSETTLED => {
                pending.ended = Some(now);
                state.unsettled += 1;
            }
            _ => state.stand(call),
        }
    }

    fn settle(&self, settled: &Settled) {
        let state = &mut *lock(&self.state);
        let Settled { call, started_at, spend, origin, .. } = *settled;
        match (origin, state.take(call)) {
            (Origin::Derived, _) if state.is_new(call) => state.count(started_at, spend),
            (Origin::Exchange, Some(_)) => state.count(started_at, Spend { requests: 0, ..spend }),
            (Origin::Exchange, None) if started_at < self.since => state.count(started_at, spend),
            // It is counted already: as it was found before, or by its estimate.
            _ => {}
        }
    }

    fn sweep(&self, before: Timestamp) {
        let state = &mut *lock(&self.state);
        let forgotten = |(call, pending): (&CallId, &Pending)| {
            pending.ended.is_some_and(|ended| ended < before).then_some(*call)
        };
        let forgotten: Vec<_> = state.pending.iter().filter_map(forgotten).collect();
        forgotten.into_iter().for_each(|call| state.stand(call));
    }
}

impl State {
    /// The span of a window, as it is at `now`.
    fn span(&mut self, window: Window, now: Timestamp) -> &mut Span {
        // `spans` has one of each, in the order of the enum.
        let [minute, hour, day, month] = &mut self.spans;
        let span = match window {
            Window::Minute => minute,
            Window::Hour => hour,
            Window::Day => day,
            Window::Month => month,
        };
        if now >= span.end {
            (span.start, span.end) = span.window.around(now);
            (span.here, span.elsewhere) = (Spend::default(), Spend::default());
        }
        span
    }

    /// Counts what a call used in every window that it began in.
    fn count(&mut self, begun: Timestamp, spend: Spend) {
        for window in Window::ALL {
            let span = self.span(window, begun);
            if begun >= span.start {
                span.here += spend;
            }
        }
    }

    fn take(&mut self, call: CallId) -> Option<Pending> {
        let pending = self.pending.remove(&call)?;
        self.reserved = self.reserved.less(pending.estimate);
        self.unsettled -= usize::from(pending.ended.is_some());
        Some(pending)
    }

    /// Whether a derived call was not counted yet, as far as that is remembered.
    fn is_new(&mut self, call: CallId) -> bool {
        if self.derived.len() >= MAX_DERIVED {
            self.derived.clear();
        }
        self.derived.insert(call)
    }

    /// The call counts as estimated.
    fn stand(&mut self, call: CallId) {
        if let Some(pending) = self.take(call) {
            self.count(pending.begun, pending.estimate);
        }
    }
}

impl Span {
    fn used(&self, reserved: Spend) -> Spend {
        let mut used = self.here;
        used += self.elsewhere;
        used += reserved;
        used
    }
}

impl Reservation {
    /// The provider was asked, and the call is over; what it used is told when its record is stored.
    pub(crate) fn ended(mut self, now: Timestamp) {
        if let Some((meter, call)) = self.held.take() {
            meter.end(call, Some(now));
        }
    }

    /// The same for a call that has no record: the estimate stands.
    pub(crate) fn ended_unrecorded(mut self) {
        if let Some((meter, call)) = self.held.take() {
            meter.end(call, None);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some((meter, call)) = self.held.take() {
            meter.cancel(call);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
