//! A start while the database is away: prompts are served out of the sealed copy that this node wrote down, and everything else
//! waits until the database answers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cp_app::Serving;
use cp_base::{Random, SystemClock};
use cp_db::{DbError, OpenError};

use super::front::Front;
use super::ground::Ground;
use super::ready;
use super::signals::Signals;
use crate::config::Config;
use crate::master_key;

/// How often the database is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// The copy of the library in the data directory.
pub(super) fn copy_file(config: &Config) -> PathBuf {
    config.data_dir.join("library.copy")
}

/// Serves what the copy holds until the database answers; nothing where a signal asks the program to stop before. Where the
/// start failed for another reason, or there is no copy, that is the end of it.
pub(super) async fn wait(
    config: &Config,
    (front, address): (&Front, SocketAddr),
    signals: &mut Signals,
    error: anyhow::Error,
) -> anyhow::Result<Option<Ground>> {
    let path = copy_file(config);
    if !is_away(&error) || !path.exists() {
        return Err(error);
    }
    let master = master_key::find(config, &Random::system())?.key;
    let restored = Serving::restore(&path, &master, Arc::new(SystemClock::default()));
    let (serving, written_at) = match restored {
        Ok(restored) => restored,
        Err(unread) => {
            let unread = anyhow::Error::from(unread);
            let path = path.display();
            return Err(error
                .context(format!("the database is away, and the copy of the library, {path}: {unread:#}")));
        }
    };
    tracing::warn!(
        error = format!("{error:#}"),
        %written_at,
        "the database is away: prompts are served as they were known, and everything else waits for it"
    );
    ready::announce_waiting(config, address, written_at)?;
    front.wait(cp_api::waiting_router(serving.clone(), config.server.site()?));
    let ground = tokio::select! {
        ground = ground(config) => ground.map(Some),
        () = signals.next() => Ok(None),
    };
    serving.stop();
    ground.context("the database is there again, and cannot be used")
}

/// The ground, as soon as the database answers.
async fn ground(config: &Config) -> anyhow::Result<Ground> {
    loop {
        tokio::time::sleep(INTERVAL).await;
        match Ground::lay(config).await {
            Err(error) if is_away(&error) => {
                tracing::debug!(error = format!("{error:#}"), "the database is still away")
            }
            ground => return ground,
        }
    }
}

/// Whether the database does not answer: what it answers else is no reason to wait.
fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(DbError::Unavailable(_)))
            || matches!(cause.downcast_ref(), Some(OpenError::Unreachable { .. }))
    })
}
