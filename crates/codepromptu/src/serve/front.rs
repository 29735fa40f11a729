//! Who answers: nobody yet, while the program starts; what is known without the database, while that is away; and then all of it.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use cp_api::Router;
use cp_gateway::{Gateway, GatewayBody};
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::Incoming;
use tokio::sync::watch;
use tower_service::Service;

/// The gateway, and what is beside it.
type Everything = (Arc<Gateway>, Router);
/// Bodies of either.
type Answer = Either<GatewayBody, cp_api::Body>;

/// Hands requests to whoever answers now. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Front(Arc<Parts>);

#[derive(Default)]
struct Parts {
    open: OnceLock<Everything>,
    /// What answers while the database is away.
    waiting: watch::Sender<Option<Router>>,
}

impl Front {
    /// From now on everything answers.
    pub(super) fn open(&self, gateway: Arc<Gateway>, api: Router) {
        if self.0.open.set((gateway, api)).is_ok() {
            self.0.waiting.send_replace(None);
        }
    }

    /// Until it opens, this answers.
    pub(super) fn wait(&self, router: Router) {
        self.0.waiting.send_replace(Some(router));
    }

    /// Everything, or what answers instead of it.
    async fn answering(&self) -> Result<&Everything, Router> {
        if let Some(everything) = self.0.open.get() {
            return Ok(everything);
        }
        let mut waiting = self.0.waiting.subscribe();
        // The sender lives as long as this does.
        let _ = waiting.wait_for(|router| router.is_some() || self.0.open.get().is_some()).await;
        self.0.open.get().ok_or_else(|| waiting.borrow().clone().unwrap_or_default())
    }

    /// Answers a request of any kind.
    pub(super) async fn handle(self, request: Request<Incoming>, peer: SocketAddr) -> Response<Answer> {
        match self.answering().await {
            Ok((gateway, _)) if !cp_api::serves(request.uri().path()) => {
                gateway.handle(request).await.map(Either::Left)
            }
            Ok((_, api)) => ask(api.clone(), request, peer).await,
            Err(waiting) => ask(waiting, request, peer).await,
        }
    }

    /// Answers a call, and nothing else.
    pub(super) async fn handle_call(self, request: Request<Incoming>, peer: SocketAddr) -> Response<Answer> {
        match self.answering().await {
            Ok((gateway, _)) => gateway.handle(request).await.map(Either::Left),
            Err(waiting) => ask(waiting, request, peer).await,
        }
    }
}

async fn ask(mut api: Router, mut request: Request<Incoming>, peer: SocketAddr) -> Response<Answer> {
    cp_api::tell_peer(&mut request, peer);
    let Ok(response) = Service::call(&mut api, request).await;
    response.map(Either::Right)
}
