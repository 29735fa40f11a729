//! `codepromptu cost`: what calls cost, to be laid beside a provider's invoice.

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use cp_wire::{CostGroup, CostKind, CostKinds, CostQuery, CostReport, UsageSource};

use crate::cli::ServerArgs;
use crate::output::table::{Column, Table, number, text};
use crate::output::{self, grouped};

/// `codepromptu cost`.
#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    #[command(subcommand)]
    command: CostCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum CostCommand {
    /// Report what calls cost, by token kind; measured and estimated apart, calls without a cost apart
    Report(ReportArgs),
}

#[derive(Debug, Args)]
struct ReportArgs {
    /// Started at or after: a day (UTC), a time, or so long ago (7d)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Started before: a day (UTC), a time, or so long ago
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Provider's name
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Model asked for, or that answered
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Client's fingerprint
    #[arg(long, value_name = "HEX")]
    client: Option<String>,
    /// End user, as the SDK's field names them
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// An entry of the SDK's metadata, such as team=search
    #[arg(long, value_name = "NAME=VALUE")]
    metadata: Option<String>,
    /// Batch that served it, by the provider's id
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    /// A line for each: any of day, provider, model, key, tier, list, kind
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "provider,model", hide_possible_values = true,
          value_parser = ["day", "provider", "model", "key", "tier", "list", KIND])]
    by: Vec<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

/// Told apart here; the server always tells the kinds.
const KIND: &str = "kind";

/// Runs the command.
pub(crate) async fn run(args: CostArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let CostCommand::Report(asked) = args.command;
    let by_kind = asked.by.iter().any(|name| name == KIND);
    let by: Vec<&str> = asked.by.iter().map(String::as_str).filter(|name| *name != KIND).collect();
    let query = CostQuery {
        by: (!by.is_empty()).then(|| by.join(",")),
        since: asked.since,
        until: asked.until,
        provider: asked.provider,
        model: asked.model,
        client: asked.client,
        user: asked.user,
        metadata: asked.metadata,
        batch: asked.batch,
    };
    let report = client.get_cost(&query).await?;
    let mut out = output::stdout();
    match asked.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        Format::Csv if by_kind => kinds_table(&report, false).write_csv(&mut out)?,
        Format::Csv => wide_table(&report).write_csv(&mut out)?,
        Format::Table => show(&mut out, &report, by_kind)?,
    }
    Ok(())
}

fn show(out: &mut impl Write, report: &CostReport, by_kind: bool) -> io::Result<()> {
    if report.rows.is_empty() && report.unpriced.is_empty() {
        return writeln!(out, "No calls.");
    }
    if by_kind {
        kinds_table(report, true).write(out)?
    } else {
        tokens_table(report).write(out)?
    }
    if !report.unpriced.is_empty() {
        writeln!(out, "\nCalls without a cost, which are in no sum:")?;
        unpriced_table(report).write(out)?;
    }
    let CostReport { cost_usd, reported_usd, estimated_usd, unpriced_calls, .. } = report;
    write!(
        out,
        "\nTotal ${cost_usd}: ${reported_usd} by reported tokens, ${estimated_usd} by estimated ones."
    )?;
    match unpriced_calls {
        0 => writeln!(out),
        calls => writeln!(out, " {} calls without a cost are not in it.", grouped(*calls)),
    }
}

const REASONING: &str = "reasoning_in_output";

/// The kinds. The last but one is within the one before it.
const KINDS: [&str; 7] =
    ["input", "cache_read", "cache_write", "cache_write_1h", "output", REASONING, "fees"];

/// In the order of [`KINDS`].
const fn of_kinds(kinds: &CostKinds) -> [CostKind; 7] {
    let CostKinds { input, cache_read, cache_write, cache_write_1h, output, reasoning, fees } = *kinds;
    [input, cache_read, cache_write, cache_write_1h, output, reasoning, fees]
}

fn group_columns(report: &CostReport) -> Vec<Column> {
    report.by.iter().map(text).collect()
}

fn group_cells(report: &CostReport, group: &CostGroup) -> Vec<String> {
    let cell = |name: &String| match name.as_str() {
        "day" => group.day.clone(),
        "provider" => group.provider_name.clone(),
        "model" => group.model.clone(),
        "key" => group.client.clone(),
        "tier" => Some(group.service_tier.clone().unwrap_or_else(|| "standard".to_owned())),
        _ => group.price_list.clone(),
    };
    report.by.iter().map(|name| cell(name).unwrap_or_else(|| "–".to_owned())).collect()
}

