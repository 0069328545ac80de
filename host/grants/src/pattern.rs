//! Patterns of URLs.
//!
//! | part | grammar | matches |
//! |---|---|---|
//! | scheme | `http` or `https` | that one |
//! | host | exact, `*.x`, `**.x` | itself; one label before `.x`; one or more |
//! | port | none, `:N`, `:*` | the scheme's own; N; any |
//! | path | globs; `*` in a segment, `**` as a segment, `\*` a star | the path only |
//! | query | none, `?`, `?GLOB` | any query; none or an empty one; the whole query, `*` any characters |
//!
//! `/v1/*` matches `/v1/x` and `/v1/`, not `/v1/x/y`; `/v1/**` matches everything below `/v1/` and not
//! `/v1`. A pattern that could never match a [`RequestUrl`] is refused when it is read.

use crate::fault::{Fault, excerpt};
use crate::glob::{Automaton, Dialect};
use crate::host::{Host, HostPattern};
use crate::url::{RequestUrl, Scheme, parse_port, split_port};
use crate::url_path;
use std::fmt;

/// A pattern of URLs: scheme, host, port and path, each as written.
///
/// In the path `*` stays within a segment and `**`, as a segment, stands for any number: `/v1/*` matches
/// `/v1/x` and `/v1/`, `/v1/**` everything below `/v1/`, neither `/v1`. A pattern without `?` matches any
/// query; `?` allows none; `?q=*` is matched against the whole query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlPattern {
    /// `*`: any URL. In needs and in rules that deny, never in a grant.
    Any,
    /// Those that match every part.
    Parts(Box<UrlParts>),
}

/// The parts of a [`UrlPattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlParts {
    pub(crate) scheme: Scheme,
    pub(crate) host: HostPattern,
    pub(crate) port: PortPattern,
    pub(crate) path: TextGlob,
    pub(crate) query: Option<TextGlob>,
}

/// A pattern of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortPattern {
    /// `:*`
    Any,
    /// Exactly this one.
    Exact(u16),
}

impl PortPattern {
    /// Whether `port` is meant.
    pub fn matches(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(own) => own == port,
        }
    }
}

impl fmt::Display for PortPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(port) => port.fmt(f),
        }
    }
}

/// A glob with the text from which it was compiled.
#[derive(Debug, Clone)]
pub(crate) struct TextGlob {
    pub(crate) text: String,
    plain: Automaton,
    /// Compiled from the text with `%XX` decoded, where it has any.
    decoded: Option<Automaton>,
}

impl PartialEq for TextGlob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TextGlob {}

impl TextGlob {
    fn compile(text: &str) -> Result<Self, Fault> {
        let inner = text.strip_prefix('/').unwrap_or(text);
        let decoded = if text.contains('%') {
            Some(Automaton::compile(inner, Dialect::Url, true)?)
        } else {
            None
        };
        Ok(Self {
            text: text.to_owned(),
            plain: Automaton::compile(inner, Dialect::Url, false)?,
            decoded,
        })
    }

    fn matches(&self, path: &str) -> bool {
        let path = path.strip_prefix('/').unwrap_or(path);
        self.plain.matches(path.as_bytes().split(is_slash))
    }

    fn matches_decoded(&self, path: &[u8]) -> bool {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let glob = self.decoded.as_ref().unwrap_or(&self.plain);
        glob.matches(path.split(is_slash))
    }
}

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}

