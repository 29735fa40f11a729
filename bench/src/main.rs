//! The load harness. One run measures the same calls three ways, close together in time: directly at the mock
//! provider, through nginx, and through CodePromptu with capture on and the pipeline storing.
//!
//! The proxy under test has a processor of its own; the mock provider and this load generator share another, or have
//! one each where there are more than two. So the processor time of a proxy is counted from outside, by `/proc`.

mod cores;
mod endurance;
mod load;
mod measure;
mod paced;
mod peer;
mod plot;
mod process;
mod report;
mod workload;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::cores::Cores;
use crate::measure::Plan;

#[derive(Parser)]
#[command(about = "Measures CodePromptu against a direct call and nginx, in one run")]
struct Arguments {
    /// A short run, to see that everything works; its numbers are not for publication.
    #[arg(long)]
    quick: bool,
    /// Leave CodePromptu out.
    #[arg(long)]
    peers_only: bool,
    /// Only the loads whose name holds this, such as `64 connections` or `stream`, and nothing else.
    #[arg(long)]
    only: Option<String>,
    /// Where `latest.md`, `latest.json` and `latest.svg` go.
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// The mock provider alone; the harness starts it as a process of its own.
    #[command(hide = true)]
    Mock {
        /// Its address.
        listen: std::net::SocketAddr,
    },
    /// Keeps a processor busy; the harness starts it at the lowest priority.
    #[command(hide = true)]
    Spin,
    /// Holds a steady load on CodePromptu for long; writes `soak.md`, `soak.json` and `soak.svg`.
    Soak {
        /// How long.
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// Calls a second.
        #[arg(long, default_value_t = 1000)]
        rate: u64,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.command {
        Some(Command::Mock { listen }) => return runtime.block_on(peer::run_mock(listen)),
        Some(Command::Spin) => loop {
            std::hint::spin_loop();
        },
        _ => {}
    }
    let plan = if arguments.quick { Plan::quick() } else { Plan::full() };
    let cores = Cores::of_this_machine()?;
    let _awake = cores.keep_awake()?;
    if let Some(Command::Soak { minutes, rate }) = arguments.command {
        let soak =
            runtime.block_on(measure::soak(cores, rate, std::time::Duration::from_secs(60 * minutes)))?;
        return report::write_soak(&arguments.results, &soak);
    }
    cores.take_load_generator()?;
    if let Some(only) = &arguments.only {
        return runtime.block_on(measure::show_only(&plan, cores, only));
    }
    let run = runtime.block_on(measure::run(&plan, cores, !arguments.peers_only))?;
    report::write(&arguments.results, &run)
}
