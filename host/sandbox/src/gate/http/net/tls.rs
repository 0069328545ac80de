//! Whom TLS trusts, and what it offers.
//!
//! Sessions are never resumed: a ticket would let a server link two plugins that share nothing else.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// The roots: Mozilla's, and those that the operator adds.
#[derive(Debug, Clone, Default)]
pub struct TlsRoots {
    extra: Vec<CertificateDer<'static>>,
}

/// An operator's certificate file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsRootsError {
    /// Not PEM.
    #[error(
        "certificate {number} is not readable as PEM; write certificates as BEGIN CERTIFICATE blocks"
    )]
    NotPem {
        /// Counted from one.
        number: usize,
    },
    /// No certificate in it.
    #[error("no certificate found; write certificates as BEGIN CERTIFICATE blocks")]
    Empty,
    /// Not a certificate that can sign others.
    #[error("certificate {number} cannot serve as a root")]
    NotARoot {
        /// Counted from one.
        number: usize,
    },
}

impl TlsRoots {
    /// Adds the certificates of a PEM text to the built-in ones.
    ///
    /// # Errors
    ///
    /// When the text holds no certificate, or one that cannot be a root.
    pub fn with_pem(mut self, pem: &[u8]) -> Result<Self, TlsRootsError> {
        let before = self.extra.len();
        for (index, found) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let number = index + 1;
            let certificate = found.map_err(|_| TlsRootsError::NotPem { number })?;
            RootCertStore::empty()
                .add(certificate.clone())
                .map_err(|_| TlsRootsError::NotARoot { number })?;
            self.extra.push(certificate);
        }
        if self.extra.len() == before {
            return Err(TlsRootsError::Empty);
        }
        Ok(self)
    }

    /// The client's side of TLS 1.2 and 1.3 with these roots.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        roots.add_parsable_certificates(self.extra.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let error = TlsRoots::default().with_pem(b"hello").unwrap_err();
        assert_eq!(error, TlsRootsError::Empty);
        let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = TlsRoots::default().with_pem(text.as_bytes()).unwrap_err();
        assert_eq!(error, TlsRootsError::NotARoot { number: 1 });
    }
}
