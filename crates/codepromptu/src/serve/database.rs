//! The databases of a server: the store's, and that of people's secrets.

use std::path::PathBuf;
use std::time::Duration;

use cp_base::Clock;
use cp_db::{Db, Durability as DbDurability};

use crate::config::Config;

/// The file of the embedded store.
const DATABASE_FILE: &str = "codepromptu.db";
/// The file of people's secrets beside it.
const SECRETS_FILE: &str = "secrets.db";

/// All that the store's schema is made of.
pub(crate) const MIGRATIONS: [cp_db::Migrations; 2] = [cp_store::MIGRATIONS, cp_traffic::MIGRATIONS];

/// The file of the embedded database; there is none where a server has it.
pub(crate) fn database_file(config: &Config) -> Option<PathBuf> {
    config.database_url.is_none().then(|| config.data_dir.join(DATABASE_FILE))
}

/// The store's database, brought to this program's schema.
pub(crate) async fn open_database(config: &Config, clock: &dyn Clock) -> anyhow::Result<Db> {
    let db = connect_database(config).await?;
    db.migrate(&MIGRATIONS, clock.now()).await?;
    if let Some(role) = db.find_passing_role().await? {
        tracing::warn!(
            role,
            "the database's walls between tenants do not hold for this role, which is a superuser or bypasses row \
             security; name another one as `database_role`"
        );
    }
    Ok(db)
}

/// The store's database, as it is.
pub(crate) async fn connect_database(config: &Config) -> anyhow::Result<Db> {
    let file = config.data_dir.join(DATABASE_FILE);
    let location = config.database_url.clone().unwrap_or_else(|| file.display().to_string());
    let durability = match config.capture.durability() {
        cp_capture::Durability::Process => DbDurability::Process,
        cp_capture::Durability::Strict => DbDurability::Power,
    };
    let timeout = database_timeout(config);
    Ok(match &config.database_role {
        Some(role) => Db::connect_as(&location, role, timeout).await?,
        None => Db::connect_within(&location, durability, timeout).await?,
    })
}

/// Where people's secrets lie: in a file of their own, so that they are in no backup of the store; or in the tables of a server,
/// which are left out of its dumps.
pub(super) async fn open_secrets(config: &Config, db: &Db, clock: &dyn Clock) -> anyhow::Result<Db> {
    if config.database_url.is_some() {
        return Ok(db.clone());
    }
    let file = config.data_dir.join(SECRETS_FILE).display().to_string();
    // Of a power cut nothing may be left that opens with a secret which is gone.
    let secrets = Db::connect_within(&file, DbDurability::Power, database_timeout(config)).await?;
    secrets.migrate(&[cp_traffic::SUBJECT_KEY_MIGRATIONS], clock.now()).await?;
    Ok(secrets)
}

pub(super) fn database_timeout(config: &Config) -> Duration {
    Duration::from_millis(config.database_timeout_ms)
}
