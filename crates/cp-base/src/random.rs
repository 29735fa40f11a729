//! Randomness is a parameter, like the clock.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, Zeroizing};

/// A source of random bytes: the operating system's, or a seeded sequence for tests.
#[derive(Debug)]
pub struct Random(Source);

#[derive(Debug)]
enum Source {
    System(Box<Mutex<Reserve>>),
    Seeded(AtomicU64),
}

/// The system's random bytes, fetched ahead: ids and salts are many and small, and each system call costs as much as
/// hundreds of bytes. A byte is handed out once and wiped.
struct Reserve {
    system: SystemRandom,
    bytes: Zeroizing<[u8; RESERVE_BYTES]>,
    left: usize,
}

const RESERVE_BYTES: usize = 1024;

impl Reserve {
    #[expect(clippy::expect_used, reason = "getrandom does not fail once the machine has booted")]
    fn take(&mut self, wanted: &mut [u8]) {
        for slot in wanted.chunks_mut(RESERVE_BYTES) {
            if self.left < slot.len() {
                self.system.fill(&mut *self.bytes).expect("the system's random source answers");
                self.left = RESERVE_BYTES;
            }
            let rest = self.left - slot.len();
            if let Some(taken) = self.bytes.get_mut(rest..self.left) {
                slot.copy_from_slice(taken);
                taken.zeroize();
            }
            self.left = rest;
        }
    }
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reserve")
    }
}

impl Random {
    /// The operating system's cryptographic source.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one source of the system's randomness")]
    pub fn system() -> Self {
        let bytes = Zeroizing::new([0; RESERVE_BYTES]);
        Self(Source::System(Box::new(Mutex::new(Reserve { system: SystemRandom::new(), bytes, left: 0 }))))
    }

    /// A reproducible sequence (SplitMix64). Not for keys outside tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(AtomicU64::new(seed)))
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System(reserve) => reserve.lock().unwrap_or_else(PoisonError::into_inner).take(bytes),
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nothing_is_handed_out_twice() {
        let random = Random::system();
        let mut seen = HashSet::new();
        for length in [16, 16, 1000, 24, RESERVE_BYTES, 1, 3 * RESERVE_BYTES + 7] {
            let mut bytes = vec![0; length];
            random.fill(&mut bytes);
            assert!(bytes.chunks_exact(16).all(|word| seen.insert(word.to_vec())), "{length}");
        }
    }
}
