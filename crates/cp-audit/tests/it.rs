//! From the chains to a receiver.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use cp_audit::{AuditStream, Syslog, Transport, Webhook};
use cp_base::{Clock, IdGenerator, InstallationScope, OrgScope, Secret, hex, hmac_sha256};
use cp_db::Db;
use cp_store::{Actor, AuditEvent, ChainCheck, ChainedEvent};
use cp_testkit::{FakeClock, TestDb, db_test, ids};
use http::Response;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, AsyncReadExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);
const SECRET: &str = "a secret of thirty-two characters";

/// An event's organisation, and itself.
type Taken = (String, ChainedEvent);

/// A receiver that answers as it is told, 204 without a word.
#[derive(Clone)]
struct Receiver {
    url: String,
    answers: Arc<Mutex<VecDeque<u16>>>,
    taken: watch::Sender<Vec<Taken>>,
}

impl Receiver {
    async fn start(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect()));
        let receiver = Self { url, answers, taken: watch::Sender::new(Vec::new()) };
        let serving = receiver.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let receiver = serving.clone();
                let service = service_fn(move |request| receiver.clone().answer(request));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        receiver
    }

    async fn answer(self, request: http::Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let signature = request.headers()["codepromptu-signature"].to_str().unwrap().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let (time, digits) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let signed = [format!("{time}.").as_bytes(), &body].concat();
        assert_eq!(digits, hex(&hmac_sha256(SECRET.as_bytes(), &signed)));
        let status = self.answers.lock().unwrap().pop_front().unwrap_or(204);
        if status < 300 {
            let message: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let events: Vec<ChainedEvent> = serde_json::from_value(message["events"].clone()).unwrap();
            let org = message["org"].as_str().unwrap();
            let taken = events.into_iter().map(|event| (org.to_owned(), event));
            self.taken.send_modify(|all| all.extend(taken));
        }
        Ok(Response::builder().status(status).body(Full::default()).unwrap())
    }

    async fn wait_for(&self, count: usize) -> Vec<Taken> {
        let mut taken = self.taken.subscribe();
        let enough = taken.wait_for(|taken| taken.len() >= count);
        tokio::time::timeout(PATIENCE, enough).await.unwrap().unwrap().clone()
    }
}

struct World {
    db: Db,
    clock: Arc<FakeClock>,
    ids: IdGenerator,
}

impl World {
    async fn new(test: &TestDb) -> Self {
        let clock = Arc::new(FakeClock::default());
        test.db.migrate(&[cp_store::MIGRATIONS], clock.now()).await.unwrap();
        Self { db: test.db.clone(), ids: ids(&clock), clock }
    }

    async fn org(&self, name: &str) -> OrgScope {
        let mut tx = self.db.begin_write(InstallationScope::grant()).await.unwrap();
        let (slug, now) = (name.parse().unwrap(), self.clock.now());
        let org = cp_store::create_org(&mut tx, self.ids.mint(), slug, name, now).await.unwrap();
        tx.commit().await.unwrap();
        org.scope
    }

