//! The log's metrics. Handles are made once; what changes with every call is stated by the writer, once a batch.

use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};

use crate::Refused;
use crate::budget::Budget;

/// Handles of the metrics.
pub(crate) struct Meters {
    pub(crate) records: Counter,
    pub(crate) lost: Counter,
    pub(crate) written_bytes: Counter,
    pub(crate) truncated: Counter,
    pub(crate) disk_bytes: Gauge,
    open_calls: Gauge,
    memory_bytes: Gauge,
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meters")
    }
}

impl Meters {
    pub(crate) fn new(budget: &Budget, max_bytes: u64) -> Self {
        describe();
        gauge!("codepromptu_capture_open_calls_capacity").set(budget.max_open_calls as f64);
        gauge!("codepromptu_capture_memory_capacity_bytes").set(budget.memory_capacity as f64);
        gauge!("codepromptu_capture_disk_capacity_bytes").set(max_bytes as f64);
        Self {
            records: counter!("codepromptu_capture_records_total"),
            lost: counter!("codepromptu_capture_lost_records_total"),
            written_bytes: counter!("codepromptu_capture_written_bytes_total"),
            truncated: counter!("codepromptu_capture_memory_refused_total"),
            disk_bytes: gauge!("codepromptu_capture_disk_bytes"),
            open_calls: gauge!("codepromptu_capture_open_calls"),
            memory_bytes: gauge!("codepromptu_capture_memory_bytes"),
        }
    }

    pub(crate) fn state(&self, budget: &Budget) {
        self.open_calls.set(budget.open_calls() as f64);
        self.memory_bytes.set(budget.memory_used() as f64);
    }
}

pub(crate) fn count_refused(reason: Refused) {
    counter!("codepromptu_capture_refused_total", "reason" => reason.as_str()).increment(1);
}

pub(crate) fn count_skipped(bytes: u64, records: u64) {
    counter!("codepromptu_capture_skipped_bytes_total").increment(bytes);
    counter!("codepromptu_capture_skipped_records_total").increment(records);
}

pub(crate) fn state_backlog(consumer: &'static str, bytes: u64) {
    gauge!("codepromptu_capture_backlog_bytes", "consumer" => consumer).set(bytes as f64);
}

fn describe() {
    let gauges = [
        ("codepromptu_capture_open_calls", Unit::Count, "Calls with room in the capture log, not closed yet"),
        ("codepromptu_capture_open_calls_capacity", Unit::Count, "Calls that may be open at once"),
        ("codepromptu_capture_memory_bytes", Unit::Bytes, "Captured bodies that are not written yet"),
        ("codepromptu_capture_memory_capacity_bytes", Unit::Bytes, "Memory for captured bodies"),
        (
            "codepromptu_capture_disk_bytes",
            Unit::Bytes,
            "Size of the capture log, preallocated room included",
        ),
        ("codepromptu_capture_disk_capacity_bytes", Unit::Bytes, "Size that the capture log may reach"),
        ("codepromptu_capture_backlog_bytes", Unit::Bytes, "Bytes of the capture log ahead of a consumer"),
    ];
    for (name, unit, help) in gauges {
        describe_gauge!(name, unit, help);
    }
    let counters = [
        ("codepromptu_capture_records_total", Unit::Count, "Records written"),
        ("codepromptu_capture_written_bytes_total", Unit::Bytes, "Bytes written, compressed and sealed"),
        (
            "codepromptu_capture_lost_records_total",
            Unit::Count,
            "Records that could not be written or synced",
        ),
        ("codepromptu_capture_refused_total", Unit::Count, "Calls that the capture log had no room for"),
        (
            "codepromptu_capture_memory_refused_total",
            Unit::Count,
            "Pieces of bodies left out for want of memory",
        ),
        ("codepromptu_capture_skipped_bytes_total", Unit::Bytes, "Damaged bytes that readers passed over"),
        ("codepromptu_capture_skipped_records_total", Unit::Count, "Records that readers did not understand"),
    ];
    for (name, unit, help) in counters {
        describe_counter!(name, unit, help);
    }
}
