//! One run: every workload, every load, the three ways right after one another.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio::time::Instant;

use crate::cores::Cores;
use crate::endurance::{self, Endurance};
use crate::load::{self, Samples, Timing};
use crate::paced::{self, Paced, percentile};
use crate::peer::{self, Peer};
use crate::workload::Workload;

/// Where the peers keep their files: on a disk, so not under the temporary folder.
const FOLDER: &str = "build/bench";

/// Threads of CodePromptu that a call passes through: the gateway's, and the capture log's writer.
const PATH_THREADS: [&str; 2] = ["gateway", "capture"];

/// How long without progress until calls that are not stored count as missing.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    warm_up: Duration,
    pub(crate) duration: Duration,
    /// Times that a load at a constant rate is measured on each peer, in turn. Its latencies are what a shared machine
    /// spoils first, so the medians are reported.
    rounds: usize,
    /// Streams of ten milliseconds a chunk.
    paced_streams: usize,
    /// How long the whole program is held at a high rate.
    hold: Duration,
}

impl Plan {
    pub(crate) fn full() -> Self {
        Self {
            warm_up: Duration::from_secs(1),
            duration: Duration::from_secs(6),
            rounds: 5,
            paced_streams: 30,
            hold: Duration::from_secs(60),
        }
    }

    pub(crate) fn quick() -> Self {
        Self {
            warm_up: Duration::from_millis(200),
            duration: Duration::from_secs(1),
            rounds: 1,
            paced_streams: 2,
            hold: Duration::from_secs(5),
        }
    }
}

/// How calls are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Load {
    /// This many connections, each with one call at a time.
    Connections(usize),
    /// This many calls a second, whatever happens.
    PerSecond(u64),
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connections(1) => f.write_str("1 connection"),
            Self::Connections(count) => write!(f, "{count} connections"),
            Self::PerSecond(rate) => write!(f, "{rate} calls/s"),
        }
    }
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) workload: &'static str,
    pub(crate) load: Load,
    pub(crate) peer: &'static str,
    pub(crate) calls: usize,
    pub(crate) errors: u64,
    pub(crate) calls_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) first_chunk_p50_us: f64,
    pub(crate) first_chunk_p99_us: f64,
    /// Of the whole process and, where it stores, until the last of these calls was stored.
    pub(crate) cpu_us_per_call: f64,
    /// Of the threads that a call passes through; of the whole process where it stores nothing.
    pub(crate) path_cpu_us_per_call: f64,
    pub(crate) cpu_us_per_call_by_thread: BTreeMap<String, f64>,
    pub(crate) resident_bytes: u64,
}

impl Row {
    /// Several rounds of one measurement in one: each value is the median of its own, calls and errors are sums.
    fn median(rounds: Vec<Self>) -> Option<Self> {
        let middle = |of: fn(&Self) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        let last = rounds.last()?.clone();
        Some(Self {
            calls: rounds.iter().map(|round| round.calls).sum(),
            errors: rounds.iter().map(|round| round.errors).sum(),
            calls_per_second: middle(|round| round.calls_per_second),
            p50_us: middle(|round| round.p50_us),
            p99_us: middle(|round| round.p99_us),
            first_chunk_p50_us: middle(|round| round.first_chunk_p50_us),
            first_chunk_p99_us: middle(|round| round.first_chunk_p99_us),
            cpu_us_per_call: middle(|round| round.cpu_us_per_call),
            path_cpu_us_per_call: middle(|round| round.path_cpu_us_per_call),
            ..last
        })
    }
}

/// Everything that the report is made of.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) processors: usize,
    pub(crate) nginx: String,
    pub(crate) seconds_per_measurement: f64,
    /// Measurements at a constant rate.
    pub(crate) rounds: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) paced: Vec<Paced>,
    /// From the start of the program on an empty store to its first answer, and its memory then.
    pub(crate) start: Option<Start>,
    /// The whole program at a high rate, on all processors.
    pub(crate) held: Option<Endurance>,
    /// Calls sent to CodePromptu, and calls that its store holds.
    pub(crate) sent: Option<u64>,
    pub(crate) stored: Option<u64>,
}

/// A start on an empty store.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Start {
    pub(crate) first_answer_ms: f64,
    pub(crate) resident_bytes: u64,
}

/// The rate at which the whole program is held.
const HELD_PER_SECOND: u64 = 3_000;

