//! The certificate that clients are shown, read anew when its files change.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use metrics::counter;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is of no use.
    #[error("{path} cannot be read as PEM")]
    File {
        /// The file.
        path: String,
        /// The reader's error.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not go together, or are of no use.
    #[error("the certificate and its key are not accepted")]
    Identity(#[from] rustls::Error),
}

/// The certificate that clients are shown. Clones share it.
#[derive(Clone)]
pub struct TlsIdentity(Arc<Shared>);

struct Shared {
    certificates: PathBuf,
    key: PathBuf,
    config: ArcSwap<ServerConfig>,
    seen: Mutex<Stamps>,
}

/// What tells that a file was written or replaced. `None` for a file that is away.
type Stamp = Option<(u64, u64, i64, i64)>;
type Stamps = [Stamp; 2];

impl TlsIdentity {
    /// Reads a chain of certificates and its private key, both PEM.
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        // Looked at before they are read: what changes in between is read again.
        let seen = Mutex::new([stamp(certificates), stamp(key)]);
        let config = ArcSwap::from_pointee(read(certificates, key)?);
        let (certificates, key) = (certificates.to_owned(), key.to_owned());
        Ok(Self(Arc::new(Shared { certificates, key, config, seen })))
    }

    /// Shows new connections what the files hold now, where they have changed. The old certificate stays while the new
    /// one is of no use, which is said once for each change. Reads files: not for the thread of a call.
    pub fn renew(&self) {
        let Shared { certificates, key, config, seen } = &*self.0;
        let now = [stamp(certificates), stamp(key)];
        if std::mem::replace(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner), now) == now {
            return;
        }
        let path = certificates.display();
        let result = match read(certificates, key) {
            Ok(renewed) => {
                config.store(Arc::new(renewed));
                tracing::info!(%path, "the renewed certificate is served");
                "renewed"
            }
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%path, %error, source, "the renewed certificate is of no use; the old one is served");
                "failed"
            }
        };
        counter!("codepromptu_tls_renewals_total", "result" => result).increment(1);
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.config.load_full())
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").field("certificates", &self.0.certificates).finish_non_exhaustive()
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

fn read(certificates: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let error = |path: &Path| {
        let path = path.display().to_string();
        move |source| TlsError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificates).map_err(error(certificates))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(error(certificates))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(error(key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // The library's defaults are TLS 1.2 and 1.3 with forward secrecy; it knows nothing older.
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