impl UrlPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(Fault::new(
                format!("`{}` has no scheme", excerpt(text)),
                format!(
                    "write `http://{0}` or `https://{0}` with a path",
                    excerpt(text)
                ),
            ));
        };
        let scheme = Scheme::parse(scheme).ok_or_else(|| {
            Fault::new(
                format!(
                    "scheme `{}` is not one that a request can have",
                    excerpt(scheme)
                ),
                "write `http://` or `https://`, in lower case",
            )
        })?;
        if rest.contains('#') {
            return Err(Fault::new(
                "a fragment (`#`) is never sent, so it can never match",
                "leave it out",
            ));
        }
        let end = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (host, port) = parse_authority(authority, scheme)?;
        if !target.starts_with('/') {
            return Err(Fault::new(
                format!("`{}` has no path", excerpt(text)),
                format!(
                    "write `{scheme}://{}/**` for every path, `/` for the root alone",
                    excerpt(authority)
                ),
            ));
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        url_path::check(path, true).map_err(|e| {
            Fault::new(
                format!("can never match: {e}"),
                "a request with such a path is refused anyway",
            )
        })?;
        Ok(Self::Parts(Box::new(UrlParts {
            scheme,
            host,
            port,
            path: TextGlob::compile(path)?,
            query: query.map(parse_query).transpose()?,
        })))
    }

    /// The pattern that matches exactly this URL, whatever its query.
    pub(crate) fn exactly(url: &RequestUrl) -> Option<Self> {
        Some(Self::Parts(Box::new(UrlParts {
            scheme: url.scheme(),
            host: HostPattern::Exact(url.host().clone()),
            port: PortPattern::Exact(url.port()),
            path: TextGlob::compile(&url.path().replace('*', r"\*")).ok()?,
            query: None,
        })))
    }

    /// Whether `url` is meant, byte for byte.
    pub fn matches(&self, url: &RequestUrl) -> bool {
        match self {
            Self::Any => true,
            Self::Parts(p) => {
                p.audience_matches(url) && p.path_matches(url) && p.query_matches(url)
            }
        }
    }

    /// Whether `url` is meant when `%XX` is read as the byte that it encodes; for rules that restrict,
    /// since a server will read it so.
    pub fn matches_decoded(&self, url: &RequestUrl) -> bool {
        match self {
            Self::Any => true,
            Self::Parts(p) => {
                p.audience_matches(url)
                    && (p.path_matches(url) || p.path.matches_decoded(url.decoded_path()))
                    && p.query_matches(url)
            }
        }
    }

    /// Whether scheme, host and port are those of `url`: the same audience.
    pub fn audience_matches(&self, url: &RequestUrl) -> bool {
        match self {
            Self::Any => true,
            Self::Parts(p) => p.audience_matches(url),
        }
    }

    /// The parts, unless any URL is meant.
    pub fn parts(&self) -> Option<&UrlParts> {
        match self {
            Self::Any => None,
            Self::Parts(p) => Some(p),
        }
    }
}

impl UrlParts {
    fn audience_matches(&self, url: &RequestUrl) -> bool {
        self.scheme == url.scheme()
            && self.port.matches(url.port())
            && self.host.matches(url.host())
    }

    fn query_matches(&self, url: &RequestUrl) -> bool {
        let Some(glob) = &self.query else { return true };
        glob.plain
            .matches(std::iter::once(url.query().unwrap_or("").as_bytes()))
    }

    /// Whether the path matches, byte for byte.
    pub(crate) fn path_matches(&self, url: &RequestUrl) -> bool {
        self.path.matches(url.path())
    }