/// Holds a load on CodePromptu alone, on all processors.
pub(crate) async fn soak(cores: Cores, rate: u64, duration: Duration) -> Result<Endurance> {
    let direct = peer::direct(cores).await?;
    let whole = peer::codepromptu(&cores.all(), Path::new(FOLDER), direct.target.address).await?;
    let [json, ..] = Workload::all();
    endurance::hold(&whole, &json, rate, duration).await
}

/// Measures everything.
pub(crate) async fn run(plan: &Plan, cores: Cores, with_codepromptu: bool) -> Result<Run> {
    let nginx_version = peer::nginx_version()?;
    let direct = peer::direct(cores).await?;
    let upstream = direct.target.address;
    let nginx = peer::nginx(cores, Path::new(FOLDER), upstream).await?;
    let mut peers = vec![direct, nginx];
    let mut start = None;
    if with_codepromptu {
        let began = Instant::now();
        let peer = peer::codepromptu(&cores.proxy.to_string(), Path::new(FOLDER), upstream).await?;
        let first_answer_ms = began.elapsed().as_secs_f64() * 1e3;
        start = Some(Start { first_answer_ms, resident_bytes: peer.process.resident_bytes()? });
        peers.push(peer);
        peers.push(peer::guarded(&cores.proxy.to_string(), Path::new(FOLDER), upstream).await?);
    }

    let rows = measure_loads(plan, &peers, "").await?;
    let mut paced = Vec::new();
    for peer in &peers {
        paced.push(paced::measure(peer, plan.paced_streams).await?);
    }
    let storing = peers.iter().find(|peer| peer.stores);
    let (sent, stored) = match storing {
        Some(peer) => {
            drained(peer).await?;
            (Some(peer.target.sent()), Some(peer.stored().await?))
        }
        None => (None, None),
    };
    drop(peers);
    let held = if with_codepromptu { Some(soak(cores, HELD_PER_SECOND, plan.hold).await?) } else { None };
    let seconds_per_measurement = plan.duration.as_secs_f64();
    Ok(Run {
        processors: cores.count,
        nginx: nginx_version,
        seconds_per_measurement,
        rounds: plan.rounds,
        rows,
        paced,
        start,
        held,
        sent,
        stored,
    })
}

/// Measures the loads whose name holds `only` and writes no report: for whoever is looking for something.
pub(crate) async fn show_only(plan: &Plan, cores: Cores, only: &str) -> Result<()> {
    let direct = peer::direct(cores).await?;
    let upstream = direct.target.address;
    let nginx = peer::nginx(cores, Path::new(FOLDER), upstream).await?;
    let codepromptu = peer::codepromptu(&cores.proxy.to_string(), Path::new(FOLDER), upstream).await?;
    let guarded = peer::guarded(&cores.proxy.to_string(), Path::new(FOLDER), upstream).await?;
    let peers = [direct, nginx, codepromptu, guarded];
    measure_loads(plan, &peers, only).await?;
    if "paced streams".contains(only) {
        for peer in &peers {
            show_paced(&paced::measure(peer, plan.paced_streams).await?);
        }
    }
    Ok(())
}

/// Every load whose name holds `only`, on each of the peers.
async fn measure_loads(plan: &Plan, peers: &[Peer], only: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for workload in &Workload::all() {
        let closed = workload.concurrencies.iter().map(|count| Load::Connections(*count));
        let constant = workload.rates.iter().map(|rate| Load::PerSecond(*rate));
        let mut expected_bytes = None;
        let named = |load: &Load| format!("{}, {load}", workload.name).contains(only);
        for load in closed.chain(constant).filter(named) {
            let rounds = if matches!(load, Load::PerSecond(_)) { plan.rounds } else { 1 };
            let mut measured = vec![Vec::new(); peers.len()];
            for round in 0..rounds {
                for (peer, measured) in peers.iter().zip(&mut measured) {
                    let bytes = load::probe(&peer.target, workload).await?;
                    let expected = *expected_bytes.get_or_insert(bytes);
                    if round == 0 {
                        load::closed_loop(&peer.target, workload, expected, 16, plan.warm_up).await?;
                        drained(peer).await?;
                    }
                    let row = measure(plan, peer, workload, expected, load).await?;
                    show(&row);
                    measured.push(row);
                }
            }
            let medians = rows.len();
            rows.extend(measured.into_iter().filter_map(Row::median));
            if rounds > 1 {
                rows.iter().skip(medians).for_each(show);
            }
        }
    }
    Ok(rows)
}

