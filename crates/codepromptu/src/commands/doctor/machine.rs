//! What a server of this machine needs.

use std::fs::Metadata;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cp_base::{Clock, SystemClock, Timestamp};
use cp_client::{Client, ClientError};

use super::Finding;
use super::server::PATIENCE;
use crate::config::Config;
use crate::master_key;
use crate::output::bytes;
use crate::serve::{MIGRATIONS, connect_database, database_file};

/// Looks at everything.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![data_dir(config), space(config), master_key(config), database(config).await];
    let listens = [Some(config.server.listen), config.gateway.listen];
    for address in listens.into_iter().flatten().filter(|address| address.port() != 0) {
        findings.push(port(address).await);
    }
    findings.push(clock(SystemClock::default().now()));
    findings
}

const DATA: &str = "data directory";

fn data_dir(config: &Config) -> Finding {
    let dir = &config.data_dir;
    let shown = dir.display();
    let help = "make it the user's that runs `codepromptu serve`, or name another one as `data_dir`";
    let Ok(metadata) = std::fs::metadata(dir) else {
        let place = nearest(dir);
        return match tempfile::tempfile_in(place) {
            Ok(_) => Finding::ok(DATA, format!("{shown} is made at the first start")),
            Err(error) => Finding::error(DATA, format!("{shown} cannot be made: {error}"), help),
        };
    };
    if !metadata.is_dir() {
        return Finding::error(DATA, format!("{shown} is no directory"), help);
    }
    if let Err(error) = tempfile::tempfile_in(dir) {
        return Finding::error(DATA, format!("{shown} cannot be written to: {error}"), help);
    }
    if is_open_to_others(&metadata) {
        return Finding::warning(
            DATA,
            format!("{shown} can be read by others"),
            format!("chmod 700 {shown}"),
        );
    }
    Finding::ok(DATA, shown.to_string())
}

/// The directory, or the one above it that is there.
fn nearest(dir: &Path) -> &Path {
    let there = dir.ancestors().find(|place| place.is_dir());
    there.unwrap_or(Path::new("."))
}

fn is_open_to_others(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 != 0
}

/// Free space, beside what the capture log may grow to.
fn space(config: &Config) -> Finding {
    const SPACE: &str = "space";
    let free = match rustix::fs::statvfs(nearest(&config.data_dir)) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => {
            let help = "see that the file system of the data directory is mounted";
            return Finding::error(SPACE, format!("the free space cannot be read: {error}"), help);
        }
    };
    let log = config.data_dir.join("log");
    let files = std::fs::read_dir(log).into_iter().flatten().flatten();
    let used: u64 = files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
    let needed = config.log.max_bytes.saturating_sub(used);
    let help = "make room, or lower `log.max_bytes`";
    match free {
        _ if free < config.log.segment_bytes => {
            Finding::error(SPACE, format!("{} are free, less than a segment of the log", bytes(free)), help)
        }
        _ if free < needed => Finding::warning(
            SPACE,
            format!("{} are free, and the capture log may grow by {}", bytes(free), bytes(needed)),
            help,
        ),
        _ => Finding::ok(SPACE, format!("{} are free", bytes(free))),
    }
}

fn master_key(config: &Config) -> Finding {
    const KEY: &str = "master key";
    let file = master_key::file(config);
    match master_key::look(config) {
        Ok(Some(found)) => match std::fs::metadata(&file) {
            Ok(metadata) if found.source == file.display().to_string() && is_open_to_others(&metadata) => {
                let shown = file.display();
                Finding::error(KEY, format!("{shown} can be read by others"), format!("chmod 600 {shown}"))
            }
            _ => Finding::ok(KEY, found.source),
        },
        Ok(None) if master_key::is_needed(config) => Finding::error(
            KEY,
            format!("{} is gone, and what is stored can be read with it alone", file.display()),
            "put it back from a backup, or give it in CODEPROMPTU_MASTER_KEY",
        ),
        Ok(None) => Finding::ok(KEY, format!("{} is made at the first start", file.display())),
        Err(error) => Finding::error(
            KEY,
            format!("{error:#}"),
            "put the right one there: 64 hexadecimal digits, which a backup of the key has",
        ),
    }
}

async fn database(config: &Config) -> Finding {
    const DATABASE: &str = "database";
    if let Some(file) = database_file(config).filter(|file| !file.exists()) {
        return Finding::ok(DATABASE, format!("{} is made at the first start", file.display()));
    }
    let db = match connect_database(config).await {
        Ok(db) => db,
        Err(error) => {
            let help = "start the database, or put `database_url` and `database_role` right";
            return Finding::error(DATABASE, format!("{error:#}"), help);
        }
    };
    let finding = match db.count_missing(&MIGRATIONS).await {
        Ok(0) => Finding::ok(DATABASE, format!("{} has this program's schema", db.name())),
        Ok(missing) => Finding::warning(
            DATABASE,
            format!("{} lacks {missing} migrations", db.name()),
            "make a backup; the next start of `codepromptu serve` brings it to this program's schema",
        ),
        Err(error) => {
            let source =
                std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            Finding::error(
                DATABASE,
                format!("{error}{source}"),
                "use the program that the database was used with last",
            )
        }
    };
    db.close().await;
    finding
}

async fn port(address: SocketAddr) -> Finding {
    const PORT: &str = "port";
    let error = match TcpListener::bind(address) {
        Ok(_) => return Finding::ok(PORT, format!("{address} is free")),
        Err(error) => error,
    };
    if error.kind() != std::io::ErrorKind::AddrInUse {
        let help =
            "listen on an address of this machine, above port 1023 or with the right to use those below";
        return Finding::error(PORT, format!("{address} cannot be listened on: {error}"), help);
    }
    let asked = async { Client::new(&format!("http://{address}"))?.get_status().await };
    let status = tokio::time::timeout(PATIENCE, asked).await;
    match status {
        Ok(Ok(_) | Err(ClientError::Problem(_))) => {
            Finding::ok(PORT, format!("{address} is CodePromptu's already"))
        }
        _ => Finding::warning(
            PORT,
            format!("{address} is in use, by CodePromptu with TLS or by another program"),
            "if it is not CodePromptu, end it, or listen elsewhere with `server.listen`",
        ),
    }
}

/// Certificates, codes of a second factor and signed tokens are judged by the clock.
fn clock(now: Timestamp) -> Finding {
    const CLOCK: &str = "clock";
    /// When this program cannot have been there yet: 2026-01-01.
    const EARLIEST: Timestamp = Timestamp(1_767_225_600_000_000);
    if now < EARLIEST {
        return Finding::error(
            CLOCK,
            format!("it says {now}, which is past"),
            "let NTP set it, such as `timedatectl set-ntp true`",
        );
    }
    Finding::ok(CLOCK, now.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Level;

    #[test]
    fn a_clock_of_the_past_is_told() {
        assert_eq!(clock(Timestamp(0)).level, Level::Error);
        assert_eq!(clock(Timestamp(1_800_000_000_000_000)).level, Level::Ok);
    }

    #[test]
    fn a_directory_that_is_not_there_is_judged_by_the_one_above() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(nearest(&dir.path().join("a/b")), dir.path());
        assert_eq!(nearest(Path::new("not-here")), Path::new("."));
    }
}
