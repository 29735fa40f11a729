//! Streams whose chunks come ten milliseconds apart: when the first one arrives, how even the gaps are, and whether
//! two of them ever come glued together.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;

use crate::load;
use crate::peer::Peer;

/// What streams of one way looked like.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Paced {
    pub(crate) peer: &'static str,
    pub(crate) streams: usize,
    pub(crate) events: usize,
    pub(crate) first_event_p50_us: f64,
    pub(crate) gap_p50_us: f64,
    pub(crate) gap_p99_us: f64,
    /// Reads that held more than one event.
    pub(crate) glued: usize,
}

/// Takes `streams` streams one after another.
pub(crate) async fn measure(peer: &Peer, streams: usize) -> Result<Paced> {
    let (mut firsts, mut gaps, mut events, mut glued) = (Vec::new(), Vec::new(), 0, 0);
    for number in 0..streams {
        let reads = load::paced_stream(&peer.target, number).await?;
        let Some(first) = reads.first() else { bail!("{} sent no event", peer.name) };
        firsts.push(first.at);
        gaps.extend(
            reads.windows(2).filter_map(|pair| Some(pair.get(1)?.at.saturating_sub(pair.first()?.at))),
        );
        events += reads.iter().map(|read| read.events).sum::<usize>();
        glued += reads.iter().filter(|read| read.events > 1).count();
    }
    Ok(Paced {
        peer: peer.name,
        streams,
        events,
        first_event_p50_us: percentile(&mut firsts, 50),
        gap_p50_us: percentile(&mut gaps, 50),
        gap_p99_us: percentile(&mut gaps, 99),
        glued,
    })
}

/// By the nearest rank, in microseconds.
pub(crate) fn percentile(values: &mut [Duration], percent: usize) -> f64 {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(rank).map_or(0.0, |value| value.as_secs_f64() * 1e6)
}
