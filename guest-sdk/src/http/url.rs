//! The three parts of a URL that a request is sent with.
//!
//! Nothing is normalised or decoded here: what the plugin wrote is what the gate judges.

use crate::http::HttpError;

/// How the request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// A URL in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// The scheme.
    pub scheme: Scheme,
    /// Host and, where written, port.
    pub authority: String,
    /// Path and query, beginning with `/`.
    pub path_and_query: String,
}

impl Url {
    /// Splits a URL.
    ///
    /// # Errors
    /// It is not an absolute `http` or `https` URL, or has a user, a fragment, a space or a control
    /// character. The message holds no query.
    pub fn parse(url: &str) -> Result<Self, HttpError> {
        let invalid = |what: &str| HttpError::Invalid {
            message: format!(
                "{what}: {:?}",
                url.split(['?', '#']).next().unwrap_or_default()
            ),
        };
        let (scheme, rest) = match url.split_once("://") {
            Some((s, rest)) if s.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some((s, rest)) if s.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            _ => return Err(invalid("a URL begins with https:// or http://")),
        };
        if rest.contains('#') {
            return Err(invalid("a URL to send has no fragment (#)"));
        }
        if rest.chars().any(|c| c.is_ascii_control() || c == ' ') {
            return Err(invalid(
                "a URL has no spaces or control characters; write %20",
            ));
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() {
            return Err(invalid("a URL names a host"));
        }
        if authority.contains('@') {
            return Err(HttpError::Invalid {
                message: "a URL holds no user or password; the host adds credentials".into(),
            });
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme,
            authority: authority.into(),
            path_and_query: format!("{slash}{path}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_and_nothing_else() {
        let url = Url::parse("HTTPS://api.test:8443/v1/../a%2fb?q=1/2").unwrap();
        assert_eq!(url.scheme, Scheme::Https);
        assert_eq!(url.authority, "api.test:8443");
        assert_eq!(url.path_and_query, "/v1/../a%2fb?q=1/2");
        assert_eq!(Url::parse("http://a").unwrap().path_and_query, "/");
        assert_eq!(Url::parse("http://a?b").unwrap().path_and_query, "/?b");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_without_showing_secrets() {
        for bad in [
            "",
            "a.test/x",
            "ftp://a",
            "http://",
            "http:///x",
            "http://u:hidden@a/",
            "http://a/#f",
            "http://a/ b?hidden",
            "http://a/\r\nx: y",
        ] {
            let error = Url::parse(bad).unwrap_err().to_string();
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
