//! Keeps the prompt library in memory as the store has it, whoever changed it, and writes down how often it was served.
//!
//! While the store does not answer, the node goes on serving what it knows.

use std::time::Duration;

use cp_app::{App, AppError, chain};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often the store is asked for changes that other nodes made.
const INTERVAL: Duration = Duration::from_millis(50);
/// How long the store is left alone when it could not be read.
const PAUSE: Duration = Duration::from_secs(1);
/// How often counts are written down.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);

/// Works until `closing`.
pub(super) async fn keep(app: App, closing: CancellationToken) {
    let mut flushed = app.clock().ticks();
    let (mut wait, mut is_behind) = (INTERVAL, false);
    while closing.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        let refreshed = refresh(&app).await;
        match &refreshed {
            Ok(()) if is_behind => tracing::info!("the prompt library is read again"),
            Err(error) if !is_behind => {
                tracing::warn!(error, "the prompt library cannot be read, and is served as it was");
            }
            _ => {}
        }
        is_behind = refreshed.is_err();
        wait = if is_behind { PAUSE } else { INTERVAL };
        if app.clock().ticks().since(flushed) >= FLUSH_INTERVAL {
            flushed = app.clock().ticks();
            flush(&app).await;
        }
    }
}

/// Reads what has changed. A panic ends this reading and not the next one.
async fn refresh(app: &App) -> Result<(), String> {
    let mut reading = JoinSet::new();
    let app = app.clone();
    reading.spawn(async move { app.refresh_shelf().await });
    match reading.join_next().await {
        Some(Ok(read)) => read.map_err(|error: AppError| chain(&error)),
        Some(Err(panic)) => Err(panic.to_string()),
        None => Ok(()),
    }
}

/// Writes down how often versions were served.
pub(super) async fn flush(app: &App) {
    if let Err(error) = app.flush_serves().await {
        tracing::warn!(error = chain(&error), "how often prompts were served is not written down now");
    }
}
