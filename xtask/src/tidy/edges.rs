//! Which crate may use which. The table is the architecture: an edge that is not in it does not compile past this
//! check, and a crate that is not in it is unknown.

use std::path::Path;

use anyhow::Result;
use cargo_metadata::{DependencyKind, MetadataCommand};

use super::Finding;

/// One of our crates and those of ours that it may use. Two absences carry the design: `cp-gateway` reaches no store,
/// and `cp-api` reaches none either.
const EDGES: &[(&str, &[&str])] = &[
    // Pure: no tokio, no files, no sockets, no clock.
    ("cp-base", &[]),
    ("cp-genai", &["cp-base"]),
    ("cp-redact", &["cp-base"]),
    ("cp-prompt", &["cp-base"]),
    // Mechanisms.
    ("cp-capture", &["cp-base"]),
    ("cp-db", &["cp-base"]),
    // State.
    ("cp-store", &["cp-base", "cp-prompt", "cp-db"]),
    ("cp-traffic", &["cp-base", "cp-genai", "cp-db"]),
    // Behaviour.
    ("cp-gateway", &["cp-base", "cp-genai", "cp-prompt", "cp-redact", "cp-capture"]),
    ("cp-pipeline", &["cp-base", "cp-genai", "cp-redact", "cp-capture", "cp-db", "cp-store", "cp-traffic"]),
    ("cp-otlp", &["cp-base", "cp-genai", "cp-capture", "cp-pipeline", "cp-traffic"]),
    ("cp-audit", &["cp-base", "cp-db", "cp-store"]),
    ("cp-oidc", &["cp-base"]),
    (
        "cp-app",
        &["cp-base", "cp-genai", "cp-prompt", "cp-redact", "cp-oidc", "cp-db", "cp-store", "cp-traffic"],
    ),
    // Surfaces.
    ("cp-wire", &["cp-base"]),
    ("cp-ingest", &["cp-base", "cp-genai"]),
    ("cp-api", &["cp-base", "cp-ingest", "cp-wire", "cp-app"]),
    ("cp-client", &["cp-base", "cp-wire"]),
    ("cp-import", &["cp-base", "cp-prompt", "cp-wire"]),
    ("cp-mock", &["cp-base"]),
    (
        "codepromptu",
        &[
            "cp-base",
            "cp-genai",
            "cp-prompt",
            "cp-redact",
            "cp-capture",
            "cp-db",
            "cp-store",
            "cp-traffic",
            "cp-gateway",
            "cp-pipeline",
            "cp-otlp",
            "cp-audit",
            "cp-app",
            "cp-wire",
            "cp-api",
            "cp-client",
            "cp-import",
            "cp-mock",
        ],
    ),
    // Not shipped.
    ("cp-testkit", &["cp-base", "cp-db"]),
    ("codepromptu-bench", &["cp-base", "cp-mock"]),
    ("codepromptu-fuzz", &["cp-base", "cp-genai", "cp-prompt", "cp-redact", "cp-capture", "cp-wire"]),
    ("xtask", &[]),
];

/// Heavy third-party crates, and the crates of ours that alone admit them.
const ADMITTED: &[(&str, &[&str])] = &[
    ("anyhow", &["codepromptu", "codepromptu-bench", "codepromptu-fuzz", "xtask"]),
    ("argon2", &["cp-app"]),
    ("axum", &["cp-api"]),
    ("brotli", &["cp-capture"]),
    ("cargo_metadata", &["xtask"]),
    ("clap", &["codepromptu", "codepromptu-bench"]),
    ("clap_complete", &["codepromptu"]),
    ("clap_mangen", &["codepromptu"]),
    ("csv", &["cp-import"]),
    ("flate2", &["cp-capture", "cp-ingest", "cp-mock"]),
    ("hyper", &["cp-gateway", "cp-client", "cp-mock", "codepromptu", "codepromptu-bench"]),
    ("hyper-rustls", &["cp-gateway", "cp-client"]),
    (
        "hyper-util",
        &[
            "cp-gateway",
            "cp-otlp",
            "cp-audit",
            "cp-oidc",
            "cp-client",
            "cp-mock",
            "codepromptu",
            "codepromptu-bench",
        ],
    ),
    ("indicatif", &["codepromptu"]),
    ("jiff", &["cp-base"]),
    ("jsonwebtoken", &["cp-oidc"]),
    ("metrics-exporter-prometheus", &["cp-api", "codepromptu"]),
    ("mimalloc", &["codepromptu"]),
    ("minijinja", &["cp-prompt"]),
    ("parquet", &["codepromptu"]),
    ("qrcode", &["cp-app"]),
    ("regex", &["cp-redact"]),
    ("ring", &["cp-base"]),
    ("rmp-serde", &["cp-capture", "codepromptu-fuzz"]),
    ("rpassword", &["codepromptu"]),
    ("rustix", &["cp-capture", "codepromptu"]),
    ("rustls", &["cp-gateway", "cp-client", "codepromptu"]),
    ("rustls-native-certs", &["cp-gateway", "cp-client"]),
    ("serde-saphyr", &["cp-prompt", "cp-import"]),
    ("similar", &["cp-prompt", "codepromptu"]),
    ("sqlx", &["cp-db"]),
    ("tiktoken-rs", &["cp-genai"]),
    ("tokio-rustls", &["cp-gateway"]),
    ("toml", &["codepromptu"]),
    ("tower", &["cp-api"]),
    ("tracing-subscriber", &["codepromptu"]),
    ("utoipa", &["cp-wire", "cp-api"]),
    ("utoipa-axum", &["cp-api"]),
    ("utoipa-swagger-ui", &["cp-api"]),
    ("uuid", &["cp-base", "cp-db"]),
    ("webpki-roots", &["cp-gateway", "cp-client"]),
    ("zstd", &["cp-capture", "cp-traffic"]),
    ("zxcvbn", &["cp-app"]),
];

