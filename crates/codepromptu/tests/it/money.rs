//! Prices of an installation's own, and the commands around cost.

use crate::program::{Installation, Program, command, http, run, stderr};

const QUESTION: &str = r#"{"model": "our-tune", "messages": [{"role": "user", "content": "hello"}]}"#;
const PRICED: &str = r#"{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}"#;
const OURS: &str = r#"{"provider": "openai", "as_of": "2026-12-01", "sources": [], "models": [
    {"id": "our-tune", "prices": [{"input": "1", "output": "2"}]}]}"#;

/// Standard output of a command that asks the server, and its exit code.
fn ask(installation: &Installation, program: &Program, arguments: &[&str]) -> (String, Option<i32>) {
    let output = run(command(installation.dir.path()).args(arguments).args(["--server", &program.base]));
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[tokio::test]
async fn a_missing_price_is_named_added_and_applied() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let http = http();
    let unpriced = program.chat(&http, QUESTION).await.call;
    let priced = program.chat(&http, PRICED).await.call;
    assert_eq!(program.ended_call(unpriced).await.summary.unpriced.as_deref(), Some("no_model"));
    let cost = program.ended_call(priced).await.summary.cost_usd.unwrap();

    let (table, code) = ask(&installation, &program, &["prices", "check"]);
    assert!(table.contains("our-tune") && table.contains("no_model"), "{table}");
    assert_eq!(code, Some(1));
    let (table, code) = ask(&installation, &program, &["cost", "report", "--by", "day,model,kind"]);
    assert!(table.contains(&format!("Total ${cost}")) && table.contains("1 calls without a cost"), "{table}");
    assert_eq!(code, Some(0));
    let (csv, _) = ask(&installation, &program, &["cost", "report", "--by", "model", "--format", "csv"]);
    assert!(csv.starts_with("model,counted,calls,cost_usd,input_tokens,input_cost_usd,"), "{csv}");
    assert!(csv.lines().any(|line| line.starts_with("our-tune,") && line.ends_with(",no_model")), "{csv}");
    let (csv, _) = ask(&installation, &program, &["cost", "report", "--by", "kind", "--format", "csv"]);
    let kinds = csv.lines().filter_map(|line| line.split(',').nth(3)?.parse::<f64>().ok()).sum::<f64>();
    assert!((kinds - cost.to_string().parse::<f64>().unwrap()).abs() < 1e-10, "{csv}");
    let wrong = run(command(installation.dir.path()).args(["cost", "report", "--by", "modle"]));
    assert_eq!(wrong.status.code(), Some(2));
    let said = stderr(&wrong);
    assert!(said.contains("[possible values: day, provider, model, key, tier, list, kind]"), "{said}");
    let (shown, _) = ask(&installation, &program, &["calls", "show", &unpriced.to_string()]);
    assert!(shown.contains("none: no_model"), "{shown}");
    assert!(program.terminate());

    let config = std::fs::read_to_string(installation.config()).unwrap();
    let ours = installation.dir.path().join("ours.json");
    std::fs::write(&ours, OURS).unwrap();
    let with_prices = format!("{config}\n[prices]\nfiles = [\"{}\"]\n", ours.display());
    std::fs::write(installation.config(), with_prices).unwrap();
    let program = installation.serve();
    let (table, _) = ask(&installation, &program, &["prices", "list", "--model", "our-tune"]);
    assert!(table.contains("openai/2026-12-01 (ours.json)"), "{table}");
    let (looked, _) = ask(&installation, &program, &["prices", "reprice", "--dry-run"]);
    assert!(looked.contains("the price of 1 would change"), "{looked}");
    assert_eq!(ask(&installation, &program, &["prices", "check"]).1, Some(1));
    let (done, _) = ask(&installation, &program, &["prices", "reprice"]);
    assert!(done.contains("the price of 1 changed"), "{done}");
    assert!(ask(&installation, &program, &["prices", "reprice"]).0.contains("the price of 0 changed"));
    assert_eq!(ask(&installation, &program, &["prices", "check"]).1, Some(0));
    let (audit, _) = ask(&installation, &program, &["prices", "audit", "--call", &unpriced.to_string()]);
    assert!(audit.contains("no_model") && audit.contains("(openai/2026-12-01 (ours.json))"), "{audit}");
}

#[tokio::test]
async fn a_bad_price_list_stops_the_start_and_says_where() {
    let installation = Installation::new().await;
    let ours = installation.dir.path().join("ours.json");
    std::fs::write(&ours, OURS.replace("\"1\"", "1")).unwrap();
    let mut serve = command(installation.dir.path());
    serve.args(["serve", "--config"]).arg(installation.config()).env("CODEPROMPTU_PRICES_FILES", &ours);
    let output = run(&mut serve);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    for part in ["ours.json", "`our-tune`", "`input` is 1"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}
