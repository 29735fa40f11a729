//! The program as a child process, and a client of its gateway.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use bytes::Bytes;
use cp_base::CallId;
use cp_client::Client;
use cp_mock::Mock;
use cp_wire::{CallDetail, CallQuery, CallSummary, PageQuery};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Longer than anything takes here; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A data directory with a configuration, over a mock of the providers.
pub(crate) struct Installation {
    pub(crate) dir: tempfile::TempDir,
    _mock: Mock,
}

impl Installation {
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// With more lines at the end of the configuration file.
    pub(crate) async fn with(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mock = Mock::start("127.0.0.1:0".parse().unwrap(), cp_mock::Options::default()).await.unwrap();
        let config = format!(
            "data_dir = \"{}\"\n[server]\nlisten = \"127.0.0.1:0\"\n\
             [providers.openai]\nbase_url = \"http://{addr}/openai\"\n\
             [providers.anthropic]\nbase_url = \"http://{addr}/anthropic\"\n{more}\n",
            dir.path().join("data").display(),
            addr = mock.addr,
        );
        std::fs::write(dir.path().join("codepromptu.toml"), config).unwrap();
        Self { dir, _mock: mock }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("codepromptu.toml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn serve(&self) -> Program {
        Program::start(&mut self.serving())
    }

    /// The command that serves, for a test that starts it in a way of its own.
    pub(crate) fn serving(&self) -> Command {
        let mut command = command(self.dir.path());
        command.args(["serve", "--config"]).arg(self.config());
        command
    }

    /// The same, started by another program, which becomes it.
    pub(crate) fn serving_under(&self, starter: &str, arguments: &[&str]) -> Command {
        let (serving, mut command) = (self.serving(), Command::new(starter));
        command.current_dir(self.dir.path()).env_clear().env("PATH", env!("PATH"));
        command.args(arguments).arg(serving.get_program()).args(serving.get_args());
        command
    }
}

/// The program, not yet started, with nothing of this environment that configures it.
pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_codepromptu"));
    command.current_dir(dir).env_clear().env("PATH", env!("PATH"));
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `codepromptu serve`, ready. Killed when dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) base: String,
    /// What it said before it was ready.
    pub(crate) announced: String,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut program = Self { child, base: String::new(), announced: String::new() };
        let mut lines = BufReader::new(program.child.stdout.take().unwrap()).lines();
        while program.base.is_empty() {
            let Some(Ok(line)) = lines.next() else {
                let mut said = String::new();
                program.child.stderr.take().unwrap().read_to_string(&mut said).ok();
                panic!("it did not start: {}{said}", program.announced);
            };
            let base = line.strip_prefix("CodePromptu is ready on ");
            let base = base.or_else(|| line.strip_prefix("CodePromptu waits for its database on "));
            program.base = base.unwrap_or_default().to_owned();
            program.announced.push_str(&line);
            program.announced.push('\n');
        }
        // Its later words are not wanted, and must not fill the pipes.
        let mut rest = program.child.stderr.take().unwrap();
        std::thread::spawn(move || {
            std::io::copy(&mut rest, &mut std::io::sink()).ok();
            lines.for_each(drop);
        });
        program
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.base).unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What a path answers.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = http().get(format!("{}{path}", self.base).parse().unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// The sum of a metric's values whose labels contain a text.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.get("/metrics").await.1;
        let values = text.lines().filter_map(|line| {
            let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            let is_it = (labels.is_empty() || labels.starts_with('{')) && labels.contains(label);
            is_it.then(|| value.parse::<f64>().unwrap())
        });
        values.sum()
    }

    /// What `codepromptu status` says.
    pub(crate) fn status(&self, dir: &Path) -> String {
        let output = run(command(dir).args(["status", "--server", &self.base]));
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and tells whether it ended well.
    pub(crate) fn terminate(mut self) -> bool {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }

    /// Sends a chat completion through the gateway.
    pub(crate) async fn chat(&self, http: &Http, body: &str) -> Answer {
        let uri = format!("{}/openai/v1/chat/completions", self.base);
        let request = Request::post(uri)
            .header("authorization", "Bearer sk-test-secret-key")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        Answer::read(http.request(request).await.unwrap()).await.unwrap()
    }

    /// Every call that is stored, without their bodies.
    pub(crate) async fn all_calls(&self) -> Vec<CallSummary> {
        let client = self.client();
        let mut calls = Vec::new();
        let mut page = PageQuery { limit: Some("500".into()), ..PageQuery::default() };
        loop {
            let got = client.list_calls(&CallQuery::default(), &page).await.unwrap();
            calls.extend(got.calls);
            match got.next {
                Some(next) => page.after = Some(next.to_string()),
                None => return calls,
            }
        }
    }

    /// A call, once it is stored as ended.
    pub(crate) async fn ended_call(&self, call: CallId) -> CallDetail {
        let client = self.client();
        let waiting = async {
            loop {
                match client.get_call(call).await {
                    Ok(found) if found.summary.outcome.is_some() => return found,
                    _ => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) type Http = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

#[expect(clippy::disallowed_methods, reason = "a test's own client")]
pub(crate) fn http() -> Http {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http()
}

/// A response that was received to its last byte.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) call: CallId,
    pub(crate) captured: bool,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> Result<Self, hyper::Error> {
        let status = response.status().as_u16();
        let call = response.headers()["codepromptu-call-id"].to_str().unwrap().parse().unwrap();
        let captured = status < 500 && !response.headers().contains_key("codepromptu-capture");
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Self { status, call, captured, body: String::from_utf8(body.to_vec()).unwrap() })
    }
}
