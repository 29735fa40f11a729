//! What a run leaves behind: a table for people, JSON for programs, a plot.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use cp_base::{Clock as _, SystemClock};

use crate::endurance::Endurance;
use crate::measure::{Row, Run};
use crate::plot;

/// Writes `latest.md`, `latest.json` and `latest.svg`.
pub(crate) fn write(folder: &Path, run: &Run) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("latest.md"), table(run)?)?;
    std::fs::write(folder.join("latest.json"), serde_json::to_string_pretty(run)?)?;
    std::fs::write(folder.join("latest.svg"), plot::cpu_per_call(&run.rows))?;
    done(&folder.join("latest.md"));
    Ok(())
}

/// Writes `soak.md`, `soak.json` and `soak.svg`.
pub(crate) fn write_soak(folder: &Path, soak: &Endurance) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let text = format!(
        "# Soak\n\n{}. {}.\n\n{}\n\n![Memory and backlog](soak.svg)\n",
        SystemClock::default().now(),
        processor()?,
        soak.summary()
    );
    std::fs::write(folder.join("soak.md"), text)?;
    std::fs::write(folder.join("soak.json"), serde_json::to_string_pretty(soak)?)?;
    std::fs::write(folder.join("soak.svg"), soak.plot())?;
    done(&folder.join("soak.md"));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the end of a run")]
fn done(path: &Path) {
    println!("written: {}", path.display());
}

fn table(run: &Run) -> Result<String> {
    let mut text = format!(
        "# Benchmark\n\n{}. {}; {} processors; {}. {} s a measurement, after a warm-up; at a \
         constant rate the median of {}, the ways in turn.\n\
         The proxy has one processor; the load generator and the mock provider have the others. A thread of the lowest \
         priority keeps each of them awake: a halted virtual processor takes up to a millisecond to wake.\n\n\
         ![Processor time per call](latest.svg)\n",
        SystemClock::default().now(),
        processor()?,
        run.processors,
        run.nginx,
        run.seconds_per_measurement,
        run.rounds,
    );
    let mut workload = "";
    for row in &run.rows {
        if row.workload != workload {
            workload = row.workload;
            write!(text, "\n## {workload}\n\n{HEADER}")?;
        }
        writeln!(text, "{}", line(row, &run.rows))?;
    }
    writeln!(text, "\n{LEGEND}")?;
    write!(text, "{}", threads(&run.rows)?)?;
    writeln!(text, "\n## Streams of twenty chunks, ten milliseconds apart\n\n{PACED}")?;
    for paced in &run.paced {
        writeln!(
            text,
            "| {} | {} | {:.0} | {:.0} | {:.0} | {} |",
            paced.peer,
            paced.events,
            paced.first_event_p50_us,
            paced.gap_p50_us,
            paced.gap_p99_us,
            paced.glued
        )?;
    }
    if let Some(start) = run.start {
        writeln!(
            text,
            "\n## Start\n\nThe first answer of CodePromptu on an empty store came after {:.0} ms, with {:.0} MB resident.",
            start.first_answer_ms,
            start.resident_bytes as f64 / 1e6
        )?;
    }
    if let Some(held) = &run.held {
        writeln!(
            text,
            "\n## The whole program, held\n\nOn all {} processors, which it shares with the load generator and the mock provider. {}",
            run.processors,
            held.summary()
        )?;
    }
    if let (Some(sent), Some(stored)) = (run.sent, run.stored) {
        writeln!(
            text,
            "\n## Nothing lost\n\n{sent} calls were sent through CodePromptu, {stored} are in its store."
        )?;
    }
    Ok(text)
}

const HEADER: &str = "\
| load | way | calls/s | p50 | p99 | first chunk p50 | added p50 | added p99 | CPU per call | × nginx | resident | errors |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

const PACED: &str = "\
| way | events | first event p50 | gap p50 | gap p99 | events glued together |
| --- | ---: | ---: | ---: | ---: | ---: |";

const LEGEND: &str = "Times in µs. *Added* is over the direct call of the same load. *CPU per call* is the processor \
time of the whole process; CodePromptu's includes decoding and storing the call, and the number in parentheses is the \
gateway path alone: the gateway's threads and the writer of the capture log. *× nginx* compares that path. At a constant \
rate latency counts from when a call was due. *Guarded* is CodePromptu with a gateway key that is swapped for the vault's, \
three limits, and redaction of every kind.";

fn line(row: &Row, rows: &[Row]) -> String {
    let peer = |name: &str| {
        rows.iter()
            .find(|other| other.peer == name && other.workload == row.workload && other.load == row.load)
    };
    let is_proxy = row.peer != "direct";
    let direct = peer("direct").filter(|_| is_proxy);
    let nginx = peer("nginx").filter(|_| is_proxy);
    let shown = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.0}"));
    let cpu = if row.path_cpu_us_per_call == row.cpu_us_per_call {
        format!("{:.1}", row.cpu_us_per_call)
    } else {
        format!("{:.1} ({:.1})", row.cpu_us_per_call, row.path_cpu_us_per_call)
    };
    let ratio = nginx.map(|nginx| row.path_cpu_us_per_call / nginx.cpu_us_per_call);
    format!(
        "| {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {} | {} | {cpu} | {} | {:.0} MB | {} |",
        row.load,
        row.peer,
        row.calls_per_second,
        row.p50_us,
        row.p99_us,
        row.first_chunk_p50_us,
        shown(direct.map(|direct| row.p50_us - direct.p50_us)),
        shown(direct.map(|direct| row.p99_us - direct.p99_us)),
        ratio.map_or_else(String::new, |ratio| format!("{ratio:.1}")),
        row.resident_bytes as f64 / 1e6,
        row.errors,
    )
}

/// Where CodePromptu's processor time goes, for the busiest load of each workload.
fn threads(rows: &[Row]) -> Result<String> {
    let mut text = String::new();
    for row in plot::busiest(rows).into_iter().filter(|row| row.peer == "CodePromptu") {
        let mut threads: Vec<_> =
            row.cpu_us_per_call_by_thread.iter().filter(|(_, time)| **time >= 0.05).collect();
        threads.sort_by(|left, right| right.1.total_cmp(left.1));
        let threads: Vec<String> = threads.iter().map(|(name, time)| format!("{name} {time:.1}")).collect();
        writeln!(text, "- {}, {}: {}", row.workload, row.load, threads.join(", "))?;
    }
    if !text.is_empty() {
        text.insert_str(0, "\n## CodePromptu's threads, µs per call\n\n");
    }
    Ok(text)
}

fn processor() -> Result<String> {
    let facts = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = facts.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Ok(model.map_or_else(|| "unknown processor".into(), |(_, name)| name.trim().to_owned()))
}
