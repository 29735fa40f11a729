//! The seeds, and the inputs that once broke something, go through their targets.

use std::fs;
use std::path::Path;

use codepromptu_fuzz::{TARGETS, seeds};

#[test]
fn every_seed_passes_whole_and_cut() {
    let seeds = seeds().unwrap();
    for (name, target) in TARGETS {
        let seeds = &seeds[name];
        assert!(!seeds.is_empty(), "{name} has no seed");
        for seed in seeds.values() {
            target(seed);
            for at in (0..seed.len()).step_by(seed.len() / 16 + 1) {
                target(&seed[..at]);
            }
        }
    }
}

#[test]
fn what_was_found_stays_mended() {
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for (name, target) in TARGETS {
        for entry in fs::read_dir(regressions.join(name)).into_iter().flatten() {
            target(&fs::read(entry.unwrap().path()).unwrap());
        }
    }
}
