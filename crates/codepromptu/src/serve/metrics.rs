//! The recorder of metrics. Every histogram has buckets, or the exporter would keep summaries.

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// From fifty microseconds, what the gateway itself takes, to half a second.
const OVERHEAD_SECONDS: &[f64] = &[5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.5];
/// From a cached answer to a long stream.
const CALL_SECONDS: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Installs the recorder of this process.
pub(super) fn install() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets(CALL_SECONDS)?
        .set_buckets_for_metric(
            Matcher::Full("codepromptu_gateway_overhead_seconds".to_owned()),
            OVERHEAD_SECONDS,
        )?
        .set_buckets_for_metric(
            Matcher::Full("codepromptu_api_request_seconds".to_owned()),
            cp_api::REQUEST_SECONDS_BUCKETS,
        )?
        .set_buckets_for_metric(Matcher::Prefix("codepromptu_pipeline".to_owned()), OVERHEAD_SECONDS)?
        .set_buckets_for_metric(Matcher::Prefix("codepromptu_capture".to_owned()), OVERHEAD_SECONDS)?;
    builder.install_recorder().context("metrics cannot be recorded")
}