const fn counted(source: UsageSource) -> &'static str {
    match source {
        UsageSource::Reported => "reported",
        UsageSource::Estimated => "estimated",
    }
}

/// Tokens of each kind, and the cost.
fn tokens_table(report: &CostReport) -> Table {
    let mut columns = group_columns(report);
    columns.push(text("counted"));
    columns.extend(
        ["calls", "input", "cached", "written", "written 1h", "output", "reasoning", "fees", "cost"]
            .map(number),
    );
    let mut table = Table::new(columns);
    for row in &report.rows {
        let mut cells = group_cells(report, &row.group);
        cells.extend([counted(row.source).to_owned(), grouped(row.calls)]);
        let kinds = KINDS.into_iter().zip(of_kinds(&row.kinds));
        cells.extend(kinds.map(|(name, kind)| match name {
            "fees" => format!("${}", kind.cost_usd),
            _ => grouped(kind.tokens),
        }));
        cells.push(format!("${}", row.cost_usd));
        table.push(cells);
    }
    table
}

fn unpriced_table(report: &CostReport) -> Table {
    let mut columns = group_columns(report);
    columns.push(text("reason"));
    columns.extend(["calls", "input", "output"].map(number));
    let mut table = Table::new(columns);
    for row in &report.unpriced {
        let mut cells = group_cells(report, &row.group);
        cells.push(row.reason.clone());
        cells.extend([row.calls, row.input_tokens, row.output_tokens].map(grouped));
        table.push(cells);
    }
    table
}

/// One line for each kind that occurs; they add up, and so reasoning, which is within the output, has none.
fn kinds_table(report: &CostReport, for_people: bool) -> Table {
    let mut columns = group_columns(report);
    columns.extend([text("counted"), text("kind"), number("tokens"), number("cost_usd")]);
    if !for_people {
        columns.push(text("unpriced"));
    }
    let mut table = Table::new(columns);
    let tokens = |count: u64| if for_people { grouped(count) } else { count.to_string() };
    for row in &report.rows {
        let kinds = KINDS.into_iter().zip(of_kinds(&row.kinds));
        let apart = kinds.filter(|(name, _)| *name != REASONING);
        let occurring = apart.filter(|(_, kind)| kind.tokens > 0 || kind.cost_usd.0.0 != 0);
        for (name, kind) in occurring {
            let mut cells = group_cells(report, &row.group);
            cells.extend([
                counted(row.source).to_owned(),
                name.to_owned(),
                tokens(kind.tokens),
                kind.cost_usd.to_string(),
            ]);
            if !for_people {
                cells.push(String::new());
            }
            table.push(cells);
        }
    }
    if !for_people {
        for row in &report.unpriced {
            for (name, count) in [("all_input", row.input_tokens), ("output", row.output_tokens)] {
                let mut cells = group_cells(report, &row.group);
                cells.extend([
                    String::new(),
                    name.to_owned(),
                    count.to_string(),
                    String::new(),
                    row.reason.clone(),
                ]);
                table.push(cells);
            }
        }
    }
    table
}

/// Everything on one line. Of calls without a cost, `input_tokens` is all input.
fn wide_table(report: &CostReport) -> Table {
    let mut columns = group_columns(report);
    columns.extend([text("counted"), number("calls"), number("cost_usd")]);
    columns.extend(
        KINDS
            .into_iter()
            .flat_map(|name| [number(format!("{name}_tokens")), number(format!("{name}_cost_usd"))]),
    );
    columns.push(text("unpriced"));
    let mut table = Table::new(columns);
    for row in &report.rows {
        let mut cells = group_cells(report, &row.group);
        cells.extend([counted(row.source).to_owned(), row.calls.to_string(), row.cost_usd.to_string()]);
        cells.extend(
            of_kinds(&row.kinds)
                .into_iter()
                .flat_map(|kind| [kind.tokens.to_string(), kind.cost_usd.to_string()]),
        );
        cells.push(String::new());
        table.push(cells);
    }
    for row in &report.unpriced {
        let mut cells = group_cells(report, &row.group);
        cells.extend([String::new(), row.calls.to_string(), String::new()]);
        cells.extend(KINDS.into_iter().flat_map(|name| {
            let tokens = match name {
                "input" => row.input_tokens.to_string(),
                "output" => row.output_tokens.to_string(),
                _ => String::new(),
            };
            [tokens, String::new()]
        }));
        cells.push(row.reason.clone());
        table.push(cells);
    }
    table
}