    async fn record(&self, scope: OrgScope, count: usize) {
        let mut tx = self.db.begin_write(InstallationScope::grant()).await.unwrap();
        for _ in 0..count {
            let event = AuditEvent {
                v: 1,
                id: self.ids.mint(),
                sequence: 0,
                at: self.clock.now(),
                actor: Actor { id: None, name: "somebody".to_owned() },
                via: "system".to_owned(),
                address: None,
                action: "project.create".to_owned(),
                target: "prj_1".to_owned(),
                project: None,
                detail: Some("two\nlines".to_owned()),
                before: None,
                after: None,
            };
            cp_store::record(&mut tx, scope, event).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    fn webhook(&self, receiver: &Receiver) -> AuditStream<HttpConnector> {
        let (url, secret) = (receiver.url.parse().unwrap(), Secret::new(SECRET.to_owned()));
        let webhook = Webhook::new(HttpConnector::new(), url, secret, self.clock.clone());
        AuditStream::to_webhook(self.db.clone(), webhook)
    }
}

/// A stream at work.
struct Running {
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl Running {
    fn start(stream: AuditStream<HttpConnector>) -> Self {
        let stop = CancellationToken::new();
        Self { thread: stream.start(stop.clone()).unwrap(), stop }
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::task::spawn_blocking(|| self.thread.join().unwrap()).await.unwrap();
    }
}

/// The events of an organisation, each once, checked as a chain.
fn chain(taken: &[Taken], scope: OrgScope) -> u64 {
    let mut check = ChainCheck::default();
    let own = taken.iter().filter(|(org, _)| *org == scope.org().to_string());
    for (_, event) in own {
        if event.event.sequence > check.sequence() {
            check.follow(event).unwrap();
        }
    }
    check.sequence()
}

db_test! {
    async fn a_webhook_gets_every_chain_from_its_beginning_and_goes_on(test: TestDb) {
        let world = World::new(&test).await;
        let (ours, theirs) = (world.org("ours").await, world.org("theirs").await);
        world.record(ours, 250).await;
        world.record(theirs, 3).await;
        // It is away at first, then wrong, then itself.
        let receiver = Receiver::start(&[503, 404]).await;
        let running = Running::start(world.webhook(&receiver));
        let taken = receiver.wait_for(253).await;
        assert_eq!((chain(&taken, ours), chain(&taken, theirs)), (250, 3));
        world.record(theirs, 1).await;
        let taken = receiver.wait_for(254).await;
        assert_eq!(chain(&taken, theirs), 4);
        running.stop().await;
        // Another start goes on where the first ended.
        world.record(ours, 1).await;
        let again = Receiver::start(&[]).await;
        let running = Running::start(world.webhook(&again));
        let taken = again.wait_for(1).await;
        running.stop().await;
        let known: Vec<_> = taken.iter().map(|(_, event)| event.event.sequence).collect();
        assert!(known.ends_with(&[251]) && known.len() <= 2, "{known:?}");
    }

    async fn syslog_gets_a_message_an_event(test: TestDb) {
        let world = World::new(&test).await;
        let ours = world.org("ours").await;
        world.record(ours, 2).await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let syslog = Syslog { transport: Transport::Udp, address };
        let running = Running::start(AuditStream::to_syslog(world.db.clone(), syslog));
        for sequence in 1..=2 {
            let mut datagram = vec![0; 65_536];
            let read = tokio::time::timeout(PATIENCE, socket.recv(&mut datagram)).await.unwrap().unwrap();
            check_message(std::str::from_utf8(&datagram[..read]).unwrap(), sequence);
        }
        running.stop().await;
    }

    async fn syslog_over_tcp_counts_octets(test: TestDb) {
        let world = World::new(&test).await;
        let ours = world.org("ours").await;
        world.record(ours, 2).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let syslog = Syslog { transport: Transport::Tcp, address };
        let running = Running::start(AuditStream::to_syslog(world.db.clone(), syslog));
        let (stream, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let mut stream = tokio::io::BufReader::new(stream);
        for sequence in 1..=2 {
            let mut length = Vec::new();
            stream.read_until(b' ', &mut length).await.unwrap();
            let length: usize = std::str::from_utf8(&length).unwrap().trim().parse().unwrap();
            let mut message = vec![0; length];
            stream.read_exact(&mut message).await.unwrap();
            check_message(std::str::from_utf8(&message).unwrap(), sequence);
        }
        running.stop().await;
    }
}

fn check_message(message: &str, sequence: u64) {
    let mut parts = message.splitn(8, ' ');
    assert_eq!(parts.next(), Some("<109>1"));
    assert!(parts.next().unwrap().ends_with('Z'));
    assert_eq!(parts.by_ref().take(5).collect::<Vec<_>>(), ["-", "codepromptu", "-", "project.create", "-"]);
    let event: ChainedEvent = serde_json::from_str(parts.next().unwrap()).unwrap();
    assert_eq!(event.event.sequence, sequence);
    assert!(!message.contains('\n'));
}
