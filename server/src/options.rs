//! [`Options`]: where to listen and whom to let in, checked before anything listens.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::JobId;
use pgwire::tokio::TlsAcceptor;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, lookup_host};
use tonic::transport::{Identity, ServerTlsConfig};

use crate::limits::Limits;
use crate::{Error, Result};

/// Files with the server's certificate, with those that signed it, and its key, both as PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificates.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// How to serve.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where clients of PostgreSQL connect, as `127.0.0.1:5433`; port 0 is a free one.
    pub postgres: Option<String>,
    /// Where clients of Flight SQL connect.
    pub flight: Option<String>,
    /// What clients have to know; by default a new one.
    pub token: Option<String>,
    /// Encrypts; without it only clients on this machine can connect.
    pub tls: Option<Tls>,
    /// Lets clients on other machines connect without TLS.
    pub insecure: bool,
    /// What statements may take.
    pub limits: Limits,
    /// Lets statements write; the versions that they make belong to this job. Without it they only read.
    pub write: Option<JobId>,
}

const SHORTEST_TOKEN: usize = 8;

impl Options {
    /// The token, or a new one of 32 characters.
    pub(crate) fn token(&self) -> Result<String> {
        match &self.token {
            Some(token) if token.len() < SHORTEST_TOKEN => Err(Error::Options {
                what: format!(
                    "the token has {} characters; give at least {SHORTEST_TOKEN}",
                    token.len()
                ),
            }),
            // It is a part of headers, and of messages where a character is a byte.
            Some(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                let what = "the token has characters other than letters, digits and signs of ASCII";
                Err(Error::Options { what: what.to_owned() })
            }
            Some(token) => Ok(token.clone()),
            None => {
                let bytes: [u8; 16] = random()?;
                Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
            }
        }
    }

    /// Listens, unless everybody could listen in.
    pub(crate) async fn listen(&self, address: &str) -> Result<(TcpListener, SocketAddr)> {
        let failed = |source| Error::Listen { address: address.to_owned(), source };
        let found: Vec<SocketAddr> = lookup_host(address).await.map_err(failed)?.collect();
        let is_private = found.iter().all(|found| is_loopback(found.ip()));
        if !is_private && self.tls.is_none() && !self.insecure {
            return Err(Error::Options {
                what: format!(
                    "`{address}` can be reached from other machines, and nothing would be encrypted; hint: give a \
                     certificate with --tls-cert and --tls-key, listen on 127.0.0.1, or say --insecure"
                ),
            });
        }
        let listener = TcpListener::bind(found.as_slice()).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        Ok((listener, bound))
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let failed =
        |error| Error::Options { what: format!("the system has no random numbers: {error}") };
    getrandom::getrandom(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// A certificate and its key, which fit each other.
pub(crate) struct Certified {
    pub(crate) postgres: TlsAcceptor,
    pub(crate) flight: ServerTlsConfig,
}

impl Certified {
    pub(crate) fn read(tls: &Tls) -> Result<Self> {
        let bytes =
            |path: &PathBuf| fs::read(path).map_err(|error| invalid(path, &error.to_string()));
        let (certificate, key) = (bytes(&tls.certificate)?, bytes(&tls.key)?);
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| invalid(&tls.certificate, &error.to_string()))?;
        if chain.is_empty() {
            return Err(invalid(&tls.certificate, "it has no certificate in the form of PEM"));
        }
        let parsed = PrivateKeyDer::from_pem_slice(&key)
            .map_err(|error| invalid(&tls.key, &error.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, parsed))
            .map_err(|error| invalid(&tls.certificate, &error.to_string()))?;
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        let identity = Identity::from_pem(&certificate, &key);
        Ok(Self {
            postgres: TlsAcceptor::from(Arc::new(config)),
            flight: ServerTlsConfig::new().identity(identity),
        })
    }
}

fn invalid(path: &Path, reason: &str) -> Error {
    Error::Options { what: format!("cannot serve with TLS: {reason}: `{}`", path.display()) }
}
