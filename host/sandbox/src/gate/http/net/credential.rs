//! The credential that the host adds to a request, and where it may travel.
//!
//! Invariant: the value leaves this type only on its way to the wire, as a sensitive header value or as the
//! last parameter of the query, and as the needle of a [`Redactor`].

use super::error::{NetError, NetErrorKind};
use super::redact::Redactor;
use super::request::{Host, Scheme, Target};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::net::IpAddr;
use tollgate_grants::Inject;

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

/// What a query's name or value may hold as it is (RFC 3986 section 2.3); the rest is encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A credential, ready to be added.
#[derive(Clone)]
pub struct Injection {
    place: Place,
    secret: SecretString,
}

#[derive(Clone)]
enum Place {
    Header(HeaderName, HeaderValue),
    /// The parameter's name, and it with its value, encoded.
    Query(String, SecretString),
}

impl Injection {
    /// Puts the secret where the policy says.
    ///
    /// # Errors
    ///
    /// When the result cannot be sent.
    pub fn of(inject: &Inject, secret: SecretString) -> Result<Self, CredentialError> {
        match inject {
            Inject::Header { name, value } => Self::header_of(name, value, secret),
            Inject::Query { name } => Self::query_of(name, secret),
            Inject::Basic { user } => Self::basic_of(user, secret),
        }
    }

    /// Puts the secret into a header's value, such as `Bearer {}`.
    ///
    /// # Errors
    ///
    /// When header, rule or value cannot be sent.
    pub fn header_of(
        header: &str,
        rule: &str,
        secret: SecretString,
    ) -> Result<Self, CredentialError> {
        let name = HeaderName::from_bytes(header.as_bytes())
            .ok()
            .filter(|name| !NEVER.contains(&name.as_str()) && !name.as_str().starts_with("proxy-"))
            .ok_or_else(|| CredentialError::Header(header.to_owned()))?;
        if rule.matches(SLOT).count() != 1 {
            return Err(CredentialError::Rule);
        }
        not_empty(&secret)?;
        let text = SecretString::from(rule.replacen(SLOT, secret.expose_secret(), 1));
        let value = sensitive(&text)?;
        Ok(Self {
            place: Place::Header(name, value),
            secret,
        })
    }

    /// Makes the secret a parameter of the query.
    fn query_of(name: &str, secret: SecretString) -> Result<Self, CredentialError> {
        not_empty(&secret)?;
        let value = utf8_percent_encode(secret.expose_secret(), UNRESERVED);
        let pair = SecretString::from(format!("{name}={value}"));
        Ok(Self {
            place: Place::Query(name.to_owned(), pair),
            secret,
        })
    }

    /// Makes the secret a password (RFC 7617).
    fn basic_of(user: &str, secret: SecretString) -> Result<Self, CredentialError> {
        not_empty(&secret)?;
        if secret.expose_secret().chars().any(char::is_control) {
            return Err(CredentialError::Value);
        }
        let pair = SecretString::from(format!("{user}:{}", secret.expose_secret()));
        let encoded = STANDARD.encode(pair.expose_secret());
        let value = sensitive(&SecretString::from(format!("Basic {encoded}")))?;
        Ok(Self {
            place: Place::Header(AUTHORIZATION, value),
            secret,
        })
    }

    /// The header that carries it, if one does.
    pub(crate) fn header(&self) -> Option<(&HeaderName, &HeaderValue)> {
        match &self.place {
            Place::Header(name, value) => Some((name, value)),
            Place::Query(..) => None,
        }
    }

    /// The query's parameter that carries it, if one does: its name, and it as it is sent.
    pub(crate) fn query(&self) -> Option<(&str, &SecretString)> {
        match &self.place {
            Place::Header(..) => None,
            Place::Query(name, pair) => Some((name, pair)),
        }
    }

    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new(self.secret.expose_secret().as_bytes())
    }
}

fn not_empty(secret: &SecretString) -> Result<(), CredentialError> {
    if secret.expose_secret().is_empty() {
        return Err(CredentialError::Empty);
    }
    Ok(())
}

fn sensitive(text: &SecretString) -> Result<HeaderValue, CredentialError> {
    let mut value =
        HeaderValue::from_str(text.expose_secret()).map_err(|_| CredentialError::Value)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Injection {
    /// The place's name only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.place {
            Place::Header(name, _) => name.as_str(),
            Place::Query(name, _) => name,
        };
        f.debug_struct("Injection")
            .field("place", &place)
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
        let error =
            |header, rule, value| Injection::header_of(header, rule, secret(value)).unwrap_err();
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
        let injection = Injection::header_of("X-Api-Key", "Bearer {}", secret("sk-12345")).unwrap();
        let (_, value) = injection.header().unwrap();
        assert_eq!(value.as_bytes(), b"Bearer sk-12345");
        let printed = format!("{injection:?} {value:?}");
        assert!(!printed.contains("12345"), "{printed}");
    }

    #[test]
    fn a_secret_can_be_a_parameter_or_a_password() {
        let query = Inject::Query { name: "key".into() };
        let injection = Injection::of(&query, secret("a b&c=%/é")).unwrap();
        let (name, pair) = injection.query().unwrap();
        assert_eq!(
            (name, pair.expose_secret()),
            ("key", "key=a%20b%26c%3D%25%2F%C3%A9")
        );
        assert!(injection.header().is_none());
        assert!(!format!("{injection:?}").contains("%26"));

        let basic = Inject::Basic {
            user: "Aladdin".into(),
        };
        // The example of RFC 7617 section 2.
        let injection = Injection::of(&basic, secret("open sesame")).unwrap();
        let (name, value) = injection.header().unwrap();
        assert_eq!(name, AUTHORIZATION);
        assert_eq!(value.as_bytes(), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(value.is_sensitive());
        for inject in [query, basic] {
            let empty = Injection::of(&inject, secret("")).unwrap_err();
            assert_eq!(empty, CredentialError::Empty);
        }
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
