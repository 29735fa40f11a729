//! The database's walls between tenants hold for the role that the program acts as, or it says that they do not.

use crate::program::{Installation, Program, run, stderr};

#[tokio::test]
async fn a_superuser_is_told_that_it_passes_and_may_act_as_another_role() {
    let cluster = cp_testkit::Cluster::start();
    let installation = Installation::new().await;
    let serving = |role: Option<&str>| {
        let mut command = installation.serving_under("sh", &["-c", "exec \"$0\" \"$@\" 2>said"]);
        command.args(["--database-url", &cluster.superuser_url()]);
        command.envs(role.map(|role| ("CODEPROMPTU_DATABASE_ROLE", role)));
        command
    };
    let said = |role| {
        assert!(Program::start(&mut serving(role)).terminate());
        std::fs::read_to_string(installation.dir.path().join("said")).unwrap()
    };
    assert!(!said(Some("codepromptu")).contains("superuser"));
    let passing = said(None);
    assert!(passing.contains("superuser") && passing.contains("database_role"), "{passing}");

    let mut refused = installation.serving();
    refused.args(["--database-url", &cluster.superuser_url()]).env("CODEPROMPTU_DATABASE_ROLE", "nobody");
    let refused = stderr(&run(&mut refused));
    assert!(refused.contains("role `nobody`") && refused.contains("grant it"), "{refused}");
}
