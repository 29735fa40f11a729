//! Keeps the prompt library in memory as the store has it, whoever changed it, and writes down how often it was served.
//!
//! While the store does not answer, the node goes on serving what it knows; and if it starts then, what it wrote down last.

use std::path::PathBuf;
use std::time::Duration;

use cp_app::{App, AppError, chain};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the store is asked for changes that other nodes made.
const INTERVAL: Duration = Duration::from_millis(50);
/// How long the store is left alone when it could not be read.
const PAUSE: Duration = Duration::from_secs(1);
/// How often counts are written down.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);

/// A copy is written at most so often, and in no more than a tenth of the time.
const COPY_INTERVAL: Duration = Duration::from_secs(1);

/// Works until `closing`.
pub(super) async fn keep(app: App, copy: PathBuf, closing: CancellationToken) {
    let mut flushed = app.clock().ticks();
    let (mut wait, mut is_behind) = (INTERVAL, false);
    let mut copy = Copy { path: copy, written: None, next: Instant::now() };
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
        copy.keep(&app).await;
        if app.clock().ticks().since(flushed) >= FLUSH_INTERVAL {
            flushed = app.clock().ticks();
            flush(&app).await;
        }
    }
}

/// What is written down for a start while the database is away.
struct Copy {
    path: PathBuf,
    /// What it holds.
    written: Option<(i64, i64)>,
    /// Not before.
    next: Instant,
}

impl Copy {
    /// Writes it where something has changed.
    async fn keep(&mut self, app: &App) {
        let (revision, begun) = (app.shelf_revision(), Instant::now());
        if self.written == Some(revision) || begun < self.next {
            return;
        }
        let (app, path) = (app.clone(), self.path.clone());
        let written = tokio::task::spawn_blocking(move || app.write_library_copy(&path)).await;
        match written.map_err(std::io::Error::other).flatten() {
            Ok(()) => self.written = Some(revision),
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%error, "the copy of the prompt library, {path}, cannot be written");
            }
        }
        self.next = Instant::now() + COPY_INTERVAL.max(begun.elapsed() * 10);
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
