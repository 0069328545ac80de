//! The URL of a request: parsed once; what is matched is what is sent and recorded.
//!
//! Strict: user information, fragments, paths that normalisation would change, encoded separators
//! and odd spellings of hosts and ports are errors (see [`PathError`] and [`HostError`]). The two
//! parsers that plugins and servers usually meet disagree on exactly these.
//!
//! Not here: DNS and addresses ([`crate::forbidden_range`]), and any normalisation.

use crate::fault::excerpt;
use crate::host::{Host, HostError};
use crate::url_path::{self, PathError};
use std::fmt;

/// The most bytes of a URL.
pub const URL_BYTES_MAX: usize = 8192;

/// Scheme of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// 80 or 443.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A URL that was refused. Messages never repeat user information or a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither `http` nor `https`, or no `://`.
    #[error("the URL's scheme is not http or https; write it in lower case")]
    Scheme,
    /// `user:password@host`.
    #[error("the URL has user information before `@`; grant a credential instead")]
    UserInfo,
    /// The host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The port.
    #[error("port `{0}` is not a number from 1 to 65535 without leading zeros")]
    Port(String),
    /// The path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// `#fragment`.
    #[error("the URL has a fragment (`#`), which is never sent; leave it out")]
    Fragment,
    /// A character in the query.
    #[error("the query has the character `{0}`; write it percent-encoded")]
    Query(String),
    /// Too long.
    #[error("the URL is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
}

/// The URL of a request, in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestUrl {
    scheme: Scheme,
    host: Host,
    port: u16,
    path: String,
    query: Option<String>,
    /// The path with `%XX` decoded, where that differs; for rules that restrict.
    decoded_path: Option<Vec<u8>>,
}

impl RequestUrl {
    /// Reads a URL from the parts in which `wasi:http` delivers it. An empty path is `/` (RFC 9110
    /// section 4.2.3).
    pub fn parse(scheme: &str, authority: &str, path_and_query: &str) -> Result<Self, UrlError> {
        if scheme.len() + authority.len() + path_and_query.len() > URL_BYTES_MAX {
            return Err(UrlError::TooLong);
        }
        let scheme = Scheme::parse(scheme).ok_or(UrlError::Scheme)?;
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_port(authority);
        let host = Host::parse(host)?;
        let port = port.map_or(Ok(scheme.default_port()), |p| {
            parse_port(p).ok_or_else(|| UrlError::Port(excerpt(p)))
        })?;
        if path_and_query.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        let path = if path_and_query.is_empty() { "/" } else { path };
        url_path::check(path, false)?;
        if let Some(c) = query.and_then(url_path::query_character_refused) {
            return Err(UrlError::Query(c.escape_default().to_string()));
        }
        Ok(Self {
            scheme,
            host,
            port,
            path: path.to_owned(),
            query: query.map(str::to_owned),
            decoded_path: url_path::decoded(path),
        })
    }

    /// Reads a whole URL, such as one that an operator typed or a redirect named.
    pub fn parse_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path_and_query) = rest.split_at(end);
        Self::parse(scheme, authority, path_and_query)
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, the scheme's own where the URL had none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path; starts with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query without its `?`. May hold secrets: never print it.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    pub(crate) fn decoded_path(&self) -> &[u8] {
        self.decoded_path.as_deref().unwrap_or(self.path.as_bytes())
    }

    /// `host` or `host:port`, as the `Host` field of RFC 9110 section 7.2 has it.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The URL without its query: `scheme://host:port/path`, a default port omitted.
    pub fn without_query(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority(), self.path)
    }

    /// The URL for records: of the query the names only, never a value.
    pub fn display_redacted(&self) -> String {
        let mut out = self.without_query();
        if let Some(query) = &self.query {
            out.push('?');
            for (i, pair) in query.split('&').enumerate() {
                if i > 0 {
                    out.push('&');
                }
                if let Some((name, _)) = pair.split_once('=') {
                    out.push_str(name);
                    out.push('=');
                }
                out.push('…');
            }
        }
        out
    }

    /// The URL as it is sent, query and all. May hold secrets: never print it.
    pub fn uri(&self) -> String {
        let mut out = self.without_query();
        if let Some(query) = &self.query {
            out.push('?');
            out.push_str(query);
        }
        out
    }
}

/// Splits `host[:port]`, leaving the brackets of an IPv6 address alone.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

pub(crate) fn parse_port(text: &str) -> Option<u16> {
    let digits = (1..=5).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_two_parsers_read_differently_is_refused() {
        for bad in [
            "https://api.openai.com/v1/../admin",
            "https://api.openai.com/v1/%2e%2e/admin",
            "https://api.openai.com/v1//x",
            "https://API.openai.com:443/v1/x",
            "https://api.openai.com./v1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://user:pw@api.openai.com/v1/",
            "https://api.openai.com/v1/%5c..%5cadmin",
            "https://api.openai.com\\@evil.com/",
            "https://api.openai.com/v1\\..\\admin",
            "https://a.b/#x",
            "https://a.b:0443/",
            "https://a.b:+443/",
            "https://a.b:/",
            "https://a.b:0/",
            "https://a.b:65536/",
            "HTTPS://a.b/",
            "ftp://a.b/",
            "localhost:8080",
            "https:///x",
            "https://::1/",
            "https://a.b?x=1",
            "https://a.b/?a b",
        ] {
            assert!(RequestUrl::parse_str(bad).is_err(), "{bad}");
        }
        assert!(RequestUrl::parse("https", "a.b", "*").is_err());
    }

    #[test]
    fn parts_are_read() {
        let url = RequestUrl::parse_str("https://a.b:8443/v1/x?k=secret&flag&n=1").unwrap();
        assert_eq!(
            (url.scheme(), url.port(), url.path()),
            (Scheme::Https, 8443, "/v1/x")
        );
        assert_eq!(url.query(), Some("k=secret&flag&n=1"));
        assert_eq!(url.display_redacted(), "https://a.b:8443/v1/x?k=…&…&n=…");
        assert_eq!(url.uri(), "https://a.b:8443/v1/x?k=secret&flag&n=1");
        let url = RequestUrl::parse("https", "[::ffff:127.0.0.1]:443", "").unwrap();
        assert_eq!(url.uri(), "https://[::ffff:127.0.0.1]/");
        assert!(RequestUrl::parse_str("https://a.b/v1/a;b?x=../y").is_ok());
    }

    #[test]
    fn refusals_do_not_repeat_secrets() {
        let message = RequestUrl::parse_str("https://user:hunter2@a.b/?x")
            .unwrap_err()
            .to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_sent_unchanged(path in "(/[a-z%0-9A-F.~;:@é\\\\]{0,6}){1,4}", query in prop::option::of("[!-~]{0,9}")) {
            let target = match &query { Some(q) => format!("{path}?{q}"), None => path.clone() };
            if let Ok(url) = RequestUrl::parse("https", "a.b", &target) {
                prop_assert_eq!(url.uri(), format!("https://a.b{target}"));
                prop_assert_eq!(RequestUrl::parse_str(&url.uri()), Ok(url));
            }
        }

        #[test]
        fn never_panics(text in any::<String>(), rest in any::<String>()) {
            let _ = RequestUrl::parse_str(&text);
            let _ = RequestUrl::parse("https", &text, &rest);
        }
    }
}
