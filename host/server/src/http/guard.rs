//! Who may come in.
//!
//! A web page can make the browser on this machine send requests to a server on loopback, and by
//! rebinding its own name it can read the answers. So every request must be addressed to this server by
//! a name that is this server's (`Host`), must not come from a page (`Origin`), and must carry the
//! token, in that order: who fails one of the first two learns nothing of the third.

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;

/// The path of the protocol.
pub const PATH: &str = "/mcp";

/// A request that is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was addressed to another name.
    #[error("the Host header does not name this server; reach it as {expected}")]
    Host {
        /// A name that is right.
        expected: String,
    },
    /// It comes from a web page.
    #[error("requests from web pages are refused; the Origin header is not this server's own")]
    Origin,
    /// It has no token, or not the right one.
    #[error("a bearer token is needed, and it is not the one of this server")]
    Token,
    /// There is nothing at this path.
    #[error("there is nothing here; the protocol is at {PATH}")]
    Path,
}

/// The door.
#[derive(Clone)]
pub struct Guard {
    /// Lower case, with the port.
    authorities: Vec<String>,
    token_hash: [u8; 32],
}

impl Guard {
    /// A door for a server at `address`, which is also reached under `names`.
    pub fn new(address: SocketAddr, names: &[String], token: &str) -> Self {
        let port = address.port();
        let mut authorities = vec![address.to_string()];
        if address.ip().is_loopback() || address.ip().is_unspecified() {
            authorities
                .extend(["localhost", "127.0.0.1", "[::1]"].map(|own| format!("{own}:{port}")));
        }
        for name in names {
            let name = name.to_ascii_lowercase();
            authorities.push(format!("{name}:{port}"));
            authorities.push(name);
        }
        Self {
            authorities,
            token_hash: hash(token),
        }
    }

    /// Lets a request in, or says why not.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        if !self.host_is_own(uri, headers) {
            return Err(Refusal::Host {
                expected: self.authorities.first().cloned().unwrap_or_default(),
            });
        }
        if !self.origins_are_own(headers) {
            return Err(Refusal::Origin);
        }
        if !self.has_token(headers) {
            return Err(Refusal::Token);
        }
        if uri.path() != PATH {
            return Err(Refusal::Path);
        }
        Ok(())
    }

    fn host_is_own(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        let named = host.to_str().is_ok_and(|host| self.is_own(host));
        // A target with an authority (RFC 9112, section 3.2.2) is asked for by that.
        named
            && uri
                .authority()
                .is_none_or(|named| self.is_own(named.as_str()))
    }

    fn is_own(&self, authority: &str) -> bool {
        let plain = authority
            .parse::<Authority>()
            .is_ok_and(|parsed| !parsed.as_str().contains('@'));
        let authority = authority.to_ascii_lowercase();
        plain && self.authorities.contains(&authority)
    }

    fn origins_are_own(&self, headers: &HeaderMap) -> bool {
        headers.get_all(ORIGIN).iter().all(|origin| {
            origin
                .to_str()
                .ok()
                .and_then(|origin| origin.strip_prefix("http://"))
                .is_some_and(|authority| self.is_own(authority))
        })
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(given), None) = (given.next(), given.next()) else {
            return false;
        };
        let token = given.to_str().ok().and_then(|given| {
            let (scheme, token) = given.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| token.trim_start_matches(' '))
        });
        // Hashes are compared, so that how long it takes says nothing of the token.
        token.is_some_and(|token| hash(token) == self.token_hash)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn guard(address: &str, names: &[&str]) -> Guard {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Guard::new(address.parse().unwrap(), &names, "s3cret")
    }

    fn admit(
        guard: &Guard,
        uri: &str,
        headers: &[(http::HeaderName, &str)],
    ) -> Result<(), Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        guard.admit(&uri.parse().unwrap(), &map)
    }

    const TOKEN: (http::HeaderName, &str) = (AUTHORIZATION, "Bearer s3cret");

    #[test]
    fn the_host_must_be_this_server() {
        let guard = guard("127.0.0.1:7411", &[]);
        for own in [
            "127.0.0.1:7411",
            "localhost:7411",
            "LOCALHOST:7411",
            "[::1]:7411",
        ] {
            assert_eq!(admit(&guard, PATH, &[(HOST, own), TOKEN]), Ok(()), "{own}");
        }
        for other in [
            "evil.example",
            "evil.example:7411",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1:7411@evil.example",
            "u@127.0.0.1:7411",
            "127.0.0.1:7411.evil.example",
            "localhost.:7411",
            "",
        ] {
            let refused = admit(&guard, PATH, &[(HOST, other), TOKEN]);
            assert!(matches!(refused, Err(Refusal::Host { .. })), "{other}");
        }
        let none = admit(&guard, PATH, &[TOKEN]);
        assert!(matches!(none, Err(Refusal::Host { .. })));
        let two = [(HOST, "127.0.0.1:7411"), (HOST, "evil.example"), TOKEN];
        assert!(admit(&guard, PATH, &two).is_err());
        let absolute = "http://evil.example/mcp";
        assert!(admit(&guard, absolute, &[(HOST, "127.0.0.1:7411"), TOKEN]).is_err());
    }

    #[test]
    fn a_page_is_refused_before_its_token_is_looked_at() {
        let guard = guard("127.0.0.1:7411", &[]);
        let from = |origin| admit(&guard, PATH, &[(HOST, "localhost:7411"), (ORIGIN, origin)]);
        for other in [
            "null",
            "http://evil.example",
            "http://localhost",
            "http://localhost:3000",
            "https://localhost:7411",
            "http://localhost:7411.evil.example",
        ] {
            assert_eq!(from(other), Err(Refusal::Origin), "{other}");
        }
        assert_eq!(from("http://localhost:7411"), Err(Refusal::Token));
    }

    #[test]
    fn the_token_must_be_right() {
        let guard = guard("[::1]:7411", &[]);
        let with = |given: &[&str]| {
            let mut headers = vec![(HOST, "[::1]:7411")];
            headers.extend(given.iter().map(|given| (AUTHORIZATION, *given)));
            admit(&guard, PATH, &headers)
        };
        assert_eq!(with(&["bearer s3cret"]), Ok(()));
        let wrong: [&[&str]; 6] = [
            &[],
            &["s3cret"],
            &["Basic s3cret"],
            &["Bearer s3cre"],
            &["Bearer s3cret2"],
            &["Bearer s3cret", "Bearer s3cret"],
        ];
        for given in wrong {
            assert_eq!(with(given), Err(Refusal::Token), "{given:?}");
        }
    }

    #[test]
    fn other_names_and_paths_are_what_the_operator_says() {
        let guard = guard("10.0.0.1:80", &["Tools.Example"]);
        for own in ["tools.example", "tools.example:80", "10.0.0.1:80"] {
            assert_eq!(admit(&guard, PATH, &[(HOST, own), TOKEN]), Ok(()), "{own}");
        }
        assert!(admit(&guard, PATH, &[(HOST, "localhost:80"), TOKEN]).is_err());
        let elsewhere = admit(&guard, "/", &[(HOST, "tools.example"), TOKEN]);
        assert_eq!(elsewhere, Err(Refusal::Path));
    }
}
