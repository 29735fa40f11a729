//! Connections that change their protocol: bytes pass both ways, and the call ends with them.

use cp_base::Outcome;
use http::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio_util::task::TaskTracker;

use crate::call::OpenCall;
use crate::pool::UpstreamBody;
use crate::tee::GatewayBody;

/// Lets the client have the 101, then passes bytes until either side is done or the gateway stops.
pub(crate) fn splice(
    tasks: &TaskTracker,
    mut call: OpenCall,
    client_side: OnUpgrade,
    mut response: Response<UpstreamBody>,
) -> Response<GatewayBody> {
    let provider_side = hyper::upgrade::on(&mut response);
    let (head, connection) = response.into_parts();
    tasks.spawn(async move {
        let stopping = call.stopping().clone();
        let passing = async {
            connection.run_connection().await;
            let (client, provider) = tokio::try_join!(client_side, provider_side)?;
            let (mut client, mut provider) = (TokioIo::new(client), TokioIo::new(provider));
            copy_bidirectional(&mut client, &mut provider).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        };
        let outcome = tokio::select! {
            passed = passing => match passed {
                Ok(()) => Outcome::Completed,
                Err(_) => Outcome::UpstreamError,
            },
            () = stopping.cancelled() => Outcome::ShutDown,
        };
        drop(call.close(outcome, None));
    });
    Response::from_parts(head, GatewayBody::empty())
}
