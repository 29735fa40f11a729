//! What a person reads: on standard output what was asked for, on standard error what went wrong and what to do next.

pub(crate) mod table;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Style};
use cp_client::ClientError;
use cp_wire::{CallSummary, UsageSource, Usd};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const SOFT: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const ACCENT: Style = AnsiColor::Cyan.on_default().bold();

/// A failure that knows the next step.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Failure {
    pub(crate) what: String,
    pub(crate) help: String,
}

/// A failure that is a clash with what is there.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Clash {
    pub(crate) what: String,
    pub(crate) help: String,
}

/// Standard output, locked; styles are taken out where it is no terminal or `NO_COLOR` is set.
pub(crate) fn stdout() -> anstream::AutoStream<io::StdoutLock<'static>> {
    anstream::AutoStream::auto(io::stdout()).lock()
}

/// Tells what went wrong. A reader that has seen enough, such as `head`, is no failure.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let mut text = format!("{BAD}error{BAD:#}: {}\n", printable(&chain(error)));
    // The error itself finds a failure that was added as context, which its chain does not show as what it is.
    let failure = error.downcast_ref::<Failure>().map(|failure| failure.help.as_str());
    let clash = error.downcast_ref::<Clash>().map(|clash| clash.help.as_str());
    let help = failure.or(clash).or_else(|| {
        error.chain().find_map(|cause| {
            let failure = cause.downcast_ref::<Failure>().map(|failure| failure.help.as_str());
            failure.or_else(|| cause.downcast_ref::<ClientError>()?.help())
        })
    });
    if let Some(help) = help {
        let _ = writeln!(text, "{ACCENT}help{ACCENT:#}: {help}");
    }
    // Where standard error is closed there is nobody left to tell.
    let _ = anstream::AutoStream::auto(io::stderr()).write_all(text.as_bytes());
    exit_code(error)
}

/// 3 where something is not there, 4 where it clashes with what is there, else 1. 2 is a command that cannot be read.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<ClientError>() {
        _ if error.is::<Clash>() => ExitCode::from(4),
        Some(ClientError::Problem(problem)) if problem.status == 404 => ExitCode::from(3),
        Some(ClientError::Problem(problem)) if matches!(problem.status, 409 | 412) => ExitCode::from(4),
        _ => ExitCode::FAILURE,
    }
}

/// The error and its causes; a cause that the text before it says already is left out.
fn chain(error: &anyhow::Error) -> String {
    error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |text, cause| {
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}

/// The text without control characters but line ends and tabs: what a model wrote must not steer the terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let steers = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if text.contains(steers) { text.replace(steers, "\u{fffd}").into() } else { text.into() }
}

/// A progress bar on standard error; nothing where that is no terminal.
pub(crate) fn bar(doing: &'static str, total: u64) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(total).with_prefix(doing);
    match indicatif::ProgressStyle::with_template("{prefix} {bar:40} {human_pos}/{human_len}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `850 µs`, `12.3 ms`, `1.25 s`.
pub(crate) fn duration(us: u64) -> String {
    let (whole, hundredths) = (us / 1_000_000, us % 1_000_000 / 10_000);
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{whole}.{hundredths:02} s"),
    }
}

/// `12.3 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let mut unit = ("B", 1_u64);
    for larger in [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)] {
        if bytes >= larger.1 {
            unit = larger;
        }
    }
    match unit.1 {
        1 => format!("{bytes} B"),
        size => format!("{}.{} {}", bytes / size, bytes % size * 10 / size, unit.0),
    }
}

/// To a millionth of a dollar, for lists; [`Usd`] itself is exact.
fn rounded(cost: Usd) -> String {
    let micros = (cost.0.0 + 500) / 1_000;
    format!("${}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// How a call ended, in a word, and in which colour.
pub(crate) fn ending(call: &CallSummary) -> (String, Style) {
    match (call.outcome, call.status) {
        (None, _) => ("running".to_owned(), SOFT),
        (Some(cp_base::Outcome::Completed), Some(status)) => {
            (status.to_string(), if status < 400 { GOOD } else { BAD })
        }
        (Some(outcome), _) => (outcome.to_string(), BAD),
    }
}

/// The heads of the columns of [`call_line`].
pub(crate) fn call_heads() -> String {
    format!(
        "{SOFT}{:<14}  {:<14}  {:<24}  {:<16}  {:>7}  {:>7}  {:>10}  {:>9}  ID{SOFT:#}",
        "TIME (UTC)", "PROVIDER", "MODEL", "ENDING", "IN", "OUT", "COST", "DURATION"
    )
}

/// A call on one line.
pub(crate) fn call_line(call: &CallSummary) -> String {
    let time = call.started_at.to_string().replace('T', " ");
    let time = time.get(5..19).unwrap_or(&time);
    let model = call.response_model.as_ref().or(call.request_model.as_ref()).unwrap_or(&call.path);
    let (ending, style) = ending(call);
    let usage = call.usage.as_ref();
    let is_estimated = usage.is_some_and(|usage| usage.source == UsageSource::Estimated);
    let estimated = if is_estimated { "~" } else { "" };
    let tokens = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), grouped);
    format!(
        "{time}  {:<14}  {:<24}  {style}{ending:<16}{style:#}  {:>7}  {:>7}  {:>10}  {:>9}  {}",
        cut(&printable(&call.provider_name), 14),
        cut(&printable(model), 24),
        tokens(usage.and_then(|usage| usage.input_tokens)),
        tokens(usage.and_then(|usage| usage.output_tokens)),
        call.cost_usd.map_or_else(|| "–".to_owned(), |cost| format!("{estimated}{}", rounded(cost))),
        call.duration_us.map_or_else(|| "–".to_owned(), duration),
        call.id,
    )
}

/// At most `width` characters, on one line.
fn cut(text: &str, width: usize) -> String {
    let text = text.replace(['\n', '\t'], " ");
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use cp_base::UsdNanos;

    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([7, 12_340, 999_999, 1_256_000].map(duration), ["7 µs", "12.3 ms", "999.9 ms", "1.25 s"]);
        assert_eq!([0, 1_023, 1_536, 8 << 30].map(bytes), ["0 B", "1023 B", "1.5 KiB", "8.0 GiB"]);
        assert_eq!(rounded(Usd(UsdNanos(1_234_567))), "$0.001235");
    }

    #[test]
    fn what_a_model_wrote_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n\tc\r"), "a\u{fffd}[2Jb\n\tc\u{fffd}");
        assert_eq!(cut("a\nb", 9), "a b");
        assert_eq!(cut("abcdef", 4), "abc…");
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        let quiet = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("while writing");
        assert_eq!(format!("{:?}", report(&quiet)), format!("{:?}", ExitCode::SUCCESS));
    }
}
