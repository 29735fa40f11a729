//! What is wrong is named, with the next step.

use std::os::unix::fs::PermissionsExt;

use crate::program::{Installation, command, http, run, stderr};

/// Starts the program, which must refuse, and returns what it says.
fn refused(installation: &Installation) -> String {
    let output = run(command(installation.dir.path()).args(["serve", "--config"]).arg(installation.config()));
    assert!(!output.status.success());
    stderr(&output)
}

#[tokio::test]
async fn a_wrong_configuration_key_names_the_nearest() {
    let installation = Installation::with("[gateway]\nidle_timeout = 5").await;
    let said = refused(&installation);
    assert!(said.contains("gateway.idle_timeout") && said.contains("gateway.idle_timeout_ms"), "{said}");
}

#[tokio::test]
async fn another_address_than_loopback_is_refused_with_the_reason() {
    let installation = Installation::new().await;
    let output = run(command(installation.dir.path()).args(["serve", "--listen", "0.0.0.0:8080"]));
    let said = stderr(&output);
    assert!(
        !output.status.success() && said.contains("loopback") && said.contains("gateway.listen"),
        "{said}"
    );
}

#[tokio::test]
async fn an_occupied_port_is_named() {
    let installation = Installation::new().await;
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let output = run(command(installation.dir.path()).args(["serve", "--listen", &taken]));
    let said = stderr(&output);
    assert!(!output.status.success() && said.contains(&taken) && said.contains("--listen"), "{said}");
    drop(holder);
}

#[tokio::test]
async fn a_data_directory_in_use_is_named() {
    let installation = Installation::new().await;
    let _program = installation.serve();
    let said = refused(&installation);
    assert!(said.contains("data/log") && said.contains("another"), "{said}");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_named() {
    let installation = Installation::new().await;
    std::fs::write(installation.data(), "a file is in the way").unwrap();
    let said = refused(&installation);
    assert!(said.contains("data directory") && said.contains("--data-dir"), "{said}");
}

#[tokio::test]
async fn a_wrong_master_key_is_told_and_nothing_is_lost() {
    let installation = Installation::new().await;
    let program = installation.serve();
    assert!(program.announced.contains("master.key"), "{}", program.announced);
    let body = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"keep me"}]}"#;
    let call = program.chat(&http(), body).await.call;
    program.ended_call(call).await;
    assert!(program.terminate());

    assert_eq!(std::fs::metadata(installation.data()).unwrap().permissions().mode() & 0o777, 0o700);
    let key = installation.data().join("master.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let right = std::fs::read(&key).unwrap();
    std::fs::write(&key, "0".repeat(64)).unwrap();
    let said = refused(&installation);
    assert!(said.contains("master key"), "{said}");
    std::fs::write(&key, "not a key").unwrap();
    assert!(refused(&installation).contains("64 hexadecimal digits"));
    std::fs::remove_file(&key).unwrap();
    let said = refused(&installation);
    assert!(said.contains("master.key") && said.contains("backup"), "{said}");

    std::fs::write(&key, right).unwrap();
    let program = installation.serve();
    assert!(program.ended_call(call).await.input_messages.len() == 1);
}

#[tokio::test]
async fn a_malformed_body_passes_and_is_kept_raw() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let answer = program.chat(&http(), "{\"model\": \"gpt-4o-mini\", \"messages\": [").await;
    assert_eq!(answer.status, 400, "the provider judges, not the gateway: {}", answer.body);
    let stored = program.ended_call(answer.call).await;
    assert!(!stored.warnings.is_empty());
    assert!(serde_json::to_string(&stored.raw).unwrap().contains("gpt-4o-mini"));
}

#[tokio::test]
async fn a_client_command_without_a_server_says_how_to_start_one() {
    let installation = Installation::new().await;
    let output =
        run(command(installation.dir.path()).args(["calls", "list", "--server", "http://127.0.0.1:9"]));
    let said = stderr(&output);
    assert!(!output.status.success() && said.contains("codepromptu serve"), "{said}");
}
