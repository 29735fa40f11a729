//! A gateway on a loopback port, and a provider that plays a script byte by byte.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cp_base::{Clock, IdGenerator, MasterKey, ProjectAccess, ProjectScope, Random, SystemClock};
use cp_capture::{Closing, Durability, Log, LogConfig, Opening, Position, Record};
use cp_gateway::{
    CaptureLimits, Gateway, GatewayParts, Limits, Listener, OnFull, Project, Projects, Snapshot, TlsIdentity,
    Upstream, UpstreamClient,
};
use cp_genai::Family;
use cp_redact::CapturePolicy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Longer than anything takes here; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a scripted provider does on a connection, after it has read a whole request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Vec<u8>),
    /// Waits until the client's side of this connection is gone.
    AwaitHangUp,
    /// Sends back whatever comes, until the end.
    Echo,
    /// Reads the next request on the same connection.
    AwaitRequest,
    /// Sends the bytes for ever, until nobody takes them.
    SendForever(Vec<u8>),
    /// Waits until the client has done what it does.
    AwaitClient,
    /// Ends the connection.
    Close,
    /// Ends the connection with a reset.
    Reset,
}

/// What the provider saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) hang_ups: usize,
    /// What was sent by [`Step::SendForever`].
    pub(crate) sent_bytes: usize,
}

pub(crate) struct Provider {
    pub(crate) port: u16,
    pub(crate) seen: watch::Receiver<Seen>,
    /// For [`Step::AwaitClient`].
    pub(crate) client_done: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Provider {
    /// Plays `script` for every request.
    pub(crate) async fn play(script: Vec<Step>) -> Self {
        Self::start(script, Begin::AfterRequest).await
    }

    /// Plays `script` on every connection, whatever is sent there.
    pub(crate) async fn play_at_once(script: Vec<Step>) -> Self {
        Self::start(script, Begin::AtOnce).await
    }

    async fn start(script: Vec<Step>, begin: Begin) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, receiver) = watch::channel(Seen::default());
        let (client_done, done) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, done) = (seen.clone(), done.clone());
                connections.spawn(converse(stream, script.clone(), begin, (seen, done)));
            }
        });
        Self { port, seen: receiver, client_done, _tasks: tasks }
    }

    pub(crate) async fn wait_for(&mut self, condition: impl FnMut(&Seen) -> bool) -> Seen {
        tokio::time::timeout(PATIENCE, self.seen.wait_for(condition)).await.unwrap().unwrap().clone()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    AtOnce,
    AfterRequest,
}

async fn converse(
    mut stream: TcpStream,
    script: Vec<Step>,
    begin: Begin,
    (seen, mut done): (watch::Sender<Seen>, watch::Receiver<bool>),
) {
    loop {
        if begin == Begin::AfterRequest {
            let Some(request) = read_message(&mut stream).await else { return };
            seen.send_modify(|seen| seen.requests.push(request));
        }
        for step in &script {
            match step {
                Step::Send(bytes) => {
                    // The gateway may hang up on us at any time; that is what some tests are about.
                    if stream.write_all(bytes).await.is_err() {
                        return;
                    }
                }
                Step::AwaitHangUp => {
                    while !matches!(stream.read(&mut [0; 1024]).await, Ok(0) | Err(_)) {}
                    seen.send_modify(|seen| seen.hang_ups += 1);
                    return;
                }
                Step::Echo => {
                    let (mut reading, mut writing) = stream.split();
                    tokio::io::copy(&mut reading, &mut writing).await.ok();
                    return;
                }
                Step::AwaitRequest => drop(read_message(&mut stream).await),
                Step::SendForever(bytes) => {
                    while stream.write_all(bytes).await.is_ok() {
                        seen.send_modify(|seen| seen.sent_bytes += bytes.len());
                    }
                    seen.send_modify(|seen| seen.hang_ups += 1);
                    return;
                }
                Step::AwaitClient => drop(done.wait_for(|done| *done).await),
                Step::Close => return,
                Step::Reset => {
                    stream.set_zero_linger().unwrap();
                    return;
                }
            }
        }
    }
}

