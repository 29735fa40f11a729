//! TLS on both sides, HTTP/2 on both sides, and trailers.

use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use cp_base::Outcome;
use cp_gateway::{TlsIdentity, UpstreamClient};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::rig::{PATIENCE, Rig, Settings, bytes, text};

/// A certificate for the loopback address, and its key, as files.
struct Identity {
    certificate: NamedTempFile,
    key: NamedTempFile,
}

impl Identity {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let file = |text: String| {
            let mut file = NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        };
        Self { certificate: file(made.cert.pem()), key: file(made.signing_key.serialize_pem()) }
    }

    /// The same, in files of its own.
    fn with(other: &Self) -> Self {
        let copy = |from: &NamedTempFile| {
            let file = NamedTempFile::new().unwrap();
            std::fs::copy(from.path(), file.path()).unwrap();
            file
        };
        Self { certificate: copy(&other.certificate), key: copy(&other.key) }
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(self.certificate.path()).unwrap().map(Result::unwrap).collect()
    }

    fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let key = PrivateKeyDer::from_pem_file(self.key.path()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain(), key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    fn connector(&self, protocols: &[&str]) -> TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.chain().remove(0)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

type Answer =
    Response<StreamBody<futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>>;

/// Answers in two frames and a trailer, and tells the request's version.
async fn answer(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let version = format!("{:?}", request.version());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", "42".parse().unwrap());
    let frames =
        vec![Ok(Frame::data(Bytes::from(version))), Ok(Frame::data(body)), Ok(Frame::trailers(trailers))];
    let mut response = Response::new(StreamBody::new(futures_util::stream::iter(frames)));
    response.headers_mut().insert("trailer", "x-checksum".parse().unwrap());
    Ok(response)
}

/// A provider of HTTP/1.1 and HTTP/2, over TLS or not.
async fn provider(tls: Option<TlsAcceptor>) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            connections.spawn(async move {
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                match tls {
                    Some(tls) => {
                        let Ok(stream) = tls.accept(stream).await else { return };
                        builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await.ok();
                    }
                    None => drop(builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await),
                }
            });
        }
    });
    (port, tasks)
}

fn post(uri: String) -> Request<Full<Bytes>> {
    Request::post(uri).header("te", "trailers").body(Full::new(Bytes::from_static(b" body"))).unwrap()
}

async fn collect(response: Response<Incoming>) -> (String, Option<HeaderMap>) {
    let collected = tokio::time::timeout(PATIENCE, response.into_body().collect()).await.unwrap().unwrap();
    let trailers = collected.trailers().cloned();
    (text(&collected.to_bytes()), trailers)
}

#[tokio::test]
async fn http2_over_tls_passes_from_end_to_end_with_trailers() {
    let (ours, theirs) = (Identity::new(), Identity::new());
    let (port, _tasks) = provider(Some(theirs.acceptor(&["h2"]))).await;
    let rig = Rig::with(
        0,
        Settings {
            tls: Some(TlsIdentity::from_files(ours.certificate.path(), ours.key.path()).unwrap()),
            base_url: Some(format!("https://127.0.0.1:{port}")),
            client: UpstreamClient::new(PATIENCE, true, Some(theirs.certificate.path())).unwrap(),
            ..Settings::default()
        },
    )
    .await;
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = ours.connector(&["h2"]).connect(name, stream).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { drop(connection.await) });

    let uri = format!("https://{}/openai/v1/x", rig.address);
    let (body, trailers) = collect(sender.send_request(post(uri)).await.unwrap()).await;
    assert_eq!(body, "HTTP/2.0 body");
    assert_eq!(trailers.unwrap()["x-checksum"], "42");
    let (_, closing) = rig.only_call().await;
    assert_eq!(
        (closing.outcome, text(&bytes(&closing.response))),
        (Outcome::Completed, "HTTP/2.0 body".to_owned())
    );
}

