//! The capability `http METHOD URL-PATTERN [with CREDENTIAL]`.

use crate::fault::{CapabilityError, Fault, excerpt};
use crate::names::is_name;
use crate::pattern::UrlPattern;
use crate::url::{RequestUrl, Scheme};
use crate::words::{Word, quote_word};
use std::fmt;

/// The most bytes of a method.
pub const METHOD_BYTES_MAX: usize = 32;

/// A method, or `*` for any. Methods are case-sensitive (RFC 9110 section 9.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MethodPattern {
    /// `*`
    Any,
    /// Exactly this one.
    Exact(String),
}

impl MethodPattern {
    /// Whether `method` is meant.
    pub fn matches(&self, method: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(own) => own == method,
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let valid = (1..=METHOD_BYTES_MAX).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
        if valid {
            return Ok(Self::Exact(text.to_owned()));
        }
        Err(Fault::new(
            format!("`{}` is not a method", excerpt(text)),
            "write GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS in upper case, or `*`",
        ))
    }
}

impl fmt::Display for MethodPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(method) => f.write_str(method),
        }
    }
}

/// Requests of a method to URLs, perhaps with a credential that the host adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCapability {
    /// The method.
    pub method: MethodPattern,
    /// The URLs.
    pub url: UrlPattern,
    /// The credential that the host adds to such requests.
    pub credential: Option<String>,
}

impl HttpCapability {
    pub(crate) fn parse(words: &[Word], end: usize) -> Result<Self, CapabilityError> {
        let usage = || {
            Fault::new(
                "`http` is not complete",
                "write `http METHOD URL-PATTERN [with CREDENTIAL]`, such as `http GET https://example.com/**`",
            )
        };
        let [method, url, rest @ ..] = words else {
            return Err(usage().at(0..end));
        };
        let credential = match rest {
            [] => None,
            [with, name] if with.text == "with" => {
                if !is_name(&name.text) {
                    return Err(Fault::new(
                        format!("`{}` is not a credential's name", excerpt(&name.text)),
                        "write the name under [credentials]",
                    )
                    .at(name.at.clone()));
                }
                Some(name.text.clone())
            }
            [other, ..] => return Err(usage().at(other.at.start..end)),
        };
        Ok(Self {
            method: MethodPattern::parse(&method.text).map_err(|f| f.at(method.at.clone()))?,
            url: UrlPattern::parse(&url.text).map_err(|f| f.at(url.at.clone()))?,
            credential,
        })
    }

    /// Whether a credential may go to `url`: over TLS, or to this machine itself.
    pub fn may_carry_credential(url: &RequestUrl) -> bool {
        url.scheme() == Scheme::Https || url.host().is_loopback()
    }

    pub(crate) fn grantable(&self) -> Result<(), Fault> {
        let Some(parts) = self.url.parts() else {
            return Err(Fault::new(
                "`*` for a URL is only for needs and rules that deny",
                "write the URLs: `http GET https://*.example.com/**`",
            ));
        };
        let plain =
            parts.scheme() == Scheme::Http && !parts.exact_host().is_some_and(|h| h.is_loopback());
        if plain && self.credential.is_some() {
            return Err(Fault::new(
                "a credential is never sent over plain http, so this can never match",
                "write `https://`, or leave `with …` out",
            ));
        }
        Ok(())
    }
}

impl fmt::Display for HttpCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "http {} {}",
            self.method,
            quote_word(&self.url.to_string())
        )?;
        match &self.credential {
            Some(name) => write!(f, " with {name}"),
            None => Ok(()),
        }
    }
}
