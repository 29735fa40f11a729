//! `codepromptu prices`: the price lists, calls that lack a price, and pricing stored calls again.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::{Args, Subcommand};
use cp_base::UsdNanos;
use cp_client::Client;
use cp_wire::{
    ChangePage, ChangeQuery, Price, PriceCheck, PriceOfCall, PriceQuery, PricedCallsQuery, RepricedModel, Usd,
};

use crate::cli::ServerArgs;
use crate::output::table::{Table, number, text};
use crate::output::{self, Failure, SOFT, grouped};

/// `codepromptu prices`.
#[derive(Debug, Args)]
pub(crate) struct PricesArgs {
    #[command(subcommand)]
    command: PricesCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum PricesCommand {
    /// List the prices that calls are priced with
    List {
        /// Provider's name
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,
        /// Model, as a call names it
        #[arg(long, value_name = "NAME")]
        model: Option<String>,
        /// Valid on that day
        #[arg(long, value_name = "DAY")]
        at: Option<String>,
        /// As JSON, with tiers and fees
        #[arg(long)]
        json: bool,
    },
    /// Name the models whose calls have no cost; ends with code 1 where there are some
    Check {
        #[command(flatten)]
        calls: PricedCallsArgs,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Price stored calls again with the lists of now; every change is filed
    Reprice {
        #[command(flatten)]
        calls: PricedCallsArgs,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what repricing changed, newest first
    Audit {
        /// Of one run
        #[arg(long, value_name = "ID")]
        repricing: Option<String>,
        /// Of one call
        #[arg(long, value_name = "ID")]
        call: Option<String>,
        /// How many: 1 to 500
        #[arg(long, value_name = "N", default_value = "50")]
        limit: String,
        /// Go on after an earlier list: the cursor that it ended with
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which calls.
#[derive(Debug, Args)]
struct PricedCallsArgs {
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
}

impl PricedCallsArgs {
    fn into_query(self) -> PricedCallsQuery {
        let Self { since, until, provider, model } = self;
        PricedCallsQuery { since, until, provider, model }
    }
}

/// Runs the command.
pub(crate) async fn run(args: PricesArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        PricesCommand::List { provider, model, at, json } => {
            let prices = client.list_prices(&PriceQuery { provider, model, at }).await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&prices)?)?);
            }
            Ok(list(&mut out, &prices.prices)?)
        }
        PricesCommand::Check { calls, json } => {
            let found = client.check_prices(&calls.into_query()).await?;
            if json {
                writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
            } else {
                check(&mut out, &found)?;
            }
            verdict(&found)
        }
        PricesCommand::Reprice { calls, dry_run } => reprice(&client, &calls.into_query(), dry_run).await,
        PricesCommand::Audit { repricing, call, limit, after, json } => {
            let asked = ChangeQuery { repricing, call, limit: Some(limit), after };
            let page = client.list_cost_changes(&asked).await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&page)?)?);
            }
            Ok(audit(&mut out, &page)?)
        }
    }
}

const NONE: &str = "–";

fn list(out: &mut impl Write, prices: &[Price]) -> io::Result<()> {
    if prices.is_empty() {
        return writeln!(out, "No price passes these filters.");
    }
    let mut columns = vec![text("provider"), text("model"), text("from"), text("until")];
    columns.extend(["input", "cached", "written", "output"].map(number));
    columns.extend([text("tiers"), text("price list")]);
    let mut table = Table::new(columns);
    for price in prices {
        let day = |day: &Option<String>| day.clone().unwrap_or_else(|| NONE.to_owned());
        let rate =
            |kind: &str| price.rates.get(kind).map_or_else(|| NONE.to_owned(), |rate| format!("${rate}"));
        let long = price
            .long_context
            .as_ref()
            .map(|long| format!(" (dearer above {})", grouped(long.above_input_tokens)));
        table.push(vec![
            price.provider.clone(),
            format!("{}{}", price.model, long.unwrap_or_default()),
            day(&price.valid_from),
            day(&price.valid_until),
            rate("input"),
            rate("cached_input"),
            rate("cache_write"),
            rate("output"),
            price.tiers.keys().cloned().collect::<Vec<_>>().join(" "),
            price.price_list.clone(),
        ]);
    }
    table.write(out)?;
    writeln!(out, "{SOFT}Dollars for a million tokens. Everything else: --json{SOFT:#}")
}