/// Reads one HTTP/1.1 message with a body of known length or in chunks; `None` at the end of the connection.
pub(crate) async fn read_message<S: AsyncReadExt + Unpin>(stream: &mut S) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    while !message.ends_with(b"\r\n\r\n") {
        message.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&message).to_ascii_lowercase();
    let length = head
        .split("\r\n")
        .find_map(|line| line.strip_prefix("content-length: "))
        .map(|text| text.parse().unwrap());
    if let Some(length) = length {
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        message.extend(body);
    } else if head.contains("transfer-encoding: chunked") {
        while !message.ends_with(b"0\r\n\r\n") {
            message.push(stream.read_u8().await.ok()?);
        }
    }
    Some(message)
}

/// A response with a body of known length.
pub(crate) fn response(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The head of a response in chunks.
pub(crate) const CHUNKED: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

pub(crate) fn chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

/// What a test changes about the gateway.
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) capture: CaptureLimits,
    /// What the one project wants captured.
    pub(crate) policy: Option<CapturePolicy>,
    pub(crate) durability: Durability,
    /// The most that the log may take.
    pub(crate) max_log_bytes: u64,
    pub(crate) tls: Option<TlsIdentity>,
    /// The listener's own where it is absent.
    pub(crate) head_timeout: Option<Duration>,
    pub(crate) base_url: Option<String>,
    pub(crate) client: UpstreamClient,
    pub(crate) clock: Arc<dyn Clock>,
    /// One open project where there are none.
    pub(crate) projects: Option<Projects>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits { first_byte_timeout: PATIENCE, idle_timeout: PATIENCE, max_request_bytes: None },
            capture: CaptureLimits { max_body_bytes: 1 << 20, on_full: OnFull::Reject },
            policy: None,
            durability: Durability::Process,
            max_log_bytes: 1 << 30,
            tls: None,
            head_timeout: None,
            base_url: None,
            client: UpstreamClient::new(PATIENCE, false, None).unwrap(),
            clock: Arc::new(SystemClock::default()),
            projects: None,
        }
    }
}

/// The projects of an installation that has this one.
pub(crate) fn only(scope: ProjectScope) -> Projects {
    let (org, slug) = ("default".parse().unwrap(), "default".parse().unwrap());
    let project = Project { scope, org, slug, access: ProjectAccess::Open, provider_keys: HashMap::new() };
    Projects::new(vec![Arc::new(project)], scope.org())
}

/// A gateway over one provider, which it knows by the name of each wire family.
pub(crate) struct Rig {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) log: Log,
    pub(crate) closing: CancellationToken,
    pub(crate) abort: CancellationToken,
    pub(crate) serving: JoinSet<()>,
    records: Mutex<Vec<Record>>,
    _dir: tempfile::TempDir,
}

impl Rig {
    pub(crate) async fn before(provider: &Provider) -> Self {
        Self::with(provider.port, Settings::default()).await
    }

