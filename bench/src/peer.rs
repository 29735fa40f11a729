//! The three ways to the mock provider, each a process of its own.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cores::{Cores, on, pinned};
use crate::load::Target;
use crate::process::{Process, free_address};

const READY_WITHIN: Duration = Duration::from_secs(30);

/// One of the ways.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) process: Process,
    pub(crate) target: Target,
    /// Whether it stores calls, and tells how many.
    pub(crate) stores: bool,
}

impl Peer {
    /// What it says of itself.
    pub(crate) async fn status(&self) -> Result<Value> {
        let (_, body) = get(self.target.address, "/api/v1/status").await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// How many calls its pipeline says it has stored. Asking the store makes it count, which would be measured too.
    pub(crate) async fn reported(&self) -> Result<u64> {
        Ok(self.metric("codepromptu_pipeline_calls_stored_total").await?.unwrap_or(0))
    }

    /// What of its log its pipeline has not stored yet.
    pub(crate) async fn backlog_bytes(&self) -> Result<u64> {
        let backlog = self.metric("codepromptu_capture_backlog_bytes{consumer=\"store-calls\"}").await?;
        backlog.context("/metrics tells no backlog")
    }

    async fn metric(&self, series: &str) -> Result<Option<u64>> {
        let (_, body) = get(self.target.address, "/metrics").await?;
        let text = String::from_utf8_lossy(&body);
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        Ok(value.map(str::parse).transpose()?)
    }

    /// How many calls are in its store.
    pub(crate) async fn stored(&self) -> Result<u64> {
        let status = self.status().await?;
        let stored = status.pointer("/store/calls").and_then(Value::as_u64);
        stored.with_context(|| format!("/api/v1/status tells no number of stored calls: {status}"))
    }
}

/// The mock provider, in this process, until it is told to stop.
pub(crate) async fn run_mock(listen: SocketAddr) -> Result<()> {
    let _mock = cp_mock::Mock::start(listen, cp_mock::Options { remember: 0, ..Default::default() }).await?;
    std::future::pending().await
}

/// The mock provider itself.
pub(crate) async fn direct(cores: Cores) -> Result<Peer> {
    let address = free_address()?;
    let harness = std::env::current_exe()?;
    let process = Process::start(pinned(cores.mock, harness).arg("mock").arg(address.to_string()))?;
    ready(Peer { name: "direct", process, target: Target::new(address), stores: false }, "/openai/v1/models")
        .await
}

/// nginx as a plain reverse proxy: connections to the upstream are kept, nothing is logged, nothing is buffered, since a
/// proxy of models can't know which answer will be a stream.
pub(crate) async fn nginx(cores: Cores, folder: &Path, upstream: SocketAddr) -> Result<Peer> {
    let address = free_address()?;
    let folder = fresh(folder.join("nginx"))?;
    let shown = folder.display();
    let configuration = format!(
        "daemon off; worker_processes 1; pid {shown}/pid; error_log {shown}/error.log error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_max_body_size 16m;
    client_body_buffer_size 256k;
    client_body_temp_path {shown}/body; proxy_temp_path {shown}/proxy; fastcgi_temp_path {shown}/fastcgi;
    uwsgi_temp_path {shown}/uwsgi; scgi_temp_path {shown}/scgi;
    upstream mock {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection '';
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
}}
"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, configuration)?;
    let mut command = pinned(cores.proxy, "nginx");
    command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(file);
    let process = Process::start(&mut command)?;
    let peer = Peer { name: "nginx", process, target: Target::new(address), stores: false };
    ready(peer, "/openai/v1/models")
        .await
        .context("nginx did not start; is it installed? (apt-get install nginx-light)")
}

/// CodePromptu as it is shipped: capture on, embedded store. It runs on `processors`.
pub(crate) async fn codepromptu(processors: &str, folder: &Path, upstream: SocketAddr) -> Result<Peer> {
    let address = free_address()?;
    let folder = fresh(folder.join("codepromptu"))?;
    let configuration = format!(
        "data_dir = \"{}/data\"\n[server]\nlisten = \"{address}\"\n[providers.openai]\nbase_url = \"http://{upstream}/openai\"\n",
        folder.display()
    );
    let file = folder.join("codepromptu.toml");
    std::fs::write(&file, configuration)?;
    let log = std::fs::File::create(folder.join("log"))?;
    let program = std::env::current_exe()?.with_file_name("codepromptu");
    let mut command = on(processors, &program);
    command.arg("serve").arg("--config").arg(file).stdout(log.try_clone()?).stderr(Stdio::from(log));
    let process = Process::start(&mut command)?;
    let peer = Peer { name: "CodePromptu", process, target: Target::new(address), stores: true };
    ready(peer, "/readyz").await.with_context(|| format!("see {}", folder.join("log").display()))
}

/// CodePromptu with everything on that a call can be subject to: a gateway key in the provider key's place, which is swapped
/// for the vault's, three limits, and redaction of every kind.
pub(crate) async fn guarded(processors: &str, folder: &Path, upstream: SocketAddr) -> Result<Peer> {
    let mut peer = codepromptu(processors, &folder.join("guarded"), upstream).await?;
    peer.name = GUARDED;
    let command = |arguments: &[&str], input: &str| commanded(&peer, arguments, input);
    let mut policy: serde_json::Map<String, Value> =
        serde_json::from_str(&command(&["policy", "show"], "")?)?;
    policy.insert("redact".to_owned(), KINDS.as_slice().into());
    let file = folder.join("policy.json");
    std::fs::write(&file, serde_json::to_vec(&policy)?)?;
    command(&["policy", "set", &file.display().to_string()], "")?;
    command(&["provider-key", "set", "openai"], "sk-provider")?;
    let limits = ["requests/month=100000000", "tokens/month=100000000000", "usd/month=1000000"];
    let limits = limits.iter().flat_map(|limit| ["--limit", limit]);
    let arguments: Vec<_> = ["gateway-key", "create", "bench"].into_iter().chain(limits).collect();
    peer.target.key = command(&arguments, "")?.trim().to_owned();
    Ok(peer)
}

/// What the report calls it.
pub(crate) const GUARDED: &str = "CodePromptu, guarded";

const KINDS: [&str; 8] =
    ["email", "phone", "card", "iban", "national_id", "ip_address", "credential", "private_key"];

/// Runs a command of the program against a peer; what it prints.
fn commanded(peer: &Peer, arguments: &[&str], input: &str) -> Result<String> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("codepromptu"));
    command.args(arguments).env("CODEPROMPTU_SERVER", format!("http://{}", peer.target.address));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("a pipe")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("`codepromptu {}` failed ({})", arguments.join(" "), output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The version that nginx tells of itself.
pub(crate) fn nginx_version() -> Result<String> {
    let output = Command::new("nginx")
        .arg("-v")
        .output()
        .context("nginx is missing, the peer to measure against: apt-get install nginx-light")?;
    Ok(String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("nginx version: ").to_owned())
}

fn fresh(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

/// Waits until the peer answers 200 at this path.
async fn ready(mut peer: Peer, path: &str) -> Result<Peer> {
    let began = Instant::now();
    loop {
        peer.process.check()?;
        match get(peer.target.address, path).await {
            Ok((http::StatusCode::OK, _)) => return Ok(peer),
            last if began.elapsed() > READY_WITHIN => {
                bail!("{} is not ready: {:?}", peer.name, last.map(|it| it.0))
            }
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// One GET on a connection of its own.
async fn get(address: SocketAddr, path: &str) -> Result<(http::StatusCode, Bytes)> {
    let (mut sender, connection) = handshake(TokioIo::new(TcpStream::connect(address).await?)).await?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let mut request = http::Request::get(path).header(http::header::HOST, address.to_string());
    // A provider wants a key, and the API takes a provider's for a wrong one of its own.
    if path.starts_with("/openai/") {
        request = request.header(http::header::AUTHORIZATION, "Bearer sk-bench");
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    Ok((response.status(), response.into_body().collect().await?.to_bytes()))
}