fn check(out: &mut impl Write, found: &PriceCheck) -> io::Result<()> {
    if found.unpriced.is_empty() {
        return writeln!(out, "Every call that used something has a cost.");
    }
    let mut columns = vec![text("provider"), text("model"), text("tier"), text("reason")];
    columns.extend(["calls", "input", "output"].map(number));
    columns.push(text("since (UTC)"));
    let mut table = Table::new(columns);
    for model in &found.unpriced {
        let row = &model.calls;
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| NONE.to_owned());
        let hint = if model.listed_now { " (listed by now: reprice)" } else { "" };
        table.push(vec![
            or_none(&row.group.provider_name),
            or_none(&row.group.model),
            row.group.service_tier.clone().unwrap_or_else(|| "standard".to_owned()),
            format!("{}{hint}", row.reason),
            grouped(row.calls),
            grouped(row.input_tokens),
            grouped(row.output_tokens),
            row.first_at.map_or_else(|| NONE.to_owned(), |at| at.to_string().chars().take(10).collect()),
        ]);
    }
    table.write(out)
}

fn verdict(found: &PriceCheck) -> anyhow::Result<()> {
    let calls: u64 = found.unpriced.iter().map(|model| model.calls.calls).sum();
    if calls == 0 {
        return Ok(());
    }
    Err(Failure {
        what: format!("{} calls have no cost, though they used something", grouped(calls)),
        help:
            "add what is missing to a price list of your own (`prices.files`), restart the server, and run \
               `codepromptu prices reprice`"
                .to_owned(),
    }
    .into())
}

async fn reprice(client: &Client, calls: &PricedCallsQuery, dry_run: bool) -> anyhow::Result<()> {
    let (mut examined, mut changed, mut before) = (0, 0, None);
    let mut models = BTreeMap::new();
    let run = loop {
        let step = client.reprice(calls, dry_run, before).await?;
        examined += step.examined;
        changed += step.changed;
        step.models.into_iter().for_each(|model| add(&mut models, model));
        match step.next {
            Some(next) => before = Some((step.repricing_id, next)),
            None => break step.repricing_id,
        }
    };
    let mut out = output::stdout();
    if !models.is_empty() {
        repriced_table(models.values()).write(&mut out)?;
    }
    let would = if dry_run { "would change" } else { "changed" };
    writeln!(out, "{} calls looked at; the price of {} {would}.", grouped(examined), grouped(changed))?;
    if changed > 0 && !dry_run {
        writeln!(out, "{SOFT}Call by call: codepromptu prices audit --repricing {run}{SOFT:#}")?;
    }
    Ok(())
}

fn add(models: &mut BTreeMap<(String, Option<String>), RepricedModel>, more: RepricedModel) {
    let sum = |a: Usd, b: Usd| Usd(a.0 + b.0);
    match models.get_mut(&(more.provider_name.clone(), more.model.clone())) {
        None => {
            models.insert((more.provider_name.clone(), more.model.clone()), more);
        }
        Some(row) => {
            row.calls += more.calls;
            row.newly_priced += more.newly_priced;
            row.no_longer_priced += more.no_longer_priced;
            row.old_cost_usd = sum(row.old_cost_usd, more.old_cost_usd);
            row.new_cost_usd = sum(row.new_cost_usd, more.new_cost_usd);
        }
    }
}

fn repriced_table<'a>(models: impl Iterator<Item = &'a RepricedModel>) -> Table {
    let mut columns = vec![text("provider"), text("model")];
    columns.extend(["calls", "newly priced", "no longer", "old cost", "new cost", "difference"].map(number));
    let mut table = Table::new(columns);
    for row in models {
        let difference = Usd(UsdNanos(row.new_cost_usd.0.0.saturating_sub(row.old_cost_usd.0.0)));
        table.push(vec![
            row.provider_name.clone(),
            row.model.clone().unwrap_or_else(|| NONE.to_owned()),
            grouped(row.calls),
            grouped(row.newly_priced),
            grouped(row.no_longer_priced),
            row.old_cost_usd.0.to_string(),
            row.new_cost_usd.0.to_string(),
            difference.0.to_string(),
        ]);
    }
    table
}

fn audit(out: &mut impl Write, page: &ChangePage) -> io::Result<()> {
    if page.changes.is_empty() {
        return writeln!(out, "Nothing was priced again.");
    }
    let columns = ["changed (utc)", "by", "run", "calls meant", "call", "old", "new"];
    let mut table = Table::new(columns.map(text).into());
    for change in &page.changes {
        table.push(vec![
            change.changed_at.to_string().replace('T', " ").chars().take(19).collect(),
            change.actor.clone(),
            change.repricing_id.to_string(),
            change.filter.clone(),
            change.call_id.to_string(),
            price_of_call(&change.old),
            price_of_call(&change.new),
        ]);
    }
    table.write(out)?;
    match page.next {
        Some(next) => writeln!(out, "{SOFT}More: the same command with --after {next}{SOFT:#}"),
        None => Ok(()),
    }
}

/// `$0.0123 (openai/2026-11-22)`, or why there is none.
fn price_of_call(price: &PriceOfCall) -> String {
    match (&price.cost_usd, &price.price_list) {
        (Some(cost), list) => format!("${cost} ({})", list.as_deref().unwrap_or(NONE)),
        (None, _) => price.unpriced.clone().unwrap_or_else(|| NONE.to_owned()),
    }
}