    pub(crate) async fn with(port: u16, settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (clock, random) = (settings.clock, Arc::new(Random::system()));
        let ids = IdGenerator::new(clock.clone(), random.clone());
        let master = MasterKey::new([7; 32]);
        let small = settings.max_log_bytes < 1 << 20;
        let config = LogConfig {
            segment_bytes: if small { 100_000 } else { 8 << 20 },
            memory_bytes: if small { 64_000 } else { 4 << 20 },
            max_open_calls: if small { 8 } else { 1024 },
            max_bytes: settings.max_log_bytes,
            durability: settings.durability,
            ..LogConfig::new(dir.path().join("log"))
        };
        let (log, _) =
            Log::open(config, master.log_key().clone(), &ids, random, clock.clone(), &["test"]).unwrap();
        let base_url = settings.base_url.unwrap_or_else(|| format!("http://127.0.0.1:{port}"));
        let upstreams: BTreeMap<_, _> = Family::ALL
            .into_iter()
            .map(|family| {
                let upstream = Upstream::new(family, &base_url, settings.client.clone()).unwrap();
                (family.as_str().into(), Arc::new(upstream))
            })
            .collect();
        let scope =
            ProjectScope::grant(ids.mint::<cp_base::kind::Org>(), ids.mint::<cp_base::kind::Project>());
        let (capture, limits) = (settings.capture, settings.limits);
        let policies = settings.policy.into_iter().map(|policy| (scope.project(), policy)).collect();
        let projects = Arc::new(settings.projects.unwrap_or_else(|| only(scope)));
        let snapshot = Snapshot { projects, upstreams, capture, policies: Arc::new(policies), limits };
        let fingerprint_key = master.fingerprint_key().clone();
        let gateway =
            Arc::new(Gateway::new(GatewayParts { snapshot, log: log.clone(), ids, clock, fingerprint_key }));
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), settings.tls).await.unwrap();
        let listener = match settings.head_timeout {
            Some(head_timeout) => listener.with_head_timeout(head_timeout),
            None => listener,
        };
        let address = listener.address().unwrap();
        let (closing, abort) = (CancellationToken::new(), CancellationToken::new());
        let mut serving = JoinSet::new();
        let handler = {
            let gateway = gateway.clone();
            move |request, _| {
                let gateway = gateway.clone();
                async move { gateway.handle(request).await }
            }
        };
        serving.spawn(listener.serve(handler, closing.clone(), abort.clone()));
        Self { address, gateway, log, closing, abort, serving, records: Mutex::default(), _dir: dir }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends a request and reads until the gateway ends the connection.
    pub(crate) async fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().ok();
        answer
    }

    /// The log's records, once they fulfil a condition.
    pub(crate) async fn records(&self, condition: impl Fn(&[Record]) -> bool) -> Vec<Record> {
        let mut written = self.log.written();
        let waiting = async {
            loop {
                written.borrow_and_update();
                let records = self.read_all();
                if condition(&records) {
                    return records;
                }
                written.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("only these records came: {:?}", self.records.lock().unwrap()))
    }

    fn read_all(&self) -> Vec<Record> {
        let mut reader = self.log.reader(Position(0));
        let mut records = Vec::new();
        loop {
            let batch = reader.read(1 << 20).unwrap();
            if batch.records.is_empty() {
                break;
            }
            records.extend(batch.records);
        }
        self.records.lock().unwrap().clone_from(&records);
        records
    }

    /// Waits until nothing is left of any call: no promise of room, no memory, no connection.
    pub(crate) async fn nothing_left(&self, tasks: usize) {
        let metrics = tokio::runtime::Handle::current().metrics();
        let waiting = async {
            loop {
                let stats = self.log.stats();
                if (stats.open_calls, stats.memory_used) == (0, 0) && metrics.num_alive_tasks() <= tasks {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| {
            panic!("{:?}, {} tasks and not {tasks}", self.log.stats(), metrics.num_alive_tasks())
        });
    }

    /// The opening and closing of the only call.
    pub(crate) async fn only_call(&self) -> (Opening, Closing) {
        let closings =
            |records: &[Record]| records.iter().filter(|record| matches!(record, Record::Closing(_))).count();
        let records = self.records(|records| closings(records) == 1).await;
        let openings = records.iter().filter(|record| matches!(record, Record::Opening(_))).count();
        assert_eq!(openings, 1, "{records:?}");
        let opening = records.iter().find_map(|record| match record {
            Record::Opening(opening) => Some((**opening).clone()),
            _ => None,
        });
        let closing = records.iter().find_map(|record| match record {
            Record::Closing(closing) => Some((**closing).clone()),
            _ => None,
        });
        (opening.unwrap(), closing.unwrap())
    }
}

pub(crate) fn bytes(body: &cp_capture::Body) -> Vec<u8> {
    body.pieces.concat()
}

pub(crate) fn text(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).into_owned()
}
