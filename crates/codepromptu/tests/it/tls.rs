//! TLS to the database, and TLS to clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cp_testkit::Cluster;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::program::{Installation, PATIENCE, Program, command, http, run, stderr};

/// A certificate authority of a test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, as a file.
    fn file(&self, dir: &Path, name: &str) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, self.0.as_ref().pem()).unwrap();
        path
    }

    /// A certificate for `name`, and its key.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

fn with_database(installation: &Installation, url: &str) -> std::process::Command {
    let mut serving = installation.serving();
    serving.args(["--database-url", url]);
    serving
}

/// Starts the program on that database, which it must refuse, and returns what it says.
fn refused(installation: &Installation, url: &str) -> String {
    let output = run(&mut with_database(installation, url));
    assert!(!output.status.success(), "{url}");
    stderr(&output)
}

#[tokio::test]
async fn the_database_is_spoken_to_by_tls_and_must_be_the_right_one() {
    let installation = Installation::new().await;
    let dir = installation.dir.path();
    let (ours, another) = (Authority::new(), Authority::new());
    let (certificate, key) = ours.sign("127.0.0.1");
    let cluster = Cluster::start_with_tls(&certificate, &key);
    let root = |authority: &Authority, name: &str| authority.file(dir, name).display().to_string();
    let (trusted, other) = (root(&ours, "ca.pem"), root(&another, "other.pem"));
    let url = |query: &str| format!("{}?{query}", cluster.url());

    let said = refused(&installation, &url("sslmode=disable"));
    assert!(
        said.contains("no encryption") || said.contains("pg_hba"),
        "the server takes no plain text: {said}"
    );
    let said = refused(&installation, &url(&format!("sslmode=verify-full&sslrootcert={other}")));
    assert!(said.contains("certificate") || said.contains("UnknownIssuer"), "{said}");
    let said = refused(
        &installation,
        &url(&format!("sslmode=verify-full&sslrootcert={dir}/away.pem", dir = dir.display())),
    );
    assert!(said.contains("No such file"), "{said}");

    for query in [format!("sslmode=verify-full&sslrootcert={trusted}"), "sslmode=require".to_owned()] {
        let program = Program::start(&mut with_database(&installation, &url(&query)));
        let body = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"by TLS"}]}"#;
        let call = program.chat(&http(), body).await.call;
        program.ended_call(call).await;
        assert!(program.terminate());
    }
}

#[tokio::test]
async fn a_database_of_another_name_is_refused() {
    let installation = Installation::new().await;
    let authority = Authority::new();
    let (certificate, key) = authority.sign("db.example.com");
    let cluster = Cluster::start_with_tls(&certificate, &key);
    let trusted = authority.file(installation.dir.path(), "ca.pem").display().to_string();
    let url = |mode: &str| format!("{}?sslmode={mode}&sslrootcert={trusted}", cluster.url());
    let said = refused(&installation, &url("verify-full"));
    assert!(said.contains("certificate") || said.contains("NotValidForName"), "{said}");
    // That asks for the authority only.
    assert!(Program::start(&mut with_database(&installation, &url("verify-ca"))).terminate());
}

/// The files of the main listener's certificate.
struct Served {
    certificate: PathBuf,
    key: PathBuf,
}

impl Served {
    fn write(&self, (certificate, key): &(String, String)) {
        std::fs::write(&self.certificate, certificate).unwrap();
        std::fs::write(&self.key, key).unwrap();
    }
}

