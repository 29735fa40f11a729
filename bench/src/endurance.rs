//! One load held for long: whether the log's backlog or the memory grows, and whether every call is stored.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::time::Instant;

use crate::load;
use crate::measure::drained;
use crate::peer::Peer;
use crate::workload::Workload;

/// What CodePromptu looked like at a moment.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// Since the load began.
    pub(crate) seconds: f64,
    pub(crate) resident_bytes: u64,
    /// What the pipeline has not stored yet.
    pub(crate) backlog_bytes: u64,
}

/// How it went.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Endurance {
    pub(crate) calls_per_second: u64,
    pub(crate) seconds: u64,
    pub(crate) sent: u64,
    pub(crate) stored: u64,
    pub(crate) errors: u64,
    pub(crate) achieved_per_second: f64,
    pub(crate) samples: Vec<Sample>,
}

/// Holds `rate` calls a second for `duration`, and waits until all of them are stored.
pub(crate) async fn hold(
    peer: &Peer,
    workload: &Workload,
    rate: u64,
    duration: Duration,
) -> Result<Endurance> {
    let expected = load::probe(&peer.target, workload).await?;
    let began = Instant::now();
    let every = Duration::from_secs(if duration > Duration::from_secs(120) { 5 } else { 1 });
    let sampled = async {
        let mut samples = Vec::new();
        loop {
            tokio::time::sleep(every).await;
            samples.push(sample(peer, began).await?);
            if began.elapsed() + every > duration {
                return anyhow::Ok(samples);
            }
        }
    };
    let loaded = load::constant_rate(&peer.target, workload, expected, rate, duration);
    let (loaded, samples) = tokio::try_join!(loaded, sampled)?;
    drained(peer).await?;
    let stored = peer.stored().await?;
    Ok(Endurance {
        calls_per_second: rate,
        seconds: duration.as_secs(),
        sent: peer.target.sent(),
        stored,
        errors: loaded.errors,
        achieved_per_second: loaded.timings.len() as f64 / loaded.elapsed.as_secs_f64(),
        samples,
    })
}

async fn sample(peer: &Peer, began: Instant) -> Result<Sample> {
    Ok(Sample {
        seconds: began.elapsed().as_secs_f64(),
        resident_bytes: peer.process.resident_bytes()?,
        backlog_bytes: peer.backlog_bytes().await?,
    })
}

impl Endurance {
    /// The mean of a value over the samples between two shares of the time.
    fn mean(&self, from: f64, to: f64, of: impl Fn(&Sample) -> u64) -> f64 {
        let whole = self.seconds as f64;
        let within: Vec<_> = self
            .samples
            .iter()
            .filter(|sample| (from * whole..=to * whole).contains(&sample.seconds))
            .map(|sample| of(sample) as f64)
            .collect();
        within.iter().sum::<f64>() / within.len().max(1) as f64
    }

    /// A line for people.
    pub(crate) fn summary(&self) -> String {
        let megabytes = |from, to, of: fn(&Sample) -> u64| self.mean(from, to, of) / 1e6;
        let resident = |sample: &Sample| sample.resident_bytes;
        let backlog = |sample: &Sample| sample.backlog_bytes;
        // The minute after the first one, or what corresponds to it in a shorter run.
        let (after, until) = (60.0 / self.seconds as f64, 120.0 / self.seconds as f64);
        let (after, until) = if until < 1.0 { (after, until) } else { (0.1, 0.4) };
        format!(
            "{} calls a second for {} s: {:.0} a second done, {} errors, {} sent, {} stored. Backlog of the log {:.2} MB \
             early and {:.2} MB at the end; resident {:.1} MB early and {:.1} MB at the end.",
            self.calls_per_second,
            self.seconds,
            self.achieved_per_second,
            self.errors,
            self.sent,
            self.stored,
            megabytes(after, until, backlog),
            megabytes(0.8, 1.0, backlog),
            megabytes(after, until, resident),
            megabytes(0.8, 1.0, resident),
        )
    }

    /// An SVG of memory and backlog over time.
    pub(crate) fn plot(&self) -> String {
        const WIDTH: f64 = 760.0;
        const HEIGHT: f64 = 260.0;
        const LEFT: f64 = 60.0;
        const BOTTOM: f64 = 30.0;
        let most = self
            .samples
            .iter()
            .map(|sample| sample.resident_bytes.max(sample.backlog_bytes))
            .max()
            .unwrap_or(1) as f64
            * 1.15;
        let x = |seconds: f64| LEFT + (WIDTH - LEFT - 20.0) * seconds / self.seconds as f64;
        let y = |bytes: f64| 40.0 + (HEIGHT - 40.0 - BOTTOM) * (1.0 - bytes / most);
        let line = |of: fn(&Sample) -> u64| {
            let points = self
                .samples
                .iter()
                .map(|sample| format!("{:.1},{:.1}", x(sample.seconds), y(of(sample) as f64)));
            points.collect::<Vec<_>>().join(" ")
        };
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" role="img" aria-label="Memory and backlog under a steady load">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="8" y="20" font-weight="bold">{} calls/s for {} s: resident memory (blue), backlog of the log (orange), MB</text>
"##,
            self.calls_per_second, self.seconds
        );
        for part in 0..=4 {
            let bytes = most * f64::from(part) / 4.0;
            let _infallible = writeln!(
                svg,
                r##"<line x1="{LEFT}" x2="{}" y1="{y:.1}" y2="{y:.1}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end">{:.0}</text>"##,
                WIDTH - 20.0,
                LEFT - 6.0,
                y(bytes) + 4.0,
                bytes / 1e6,
                y = y(bytes),
            );
        }
        let _infallible = writeln!(
            svg,
            r##"<polyline points="{}" fill="none" stroke="#2458a6" stroke-width="2"/>
<polyline points="{}" fill="none" stroke="#d9822b" stroke-width="2"/>
<text x="{LEFT}" y="{}">0 s</text><text x="{}" y="{}" text-anchor="end">{} s</text>"##,
            line(|sample| sample.resident_bytes),
            line(|sample| sample.backlog_bytes),
            HEIGHT - 8.0,
            WIDTH - 20.0,
            HEIGHT - 8.0,
            self.seconds
        );
        svg + "</svg>\n"
    }
}