#[tokio::test]
async fn trailers_pass_over_http1() {
    let (port, _tasks) = provider(None).await;
    let rig = Rig::with(port, Settings::default()).await;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(rig.connect().await)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { drop(connection.await) });
    let mut request = post("/openai/v1/x".to_owned());
    request.headers_mut().insert("host", "g".parse().unwrap());
    let (body, trailers) = collect(sender.send_request(request).await.unwrap()).await;
    assert_eq!(body, "HTTP/1.1 body");
    assert_eq!(trailers.unwrap()["x-checksum"], "42");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_named() {
    let theirs = Identity::new();
    let (port, _tasks) = provider(Some(theirs.acceptor(&["http/1.1"]))).await;
    let base_url = Some(format!("https://127.0.0.1:{port}"));
    let rig = Rig::with(0, Settings { base_url, ..Settings::default() }).await;
    let request =
        b"POST /openai/v1/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    let answer = text(&rig.exchange(request).await);
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && answer.contains("codepromptu-error: upstream_certificate"),
        "{answer}"
    );
    assert!(answer.contains("ca_file"), "{answer}");
    assert_eq!(rig.only_call().await.1.error.as_deref(), Some("upstream_certificate"));
}

/// The certificate that a new connection is shown.
async fn shown(rig: &Rig, trusted: &Identity) -> Option<CertificateDer<'static>> {
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = trusted.connector(&["http/1.1"]).connect(name, stream).await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?[0].clone())
}

#[tokio::test]
async fn a_renewed_certificate_is_served_and_a_broken_one_is_not() {
    let (files, renewed) = (Identity::new(), Identity::new());
    let old = files.chain().remove(0);
    let identity = TlsIdentity::from_files(files.certificate.path(), files.key.path()).unwrap();
    let rig = Rig::with(0, Settings { tls: Some(identity.clone()), ..Settings::default() }).await;
    let trusting_old = Identity::with(&files);
    assert_eq!(shown(&rig, &trusting_old).await, Some(old.clone()));

    let key = std::fs::read(files.key.path()).unwrap();
    // The key alone does not go with the certificate: somebody is in the middle of renewing.
    std::fs::copy(renewed.key.path(), files.key.path()).unwrap();
    identity.renew();
    assert_eq!(shown(&rig, &trusting_old).await, Some(old.clone()));
    std::fs::write(files.key.path(), "no key").unwrap();
    identity.renew();
    std::fs::remove_file(files.key.path()).unwrap();
    identity.renew();
    assert_eq!(shown(&rig, &trusting_old).await, Some(old.clone()));
    std::fs::write(files.key.path(), key).unwrap();
    identity.renew();
    assert_eq!(shown(&rig, &trusting_old).await, Some(old));

    std::fs::copy(renewed.key.path(), files.key.path()).unwrap();
    std::fs::copy(renewed.certificate.path(), files.certificate.path()).unwrap();
    identity.renew();
    assert_eq!(shown(&rig, &trusting_old).await, None, "the old one is not shown any more");
    assert_eq!(shown(&rig, &renewed).await, Some(renewed.chain().remove(0)));
}

/// The first message of a handshake in a version that has no `supported_versions`.
fn client_hello(minor: u8) -> Vec<u8> {
    // Groups: x25519; signatures: ECDSA with P-256; points: uncompressed.
    let extensions = [0, 10, 0, 4, 0, 2, 0, 29, 0, 13, 0, 4, 0, 2, 4, 3, 0, 11, 0, 2, 1, 0];
    let length = u8::try_from(extensions.len()).unwrap();
    // Version, random, no session; ECDHE-ECDSA with AES-128 in CBC, and in GCM; no compression.
    let body =
        [&[3, minor][..], &[7; 32], &[0, 0, 4, 0xc0, 9, 0xc0, 0x2b, 1, 0, 0, length], &extensions].concat();
    let length = u8::try_from(body.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
}

#[tokio::test]
async fn versions_before_tls_1_2_are_refused() {
    let files = Identity::new();
    let identity = TlsIdentity::from_files(files.certificate.path(), files.key.path()).unwrap();
    let rig = Rig::with(0, Settings { tls: Some(identity), ..Settings::default() }).await;
    for minor in [0, 1, 2, 3] {
        let mut client = rig.connect().await;
        client.write_all(&client_hello(minor)).await.unwrap();
        let mut answer = [0; 7];
        tokio::time::timeout(PATIENCE, client.read_exact(&mut answer)).await.unwrap().unwrap();
        match minor {
            3 => assert_eq!((answer[0], answer[5]), (22, 2), "a ServerHello: {answer:?}"),
            _ => assert_eq!((answer[0], answer[5]), (21, 2), "a fatal alert: {answer:?}"),
        }
    }
}
