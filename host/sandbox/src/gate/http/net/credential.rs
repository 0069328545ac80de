//! The credential that the host adds to a request, and where it may travel.
//!
//! Invariant: the value leaves this type only as a sensitive header value on its way to the wire, and
//! as the needle of a [`Redactor`].

use super::error::{NetError, NetErrorKind};
use super::redact::Redactor;
use super::request::{Host, Scheme, Target};
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::net::IpAddr;

/// Where the value goes in a rule such as `Bearer {}`.
const SLOT: &str = "{}";

/// Headers that are the gate's in every request and can therefore carry no credential.
const NEVER: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "accept-encoding",
];

/// Why a credential cannot be used. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not a header name, or one of the gate's own.
    #[error("`{0}` cannot carry a credential; name another header")]
    Header(String),
    /// Not exactly one slot.
    #[error("the credential's rule must contain `{{}}` exactly once, as in `Bearer {{}}`")]
    Rule,
    /// Nothing there.
    #[error("the credential is empty; set its source")]
    Empty,
    /// Cannot be a header's value.
    #[error(
        "the credential holds a line break or another byte that no header may carry; check its source"
    )]
    Value,
}

/// A credential, ready to be added.
#[derive(Clone)]
pub struct Injection {
    header: HeaderName,
    value: HeaderValue,
    secret: SecretString,
}

impl Injection {
    /// Puts the secret into its rule, such as `Bearer {}`.
    ///
    /// # Errors
    ///
    /// When header, rule or value cannot be sent.
    pub fn new(header: &str, rule: &str, secret: SecretString) -> Result<Self, CredentialError> {
        let name = HeaderName::from_bytes(header.as_bytes())
            .ok()
            .filter(|name| !NEVER.contains(&name.as_str()) && !name.as_str().starts_with("proxy-"))
            .ok_or_else(|| CredentialError::Header(header.to_owned()))?;
        if rule.matches(SLOT).count() != 1 {
            return Err(CredentialError::Rule);
        }
        if secret.expose_secret().is_empty() {
            return Err(CredentialError::Empty);
        }
        let text = SecretString::from(rule.replacen(SLOT, secret.expose_secret(), 1));
        let mut value =
            HeaderValue::from_str(text.expose_secret()).map_err(|_| CredentialError::Value)?;
        value.set_sensitive(true);
        Ok(Self {
            header: name,
            value,
            secret,
        })
    }

    /// The header that carries it.
    pub fn header(&self) -> &HeaderName {
        &self.header
    }

    pub(crate) fn value(&self) -> &HeaderValue {
        &self.value
    }

    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new(self.secret.expose_secret().as_bytes())
    }
}

impl fmt::Debug for Injection {
    /// The header's name only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injection")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// Whether a credential may travel to this peer: over TLS always, in clear only to this machine.
pub(crate) fn may_travel(scheme: Scheme, peer: IpAddr) -> bool {
    scheme == Scheme::Https || peer.to_canonical().is_loopback()
}

/// The same before anything is resolved, for transports without a socket: by the host's own words.
pub(crate) fn may_travel_to_host(target: &Target) -> bool {
    match (target.scheme, &target.host) {
        (Scheme::Https, _) => true,
        (Scheme::Http, Host::Ip(address)) => may_travel(Scheme::Http, *address),
        (Scheme::Http, Host::Name(name)) => name == "localhost",
    }
}

/// The refusal of both.
pub(crate) fn clear_text(target: &Target) -> NetError {
    NetError::new(
        NetErrorKind::HttpRequestDenied,
        format!("a credential is not sent in clear text to {target}; use https"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    #[test]
    fn refuses_what_cannot_be_sent() {
        let error = |header, rule, value| Injection::new(header, rule, secret(value)).unwrap_err();
        assert_eq!(error("authorization", "Bearer", "k"), CredentialError::Rule);
        assert_eq!(error("authorization", "{} {}", "k"), CredentialError::Rule);
        assert_eq!(error("authorization", "{}", ""), CredentialError::Empty);
        assert_eq!(error("authorization", "{}", "k\n"), CredentialError::Value);
        assert!(matches!(
            error("Host", "{}", "k"),
            CredentialError::Header(_)
        ));
        assert!(matches!(
            error("proxy-authorization", "{}", "k"),
            CredentialError::Header(_)
        ));
        assert!(matches!(
            error("a b", "{}", "k"),
            CredentialError::Header(_)
        ));
    }

    #[test]
    fn prints_nothing_of_the_value() {
        let injection = Injection::new("X-Api-Key", "Bearer {}", secret("sk-12345")).unwrap();
        assert_eq!(injection.value().as_bytes(), b"Bearer sk-12345");
        let printed = format!("{injection:?} {:?}", injection.value());
        assert!(!printed.contains("12345"), "{printed}");
    }

    #[test]
    fn clear_text_only_to_this_machine() {
        assert!(may_travel(Scheme::Http, "127.0.0.9".parse().unwrap()));
        assert!(may_travel(
            Scheme::Http,
            "::ffff:127.0.0.1".parse().unwrap()
        ));
        assert!(!may_travel(Scheme::Http, "10.0.0.1".parse().unwrap()));
        assert!(may_travel(Scheme::Https, "10.0.0.1".parse().unwrap()));
    }
}
