//! Export to a file that is whole or not there.
//!
//! Lines go to `FILE.part`, which takes the name FILE once the server has sent everything. An export that broke off leaves
//! `FILE.part` behind; its last whole line says where to go on, so there is no second file to keep in step. A Parquet file
//! is made of those lines when all are there: it has its table of contents at its end, and could not be gone on with.

mod parquet;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use cp_base::{CallId, Timestamp};
use cp_client::{Client, Export};
use cp_wire::{CallQuery, Cursor};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

use crate::output::{self, Failure, grouped};

/// How calls are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line
    Jsonl,
    /// One Apache Parquet file
    Parquet,
}

impl Format {
    /// What the name of the file says.
    pub(super) fn of(file: &Path) -> Self {
        let parquet = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
        if parquet { Self::Parquet } else { Self::Jsonl }
    }
}

/// Exports to a new file, or over an old one.
pub(super) async fn to_file(
    client: &Client,
    query: &CallQuery,
    file: &Path,
    format: Format,
) -> anyhow::Result<()> {
    if file.is_dir() {
        return Err(Failure {
            what: format!("{} is a directory", file.display()),
            help: format!("name a file in it, such as {}", file.join("calls.jsonl").display()),
        }
        .into());
    }
    let part = with_suffix(file, "part");
    if part.exists() {
        return Err(Failure {
            what: format!("{} is there from an export that broke off", part.display()),
            help: "add --resume to go on with it, or delete it".to_owned(),
        }
        .into());
    }
    let export = client.export(query, None).await?;
    let written = File::create(&part).with_context(|| format!("{} cannot be made", part.display()))?;
    finish(export, written, 0, file, format).await
}

/// Goes on with an export that broke off; begins where there is none, so that a command can be repeated until it ends.
pub(super) async fn resume(
    client: &Client,
    query: &CallQuery,
    file: &Path,
    format: Format,
) -> anyhow::Result<()> {
    let part = with_suffix(file, "part");
    if !part.exists() {
        return to_file(client, query, file, format).await;
    }
    let (written, kept) =
        open_part(&part).with_context(|| format!("{} cannot be resumed", part.display()))?;
    let export = client.export(query, kept.last).await?;
    finish(export, written, kept.lines, file, format).await
}

/// Exports to standard output.
pub(super) async fn to_stdout(client: &Client, query: &CallQuery) -> anyhow::Result<()> {
    let mut export = client.export(query, None).await?;
    let mut out = BufWriter::new(output::stdout());
    while let Some(line) = export.next_line().await? {
        out.write_all(&line)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

async fn finish(
    mut export: Export,
    written: File,
    kept: u64,
    file: &Path,
    format: Format,
) -> anyhow::Result<()> {
    let part = with_suffix(file, "part");
    let bar = bar("exporting", export.total_estimate.map(|rest| rest.saturating_add(kept)));
    bar.set_position(kept);
    let mut out = BufWriter::new(written);
    let ended = copy(&mut export, &mut out, &bar).await;
    let lines = bar.position();
    bar.finish_and_clear();
    out.flush().with_context(|| format!("{} cannot be written", part.display()))?;
    if let Err(error) = ended {
        return Err(error.context(Failure {
            what: format!("the export broke off after {} calls", grouped(lines)),
            help: "run the same command with --resume to go on from there".to_owned(),
        }));
    }
    out.get_ref().sync_all()?;
    if format == Format::Parquet {
        to_parquet(&part, lines, file)?;
    } else {
        fs::rename(&part, file).with_context(|| format!("{} cannot be made", file.display()))?;
    }
    writeln!(output::stdout(), "{} calls in {}", grouped(lines), file.display())?;
    Ok(())
}

/// Makes a Parquet file of exported lines, which are there until it is.
fn to_parquet(part: &Path, lines: u64, file: &Path) -> anyhow::Result<()> {
    let new = with_suffix(file, "new");
    let bar = bar("writing", Some(lines));
    let made = (|| {
        let mut out = BufWriter::new(File::create(&new)?);
        parquet::write(BufReader::new(File::open(part)?), &mut out, &bar)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        anyhow::Ok(fs::rename(&new, file)?)
    })();
    bar.finish_and_clear();
    made.map_err(|error| {
        error.context(Failure {
            what: format!("{} cannot be made of the exported calls", file.display()),
            help: format!("they are in {}; run the same command with --resume to try again", part.display()),
        })
    })?;
    Ok(fs::remove_file(part)?)
}

async fn copy(export: &mut Export, out: &mut impl Write, bar: &ProgressBar) -> anyhow::Result<()> {
    while let Some(line) = export.next_line().await? {
        out.write_all(&line)?;
        out.write_all(b"\n")?;
        bar.inc(1);
    }
    Ok(())
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// What an earlier export left.
#[derive(Debug, Default, PartialEq)]
struct Kept {
    lines: u64,
    last: Option<Cursor>,
}

/// Opens a part file behind its last whole line; a torn line after it is cut off.
fn open_part(part: &Path) -> io::Result<(File, Kept)> {
    let file = OpenOptions::new().read(true).append(true).open(part)?;
    let mut reader = BufReader::new(&file);
    let (mut kept, mut whole) = (Kept::default(), 0_u64);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if line.last() != Some(&b'\n') {
            break;
        }
        whole += line.len() as u64;
        kept = Kept { lines: kept.lines + 1, last: Some(cursor(&line)?) };
        line.clear();
    }
    file.set_len(whole)?;
    Ok((file, kept))
}

fn cursor(line: &[u8]) -> io::Result<Cursor> {
    #[derive(Deserialize)]
    struct Line {
        id: CallId,
        started_at: Timestamp,
    }
    let Line { id, started_at } = serde_json::from_slice(line)?;
    Ok(Cursor { started_at, call: id })
}

/// A progress bar on standard error; nothing where that is no terminal.
fn bar(doing: &'static str, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => {
            (ProgressBar::new(total), "{prefix} {bar:40} {human_pos}/{human_len} calls, {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{prefix} {spinner} {human_pos} calls"),
    };
    let bar = bar.with_prefix(doing);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_goes_on_behind_its_last_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let part = dir.path().join("calls.jsonl.part");
        let line = r#"{"id":"call_01h455vb4pex5vsknk084sn02q","started_at":"2026-11-22T09:30:00Z","more":1}"#;
        fs::write(&part, format!("{line}\n{line}\n{{\"id\":\"call_01h4")).unwrap();
        let (mut file, kept) = open_part(&part).unwrap();
        assert_eq!(kept.lines, 2);
        assert_eq!(kept.last.unwrap().to_string(), "1795339800000000.call_01h455vb4pex5vsknk084sn02q");
        writeln!(file, "next").unwrap();
        assert_eq!(fs::read_to_string(&part).unwrap(), format!("{line}\n{line}\nnext\n"));
    }

    #[test]
    fn a_file_that_is_no_export_is_refused_untouched() {
        let dir = tempfile::tempdir().unwrap();
        let part = dir.path().join("notes.part");
        fs::write(&part, "my notes\nand more").unwrap();
        assert!(open_part(&part).is_err());
        assert_eq!(fs::read_to_string(&part).unwrap(), "my notes\nand more");
    }
}
