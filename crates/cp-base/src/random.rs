//! Randomness is a parameter, like the clock.

use std::sync::atomic::{AtomicU64, Ordering};

use ring::rand::{SecureRandom, SystemRandom};

/// A source of random bytes: the operating system's, or a seeded sequence for tests.
#[derive(Debug)]
pub struct Random(Source);

#[derive(Debug)]
enum Source {
    System(SystemRandom),
    Seeded(AtomicU64),
}

impl Random {
    /// The operating system's cryptographic source.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one source of the system's randomness")]
    pub fn system() -> Self {
        Self(Source::System(SystemRandom::new()))
    }

    /// A reproducible sequence (SplitMix64). Not for keys outside tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(AtomicU64::new(seed)))
    }

    /// Fills `bytes`.
    #[expect(clippy::expect_used, reason = "getrandom does not fail once the machine has booted")]
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System(system) => system.fill(bytes).expect("the system's random source answers"),
            Source::Seeded(state) => {
                for chunk in bytes.chunks_mut(8) {
                    let word = split_mix(state.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed)).to_le_bytes();
                    chunk.iter_mut().zip(word).for_each(|(byte, random)| *byte = random);
                }
            }
        }
    }

    /// An array of random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of SplitMix64 (Steele, Lea, Flood 2014).
fn split_mix(state: u64) -> u64 {
    let z = state.wrapping_add(GOLDEN_GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
