//! One call through the gateway.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use cp_base::{CallId, CallSource, Clock, IdGenerator, Outcome, SealingKey};
use cp_capture::{Log, Opening};
use cp_genai::Family;
use cp_redact::{CapturePolicies, Decision};
use http::header::{self, HeaderValue};
use http::{HeaderName, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use metrics::counter;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::admit::{Address, Admitted};
use crate::call::{CallContext, OpenCall, ResponseHead, Upload};
use crate::failure::Failure;
use crate::pool::{SendError, UpstreamBody};
use crate::project::Projects;
use crate::prompt::{self, Library};
use crate::sighting::{Sighting, Sightings};
use crate::snapshot::{OnFull, Snapshot, Upstream};
use crate::tee::{GatewayBody, Hold, RequestTee, ResponseTee};
use crate::{credential, failure, headers, policy, upgrade};

/// Names the call in every response of the gateway.
pub const CALL_ID_HEADER: HeaderName = HeaderName::from_static("codepromptu-call-id");
/// The microseconds that the gateway itself took until the response's head went out.
pub const OVERHEAD_HEADER: HeaderName = HeaderName::from_static("codepromptu-overhead-us");
/// The gateway's error code, in responses that are the gateway's own.
pub const ERROR_HEADER: HeaderName = HeaderName::from_static("codepromptu-error");
/// Present with the value `skipped` where a call passes that could not be captured, and `off` where it should not be.
const CAPTURE_HEADER: HeaderName = HeaderName::from_static("codepromptu-capture");

/// How long traffic waits for a stalled disk where traffic comes first.
const STALL_LIMIT: Duration = Duration::from_secs(1);

/// How long the rest of a request is read after its provider failed.
const UNREAD_LIMIT: Duration = Duration::from_secs(1);

/// What a gateway is made of.
#[derive(Debug)]
pub struct GatewayParts {
    /// What it knows at first.
    pub snapshot: Snapshot,
    /// Where calls are captured.
    pub log: Log,
    /// Mints call ids.
    pub ids: IdGenerator,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The key of client fingerprints.
    pub fingerprint_key: SealingKey,
}

/// The gateway.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    log: Log,
    ids: IdGenerator,
    pub(crate) fingerprint_key: SealingKey,
    pub(crate) context: Arc<CallContext>,
    pub(crate) sightings: Sightings,
    upgraded: TaskTracker,
    library: OnceLock<Arc<dyn Library>>,
    /// For requests that are read for the prompts that they may name, in bytes.
    room: Arc<Semaphore>,
}

/// What the provider answered, and the client's side of the connection where the protocol may change.
struct Answer {
    response: Response<UpstreamBody>,
    client_side: Option<OnUpgrade>,
}

impl Gateway {
    /// A gateway over its parts.
    #[must_use]
    pub fn new(parts: GatewayParts) -> Self {
        let context = CallContext::new(parts.clock);
        Self {
            snapshot: ArcSwap::from_pointee(parts.snapshot),
            log: parts.log,
            ids: parts.ids,
            fingerprint_key: parts.fingerprint_key,
            context: Arc::new(context),
            sightings: Sightings::new(),
            upgraded: TaskTracker::new(),
            library: OnceLock::new(),
            room: Arc::new(Semaphore::new(prompt::ROOM_BYTES)),
        }
    }

    /// From now on calls can name its prompts. The first one stays.
    pub fn set_library(&self, library: Arc<dyn Library>) {
        let _ = self.library.set(library);
    }