/// Crates that are given what they need, and the doors to the world that they therefore lack.
const PURE: [&str; 7] =
    ["cp-base", "cp-genai", "cp-redact", "cp-prompt", "cp-wire", "cp-import", "cp-ingest"];
const WORLDLY: [&str; 5] = ["tokio", "tokio-util", "hyper", "tempfile", "metrics"];

/// A crate of the workspace as cargo sees it.
pub(super) struct Member {
    name: String,
    manifest: String,
    /// Every direct dependency of what ships; tests may stand on anything.
    dependencies: Vec<String>,
}

/// Asks cargo for the workspace's crates.
pub(super) fn workspace(root: &Path) -> Result<Vec<Member>> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let members = metadata.packages.into_iter().map(|package| Member {
        manifest: package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path).to_string(),
        dependencies: package
            .dependencies
            .into_iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .map(|dependency| dependency.name)
            .collect(),
        name: package.name.to_string(),
    });
    Ok(members.collect())
}

pub(super) fn check(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, _) in EDGES {
        if !members.iter().any(|member| member.name == *name) {
            findings.push(Finding::error(
                "xtask/src/tidy/edges.rs",
                1,
                format!("{name} is in the table and not in the workspace"),
                "take it out of the table",
            ));
        }
    }
    for member in members {
        match EDGES.iter().find(|(name, _)| *name == member.name) {
            Some((_, may_use)) => findings.extend(check_member(member, may_use)),
            None => findings.push(Finding::error(
                &member.manifest,
                1,
                format!("{} is not in the table of crates", member.name),
                "give it its layer in xtask/src/tidy/edges.rs and in docs/ARCHITECTURE.md",
            )),
        }
    }
    findings
}

fn check_member(member: &Member, may_use: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report =
        |what: String, remedy: &str| findings.push(Finding::error(&member.manifest, 1, what, remedy));
    for dependency in &member.dependencies {
        let dependency = dependency.as_str();
        let is_ours = EDGES.iter().any(|(name, _)| *name == dependency);
        if is_ours && !may_use.contains(&dependency) {
            report(
                format!("{} may not use {dependency}", member.name),
                "dependencies point down: see the code map in docs/ARCHITECTURE.md",
            );
        }
        let admitted = ADMITTED.iter().find(|(name, _)| *name == dependency);
        if let Some((_, by)) = admitted.filter(|(_, by)| !by.contains(&member.name.as_str())) {
            report(
                format!("{} may not use {dependency}", member.name),
                &format!("only {} does", by.join(", ")),
            );
        }
        if PURE.contains(&member.name.as_str()) && WORLDLY.contains(&dependency) {
            report(
                format!("{} is pure and may not use {dependency}", member.name),
                "take what it would fetch as a parameter",
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, dependencies: &[&str]) -> Member {
        Member {
            name: name.into(),
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies: dependencies.iter().map(|name| (*name).into()).collect(),
        }
    }

    fn whats(members: &[Member]) -> Vec<String> {
        let of_members = |finding: &Finding| finding.path != "xtask/src/tidy/edges.rs";
        check(members).into_iter().filter(of_members).map(|finding| finding.what).collect()
    }

    #[test]
    fn the_gateway_reaches_no_store() {
        let gateway = member("cp-gateway", &["cp-base", "cp-db", "cp-traffic"]);
        assert_eq!(whats(&[gateway]), ["cp-gateway may not use cp-db", "cp-gateway may not use cp-traffic"]);
    }

    #[test]
    fn heavy_crates_have_one_door() {
        assert_eq!(whats(&[member("cp-app", &["sqlx"])]), ["cp-app may not use sqlx"]);
    }

    #[test]
    fn pure_crates_have_no_door() {
        assert_eq!(whats(&[member("cp-genai", &["tokio"])]), ["cp-genai is pure and may not use tokio"]);
    }

    #[test]
    fn the_table_is_complete_both_ways() {
        assert_eq!(whats(&[member("cp-new", &[])]), ["cp-new is not in the table of crates"]);
        assert!(check(&[]).iter().any(|finding| finding.what.starts_with("cp-base is in the table")));
    }
}