async fn measure(
    plan: &Plan,
    peer: &Peer,
    workload: &Workload,
    expected_bytes: usize,
    load: Load,
) -> Result<Row> {
    let before = peer.process.cpu_time()?;
    let samples = match load {
        Load::Connections(count) => {
            load::closed_loop(&peer.target, workload, expected_bytes, count, plan.duration).await?
        }
        Load::PerSecond(rate) => {
            load::constant_rate(&peer.target, workload, expected_bytes, rate, plan.duration).await?
        }
    };
    drained(peer).await?;
    let cpu = peer.process.cpu_time()?.since(&before);

    let calls = samples.timings.len();
    let per_call = |time: Duration| time.as_secs_f64() * 1e6 / calls.max(1) as f64;
    let on_path = |name: &str| PATH_THREADS.iter().any(|thread| name.starts_with(thread));
    let path: Duration = cpu.by_thread.iter().filter(|(name, _)| on_path(name)).map(|(_, time)| *time).sum();
    let totals = Percentiles::of(&samples, |timing| timing.total);
    let first_chunks = Percentiles::of(&samples, |timing| timing.first_chunk);
    Ok(Row {
        workload: workload.name,
        load,
        peer: peer.name,
        calls,
        errors: samples.errors,
        calls_per_second: calls as f64 / samples.elapsed.as_secs_f64(),
        p50_us: totals.p50_us,
        p99_us: totals.p99_us,
        first_chunk_p50_us: first_chunks.p50_us,
        first_chunk_p99_us: first_chunks.p99_us,
        cpu_us_per_call: per_call(cpu.total),
        path_cpu_us_per_call: per_call(if peer.stores { path } else { cpu.total }),
        cpu_us_per_call_by_thread: cpu
            .by_thread
            .iter()
            .map(|(name, time)| (name.clone(), per_call(*time)))
            .collect(),
        resident_bytes: peer.process.resident_bytes()?,
    })
}

/// Waits until the peer has stored what was sent to it.
pub(crate) async fn drained(peer: &Peer) -> Result<()> {
    if !peer.stores {
        return Ok(());
    }
    let sent = peer.target.sent();
    let mut stored = peer.reported().await?;
    let mut progress = Instant::now();
    while stored < sent && progress.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = peer.reported().await.context("while waiting for the calls to be stored")?;
        if now > stored {
            progress = Instant::now();
        }
        stored = now;
    }
    Ok(())
}

struct Percentiles {
    p50_us: f64,
    p99_us: f64,
}

impl Percentiles {
    fn of(samples: &Samples, of: impl Fn(&Timing) -> Duration) -> Self {
        let mut values: Vec<Duration> = samples.timings.iter().map(of).collect();
        Self { p50_us: percentile(&mut values, 50), p99_us: percentile(&mut values, 99) }
    }
}

#[expect(clippy::print_stdout, reason = "the progress of a run that takes minutes")]
fn show(row: &Row) {
    println!(
        "{:<28} {:<15} {:<12} {:>7.0} calls/s  p50 {:>6.0} µs  p99 {:>6.0} µs  CPU {:>6.1} µs/call ({:.1})  errors {}",
        row.workload,
        row.load.to_string(),
        row.peer,
        row.calls_per_second,
        row.p50_us,
        row.p99_us,
        row.cpu_us_per_call,
        row.path_cpu_us_per_call,
        row.errors
    );
}

#[expect(clippy::print_stdout, reason = "as above")]
fn show_paced(paced: &Paced) {
    let Paced { peer, first_event_p50_us, gap_p50_us, gap_p99_us, glued, .. } = paced;
    println!(
        "{peer:<12} first event p50 {first_event_p50_us:.0} µs  gap p50 {gap_p50_us:.0} µs  p99 {gap_p99_us:.0} µs  glued {glued}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let timings = (1..=200)
            .map(|ms| Timing { first_chunk: Duration::ZERO, total: Duration::from_millis(ms) })
            .collect();
        let percentiles = Percentiles::of(&Samples { timings, ..Samples::default() }, |timing| timing.total);
        assert_eq!((percentiles.p50_us, percentiles.p99_us), (100_000.0, 198_000.0));
    }
}
