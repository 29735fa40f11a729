//! TLS to the server.

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore};

use crate::ClientError;

/// Connections by `scheme`. Trusted are the system's authorities, those of the file in `SSL_CERT_FILE` in their stead, and
/// the public ones where the system has none.
pub(crate) fn over(
    mut tcp: HttpConnector,
    scheme: &str,
) -> Result<HttpsConnector<HttpConnector>, ClientError> {
    tcp.enforce_http(false);
    let mut roots = RootCertStore::empty();
    // Reading them takes a while, and without TLS nobody asks for them.
    if scheme == "https" {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp))
}