/// What `path` answers over TLS, to somebody who trusts that authority and means that name.
async fn get(address: &str, authority: &Authority, name: &'static str, path: &str) -> Option<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.0.as_ref().pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(ServerName::try_from(name).unwrap(), stream).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().ok();
    Some(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn the_api_beyond_loopback_speaks_tls_to_its_public_name_and_knows_nobody() {
    const NAME: &str = "prompts.example.com";
    let installation = Installation::new().await;
    let dir = installation.dir.path();
    let authority = Authority::new();
    let served = Served { certificate: dir.join("tls.crt"), key: dir.join("tls.key") };
    served.write(&authority.sign(NAME));
    let mut serving = installation.serving();
    serving
        .args(["--listen", "0.0.0.0:0"])
        .env("CODEPROMPTU_SERVER_PUBLIC_URL", format!("https://{NAME}"))
        .env("CODEPROMPTU_SERVER_TLS_CERT", &served.certificate)
        .env("CODEPROMPTU_SERVER_TLS_KEY", &served.key);
    let program = Program::start(&mut serving);
    let port = program.base.rsplit(':').next().unwrap().to_owned();
    assert!(program.base.starts_with("https://"), "{}", program.base);
    let address = format!("127.0.0.1:{port}");
    let page = get(&address, &authority, NAME, "/").await.unwrap();
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("strict-transport-security: "), "{page}");
    // By the public name, nobody is the owner for sitting at the machine.
    let calls = get(&address, &authority, NAME, "/api/v1/calls").await.unwrap();
    assert!(calls.starts_with("HTTP/1.1 401 "), "{calls}");
    // Who speaks no TLS hears nothing.
    let mut plain = TcpStream::connect(&address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: prompts.example.com\r\n\r\n").await.unwrap();
    let mut heard = Vec::new();
    tokio::time::timeout(PATIENCE, plain.read_to_end(&mut heard)).await.unwrap().ok();
    assert!(!String::from_utf8_lossy(&heard).contains("HTTP/1.1"), "{heard:?}");

    // Another authority has signed the renewed one. What is wrong with its file comes first.
    let renewed = Authority::new();
    std::fs::write(&served.certificate, "not a certificate").unwrap();
    hang_up(&program);
    assert!(get(&address, &authority, NAME, "/healthz").await.is_some(), "the old one stays");
    served.write(&renewed.sign(NAME));
    hang_up(&program);
    let waiting = async {
        while get(&address, &renewed, NAME, "/healthz").await.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    assert!(get(&address, &authority, NAME, "/healthz").await.is_none());
    let metrics = get(&address, &renewed, NAME, "/metrics").await.unwrap();
    assert!(metrics.contains("codepromptu_tls_renewals_total{result=\"renewed\"} 1"), "{metrics}");
}

#[tokio::test]
async fn the_commands_speak_tls_to_a_server_that_is_vouched_for() {
    let installation = Installation::new().await;
    let dir = installation.dir.path();
    let authority = Authority::new();
    let served = Served { certificate: dir.join("tls.crt"), key: dir.join("tls.key") };
    served.write(&authority.sign("127.0.0.1"));
    let mut serving = installation.serving();
    serving
        .env("CODEPROMPTU_SERVER_TLS_CERT", &served.certificate)
        .env("CODEPROMPTU_SERVER_TLS_KEY", &served.key);
    let program = Program::start(&mut serving);
    let status = |authority: &Authority, name: &str| {
        let trusted = authority.file(dir, name);
        let asked = ["status", "--server", &program.base];
        run(command(dir).args(asked).env("SSL_CERT_FILE", trusted))
    };
    let output = status(&authority, "ca.pem");
    assert!(output.status.success(), "{}", stderr(&output));
    let output = status(&Authority::new(), "other.pem");
    assert!(!output.status.success() && stderr(&output).contains("certificate"), "{}", stderr(&output));
}

fn hang_up(program: &Program) {
    let id = program.id().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
}

#[tokio::test]
async fn beyond_loopback_the_api_wants_tls_or_is_told_that_it_needs_none() {
    let installation = Installation::new().await;
    let serving = |variables: &[(&str, &str)]| {
        let mut serving = installation.serving();
        serving.args(["--listen", "0.0.0.0:0"]).envs(variables.iter().copied());
        serving
    };
    let public = ("CODEPROMPTU_SERVER_PUBLIC_URL", "https://prompts.example.com");
    let insecure = ("CODEPROMPTU_SERVER_INSECURE", "true");
    for (variables, what) in [
        (&[][..], "server.tls_cert"),
        (&[public][..], "server.tls_cert"),
        (&[insecure][..], "server.public_url"),
        (&[insecure, ("CODEPROMPTU_SERVER_PUBLIC_URL", "prompts")][..], "server.public_url"),
        (&[public, ("CODEPROMPTU_SERVER_TLS_CERT", "x.pem")][..], "server.tls_cert"),
    ] {
        let output = run(&mut serving(variables));
        assert!(!output.status.success() && stderr(&output).contains(what), "{what}: {}", stderr(&output));
    }
    let program = Program::start(&mut serving(&[public, insecure]));
    assert!(program.base.starts_with("http://"));
}