    /// Replaces what the gateway knows; calls under way keep what they began with.
    pub fn set_snapshot(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Replaces what projects want captured.
    pub fn set_policies(&self, policies: &Arc<CapturePolicies>) {
        self.snapshot.rcu(|known| Snapshot { policies: policies.clone(), ..Snapshot::clone(known) });
    }

    /// Replaces the projects, and leaves the rest of what the gateway knows.
    pub fn set_projects(&self, projects: Arc<Projects>) {
        self.snapshot.rcu(|now| Snapshot { projects: projects.clone(), ..Snapshot::clone(now) });
    }

    /// The unclaimed fingerprints that were seen since they were taken last.
    #[must_use]
    pub fn take_sightings(&self) -> Vec<Sighting> {
        self.sightings.take()
    }

    /// Closes the connections to providers that nobody has used for a while. To be called now and then.
    pub fn close_idle(&self) {
        self.snapshot.load().upstreams.values().for_each(|upstream| upstream.close_idle());
    }

    /// Ends what is still under way: calls dropped from now on were shut down by us, not cancelled by their clients.
    /// Returns when the upgraded connections, which no HTTP server awaits, are closed.
    pub async fn stop(&self) {
        self.context.stopping().cancel();
        self.upgraded.close();
        self.upgraded.wait().await;
    }

    /// Serves one request. Never fails: what goes wrong is a response in the provider's error shape.
    pub async fn handle(&self, request: Request<Incoming>) -> Response<GatewayBody> {
        let received = self.context.clock().ticks();
        let call = self.ids.mint();
        let mut response = match self.admit(request, call, received) {
            Ok(admitted) => {
                let family = admitted.upstream.family;
                let served = Box::pin(self.serve(admitted)).await;
                served.unwrap_or_else(|(failure, overhead_us)| refusal(&failure, family, call, overhead_us))
            }
            Err((failure, family)) => {
                let overhead_us = self.context.clock().ticks().micros_since(received);
                refusal(&failure, family, call, overhead_us)
            }
        };
        insert_text(&mut response, CALL_ID_HEADER, &call.to_string());
        response
    }

    /// The response, or why there is none and the microseconds that the gateway took to find out.
    async fn serve(&self, mut admitted: Admitted) -> Result<Response<GatewayBody>, (Failure, u64)> {
        let (snapshot, received) = (admitted.snapshot.clone(), admitted.received);
        let reservation = admitted.reservation.take();
        let opened = self.open(&admitted).await;
        let mut call =
            opened.map_err(|failure| (failure, self.context.clock().ticks().micros_since(received)))?;
        call.hold(reservation);
        let library = self.library.get().map(|library| (library.as_ref(), &self.room));
        match send(admitted, &mut call, library).await {
            Ok(answer) => Ok(self.pass_on(answer, call, &snapshot).await),
            Err(failure) => {
                let overhead_us = call.overhead_us();
                if matches!(failure.outcome(), Outcome::UpstreamError | Outcome::TimedOut) {
                    Self::keep_request(&call.upload()).await;
                }
                call.set_head(ResponseHead {
                    status: Some(failure.status()),
                    overhead_us,
                    ..Default::default()
                });
                drop(call.close(failure.outcome(), Some(failure.code())));
                Err((failure, overhead_us))
            }
        }
    }

    /// Captures what the provider did not take of the request: what was asked of it is worth knowing all the more.
    async fn keep_request(upload: &Upload) {
        if let Some(unread) = upload.take_unread() {
            // What comes later than this is left out, and the record says so.
            let _ = tokio::time::timeout(UNREAD_LIMIT, RequestTee::new(unread, upload.clone(), None).drain())
                .await;
        }
    }

    /// Opens the call: its record is in the log before the provider hears of it.
    async fn open(&self, admitted: &Admitted) -> Result<OpenCall, Failure> {
        let limits = admitted.snapshot.capture;
        let decision = policy::decide(admitted);
        let opening = self.opening(admitted, &decision);
        if policy::is_off(&decision) {
            return Ok(OpenCall::new(self.context.clone(), opening, admitted.received, None, 0));
        }
        let mut slot = match (self.log.reserve(), limits.on_full) {
            (Ok(slot), _) => Some(slot),
            (Err(refused), OnFull::Reject) => return Err(Failure::CaptureFull(refused)),
            (Err(_), OnFull::Forward) => None,
        };
        let written = slot.as_mut().map(|slot| slot.open(opening.clone()));
        let context = self.context.clone();
        let max_bytes = policy::max_body_bytes(&decision, limits.max_body_bytes);
        let mut call = OpenCall::new(context, opening, admitted.received, slot, max_bytes);
        let Some(written) = written else { return Ok(call) };
        if limits.on_full == OnFull::Reject {
            if written.await.is_ok() {
                return Ok(call);
            }
            let failure = Failure::CaptureFailed;
            drop(call.close(failure.outcome(), Some(failure.code())));
            return Err(failure);
        }
        // A stalled disk does not stop traffic: the opening is still written when the disk comes back.
        if let Ok(Err(_)) = tokio::time::timeout(STALL_LIMIT, written).await {
            call.forgo_capture();
        }
        Ok(call)
    }

    fn opening(&self, admitted: &Admitted, decision: &Decision) -> Opening {
        let head = &admitted.head;
        let scope = admitted.found.project.scope;
        Opening {
            call: admitted.call,
            node: self.log.node(),
            org: scope.org(),
            project: scope.project(),
            started_at: admitted.started_at,
            provider: admitted.provider.to_string(),
            method: head.method.as_str().to_owned(),
            path: headers::clipped(Address::of(head.uri.path()).path),
            query: head.uri.query().map(headers::redacted_query),
            headers: headers::kept(&head.headers),
            client_fingerprint: admitted.fingerprint,
            gateway_key: admitted.found.key.as_ref().map(|key| key.id),
            capture: decision.mark,
            source: CallSource::Gateway,
        }
    }

    /// Passes the provider's answer on; the call goes with its body.
    async fn pass_on(
        &self,
        answer: Answer,
        mut call: OpenCall,
        snapshot: &Snapshot,
    ) -> Response<GatewayBody> {
        let Answer { mut response, client_side } = answer;
        let (status, kept) = (response.status().as_u16(), headers::kept(response.headers()));
        let overhead_us = call.overhead_us();
        call.set_head(ResponseHead { status: Some(status), headers: kept, overhead_us });
        insert_text(&mut response, OVERHEAD_HEADER, &overhead_us.to_string());
        if call.is_off() {
            response.headers_mut().insert(CAPTURE_HEADER, HeaderValue::from_static("off"));
        } else if !call.is_captured() {
            response.headers_mut().insert(CAPTURE_HEADER, HeaderValue::from_static("skipped"));
            counter!("codepromptu_gateway_calls_uncaptured_total").increment(1);
        }
        if let Some(client_side) = client_side {
            return upgrade::splice(&self.upgraded, call, client_side, response);
        }
        headers::strip_hop_by_hop(response.headers_mut());
        let hold_limit = (snapshot.capture.on_full == OnFull::Forward).then_some(STALL_LIMIT);
        if response.body().is_end_stream() {
            // The server never polls an empty body, so its end waits here.
            Hold::new(call.close(Outcome::Completed, None), hold_limit).await;
            return response.map(|_| GatewayBody::empty());
        }
        let (head, body) = response.into_parts();
        let tee = ResponseTee::new(body, call, snapshot.limits.idle_timeout, hold_limit);
        Response::from_parts(head, GatewayBody::passing(tee.settle().await))
    }
}

/// The gateway's own answer, in the provider's error shape.
fn refusal(failure: &Failure, family: Family, call: CallId, overhead_us: u64) -> Response<GatewayBody> {
    let (code, status) = (failure.code(), failure.status());
    counter!("codepromptu_gateway_errors_total", "code" => code).increment(1);
    tracing::warn!(%call, code, status, error = %WithSources(failure), "a call was answered by the gateway");
    let body = family.error_body(status, code, &failure.to_string(), &call.to_string());
    let mut response = Response::new(GatewayBody::own(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    fields.insert(ERROR_HEADER, HeaderValue::from_static(code));
    if let Failure::Denied(denied) = failure {
        denied.add_headers(family, fields);
    }
    match status {
        426 => fields.insert(header::UPGRADE, HeaderValue::from_static("HTTP/1.1")),
        503 => fields.insert(header::RETRY_AFTER, HeaderValue::from_static("1")),
        _ => None,
    };
    insert_text(&mut response, OVERHEAD_HEADER, &overhead_us.to_string());
    response
}

/// Sends the request on and waits for the head of the response.
async fn send(
    admitted: Admitted,
    call: &mut OpenCall,
    library: Option<(&dyn Library, &Arc<Semaphore>)>,
) -> Result<Answer, Failure> {
    let Admitted { mut head, body, upstream, snapshot, found, provider, credential, .. } = admitted;
    let path_and_query = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let target = Address::of(path_and_query).path;
    let library = library.filter(|(library, _)| library.has_prompts(found.project.scope));
    let prompts = library.zip(prompt::could_name(&head, upstream.family, target));
    let secret = found.project.provider_keys.get(&*provider);
    let uri = match &credential {
        Some(key) => upstream.uri(&credential::swap_in_query(target, key, secret)),
        None => upstream.uri(target),
    };
    match (&credential, &found.key, secret) {
        (Some(key), ..) => credential::swap_in_headers(&mut head.headers, key, secret),
        (None, Some(_), Some(secret)) => {
            credential::lend(&mut head.headers, head.uri.query(), upstream.family, secret);
        }
        _ => {}
    }
    head.headers.remove(credential::PROJECT_HEADER);
    head.uri = uri.map_err(Failure::BadPath)?;
    head.version = Version::HTTP_11;
    let protocol = headers::wanted_upgrade(&head.headers);
    headers::strip_hop_by_hop(&mut head.headers);
    head.headers.remove(header::HOST);
    head.headers.remove(header::EXPECT);
    let upload = call.upload();
    let mut body = RequestTee::new(body, upload.clone(), snapshot.limits.max_request_bytes);
    if let Some((library, dialect)) = prompts {
        let filling = prompt::fill(library, dialect, found.project.scope, &mut body);
        let filled = tokio::time::timeout(snapshot.limits.first_byte_timeout, filling).await;
        if let Some(version) = filled.map_err(|_| Failure::RequestStalled)?? {
            call.attribute(version);
            head.headers.remove(header::CONTENT_LENGTH);
        }
    }
    let again = (is_safe(&head.method) && body.is_end_stream()).then(|| head.clone());
    let mut request = Request::from_parts(head, body);
    let client_side = protocol.map(|protocol| {
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(header::UPGRADE, protocol);
        hyper::upgrade::on(&mut request)
    });
    let limit = snapshot.limits.first_byte_timeout;
    let asked = async {
        let answered = answer(upstream.send(request), &upload, &upstream, limit).await;
        match (answered, again) {
            // A pooled connection may be closed just as it is used; nobody is harmed by asking anew.
            (Err(Failure::BrokenOff { .. }), Some(head)) => {
                let request = Request::from_parts(head, RequestTee::empty(upload.clone()));
                answer(upstream.send(request), &upload, &upstream, limit).await
            }
            (answered, _) => answered,
        }
    };
    let mut response = call.await_provider(asked).await?;
    // The client's connection may speak another version, and its server writes that one itself.
    *response.version_mut() = Version::HTTP_11;
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    Ok(Answer { response, client_side: client_side.filter(|_| switched) })
}

/// Methods that change nothing (RFC 9110, section 9.2.1).
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Waits for the response's head, for `limit` after the upload last moved.
async fn answer(
    sent: impl Future<Output = Result<Response<UpstreamBody>, SendError>>,
    upload: &Upload,
    upstream: &Upstream,
    limit: Duration,
) -> Result<Response<UpstreamBody>, Failure> {
    let mut sent = pin!(sent);
    loop {
        let deadline = upload.last_moved() + limit;
        match tokio::time::timeout_at(deadline, &mut sent).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(error)) => {
                let of_upstream = || Failure::of_upstream(upstream.authority(), &error);
                return Err(upload.take_failure().unwrap_or_else(of_upstream));
            }
            Err(_) if upload.last_moved() + limit > deadline => {}
            Err(_) if upload.awaits_client() => return Err(Failure::RequestStalled),
            Err(_) => return Err(Failure::FirstByteTimedOut { upstream: upstream.authority().to_owned() }),
        }
    }
}

fn insert_text<B>(response: &mut Response<B>, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(name, value);
    }
}

/// An error with everything that led to it, for the program's own log.
struct WithSources<'a>(&'a Failure);

impl fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        failure::chain(self.0).skip(1).try_for_each(|error| write!(f, ": {error}"))
    }
}