    /// The host, where it is exactly one.
    pub fn exact_host(&self) -> Option<&Host> {
        match &self.host {
            HostPattern::Exact(host) => Some(host),
            _ => None,
        }
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The hosts.
    pub fn host(&self) -> &HostPattern {
        &self.host
    }

    /// The ports.
    pub fn port(&self) -> PortPattern {
        self.port
    }

    /// The glob of the path, as written.
    pub fn path(&self) -> &str {
        &self.path.text
    }
}

fn parse_authority(text: &str, scheme: Scheme) -> Result<(HostPattern, PortPattern), Fault> {
    if text.contains('@') {
        return Err(Fault::new(
            "user information before `@` is never sent, so it can never match",
            "grant a credential instead: `… with NAME`",
        ));
    }
    if text == "*" || text == "**" || text.starts_with("*:") || text.starts_with("**:") {
        return Err(Fault::new(
            "a host pattern needs a name",
            "write `*.example.com` for one label, `**.example.com` for any depth",
        ));
    }
    let (host, port) = split_port(text);
    let port = match port {
        None => PortPattern::Exact(scheme.default_port()),
        Some("*") => PortPattern::Any,
        Some(number) => PortPattern::Exact(parse_port(number).ok_or_else(|| {
            Fault::new(
                format!("port `{}` is not a number from 1 to 65535", excerpt(number)),
                "write `:8080`, `:*` for any port, or nothing for the scheme's own",
            )
        })?),
    };
    Ok((HostPattern::parse(host)?, port))
}

fn parse_query(query: &str) -> Result<TextGlob, Fault> {
    if let Some(c) = url_path::query_character_refused(query) {
        return Err(Fault::new(
            format!(
                "can never match: the query has the character `{}`",
                c.escape_default()
            ),
            "write it percent-encoded",
        ));
    }
    if query.contains("**") || query.contains('/') {
        return Err(Fault::new(
            "a query pattern has neither `**` nor `/`",
            "write `*` for any characters, or leave the query out to allow any",
        ));
    }
    TextGlob::compile(query)
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Parts(p) = self else {
            return f.write_str("*");
        };
        write!(f, "{}://{}", p.scheme, p.host)?;
        if p.port != PortPattern::Exact(p.scheme.default_port()) {
            write!(f, ":{}", p.port)?;
        }
        f.write_str(&p.path.text)?;
        match &p.query {
            Some(query) => write!(f, "?{}", query.text),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn m(pattern: &str, url: &str) -> bool {
        UrlPattern::parse(pattern)
            .unwrap()
            .matches(&RequestUrl::parse_str(url).unwrap())
    }

    #[test]
    fn patterns_match_part_by_part() {
        assert!(m(
            "https://api.openai.com/v1/*",
            "https://api.openai.com/v1/responses?x=1"
        ));
        assert!(!m(
            "https://api.openai.com/v1/*",
            "https://api.openai.com/v1/a/b"
        ));
        assert!(m(
            "https://api.openai.com/v1/**",
            "https://api.openai.com/v1/a/b"
        ));
        assert!(!m(
            "https://api.openai.com/v1/**",
            "https://api.openai.com:8443/v1/a"
        ));
        assert!(!m("https://api.openai.com/**", "http://api.openai.com/"));
        assert!(m("https://api.openai.com/**", "https://api.openai.com/"));
        assert!(m("http://localhost:*/x", "http://localhost:8080/x"));
        assert!(m("https://a.b:443/x", "https://a.b/x"));
    }

    #[test]
    fn a_query_is_free_unless_the_pattern_speaks_of_it() {
        assert!(m("https://a.b/x", "https://a.b/x?any=1"));
        assert!(!m("https://a.b/x?", "https://a.b/x?any=1"));
        assert!(m("https://a.b/x?", "https://a.b/x"));
        assert!(m("https://a.b/x?q=*", "https://a.b/x?q=1/2"));
        assert!(!m("https://a.b/x?q=*", "https://a.b/x?r=1"));
    }

    #[test]
    fn a_restricting_rule_sees_through_encoding() {
        let url = RequestUrl::parse_str("https://a.b/x%3Adelete").unwrap();
        let pattern = UrlPattern::parse("https://a.b/x:delete").unwrap();
        assert!(!pattern.matches(&url) && pattern.matches_decoded(&url));
        let url = RequestUrl::parse_str("https://a.b/x:delete").unwrap();
        let pattern = UrlPattern::parse("https://a.b/x%3Adelete").unwrap();
        assert!(!pattern.matches(&url) && pattern.matches_decoded(&url));
    }

    #[test]
    fn what_can_never_match_is_refused_with_advice() {
        for (bad, advice) in [
            ("localhost:8080", "http://localhost:8080"),
            ("api.openai.com/v1", "https://api.openai.com/v1"),
            ("https://api.openai.com", "https://api.openai.com/**"),
            ("https://u@a.b/", "with NAME"),
            ("https://a.b/#x", "leave it out"),
            ("https://a.b/v1/../x", "write the path that is meant"),
            ("https://A.b/", "lower case"),
            ("https://*/x", "*.example.com"),
            ("https://a*.b/x", "*.example.com"),
            ("https://a.b/x**", "segment"),
            ("https://a.b:http/x", ":8080"),
            ("wss://a.b/x", "https://"),
            ("https://a.b/a b", "percent-encoded"),
            ("https://bücher.de/", "punycode"),
        ] {
            let fault = UrlPattern::parse(bad).unwrap_err().to_string();
            assert!(fault.contains(advice), "{bad}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn the_exact_pattern_matches_its_url_and_round_trips(path in "(/[a-z*%2A.~;:@'!]{0,6}){1,4}", port in prop::option::of(1u16..)) {
            let authority = port.map_or("a.b".into(), |p| format!("a.b:{p}"));
            if let Ok(url) = RequestUrl::parse("https", &authority, &path) {
                let pattern = UrlPattern::exactly(&url).unwrap();
                prop_assert!(pattern.matches(&url));
                prop_assert_eq!(UrlPattern::parse(&pattern.to_string()).unwrap(), pattern);
            }
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            if let Ok(pattern) = UrlPattern::parse(&text) {
                prop_assert_eq!(UrlPattern::parse(&pattern.to_string()).unwrap(), pattern);
            }
        }
    }
}
