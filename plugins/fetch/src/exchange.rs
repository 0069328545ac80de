//! A request and the redirects that it leads to.

use crate::body::is_token;
use crate::bounds::{BODY_BYTES_MAX, HEADERS_MAX};
use crate::url::{normal, origin, resolve};
use serde::Serialize;
use std::collections::BTreeMap;
use tollgate_sdk::ToolError;
use tollgate_sdk::http::{HttpClient, HttpError, Request, Response, Url};

/// What servers are told that this is.
const AGENT: &str = concat!("tollgate-fetch/", env!("CARGO_PKG_VERSION"));

/// Header fields that are not the call's to set, and why.
const RESERVED: [(&str, &str); 10] = [
    (
        "authorization",
        "grant a credential, such as `http GET https://example.com/** with NAME`",
    ),
    ("proxy-authorization", "there is no proxy"),
    ("host", "the URL says it"),
    ("content-length", "the body says it"),
    ("transfer-encoding", "the host decides on it"),
    ("connection", "the host decides on it"),
    ("upgrade", "the host decides on it"),
    ("te", "the host decides on it"),
    ("trailer", "the host decides on it"),
    ("accept-encoding", "compressed answers are not read"),
];

/// Header fields that go along to another origin: they say what the caller reads, and nothing of itself.
const HARMLESS: [&str; 3] = ["accept", "accept-language", "user-agent"];

/// What is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    body: Option<Vec<u8>>,
}

/// A redirect that was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Hop {
    /// The status.
    pub(crate) status: u16,
    /// Where the answer came from.
    pub(crate) from: String,
    /// Where it pointed to.
    pub(crate) to: String,
}

/// The last answer and how it was reached.
pub(crate) struct Reached {
    pub(crate) url: String,
    pub(crate) hops: Vec<Hop>,
    pub(crate) response: Response,
    /// Why a last redirect was not followed.
    pub(crate) stopped: Option<String>,
}

impl Wish {
    pub(crate) fn new(
        method: &str,
        url: &str,
        headers: BTreeMap<String, String>,
        body: Option<String>,
    ) -> Result<Self, ToolError> {
        if !is_token(method) {
            return Err(ToolError::invalid(format!(
                "method: {method:?} is no method; write one such as GET"
            )));
        }
        let url = normal(url);
        Url::parse(&url).map_err(|error| ToolError::invalid(format!("url: {error}")))?;
        if headers.len() > HEADERS_MAX {
            return Err(ToolError::invalid(format!(
                "headers: are at most {HEADERS_MAX}"
            )));
        }
        for (name, value) in &headers {
            check_header(name, value)?;
        }
        if body
            .as_ref()
            .is_some_and(|body| body.len() > BODY_BYTES_MAX)
        {
            return Err(ToolError::invalid(format!(
                "body: has more than {BODY_BYTES_MAX} bytes"
            )));
        }
        Ok(Self {
            method: method.to_ascii_uppercase(),
            url,
            headers,
            body: body.map(String::into_bytes),
        })
    }

    fn request(&self) -> Request {
        let mut request = Request::new(&self.method, &self.url)
            .header("user-agent", AGENT)
            .header("accept", "*/*")
            .header("accept-encoding", "identity");
        for (name, value) in &self.headers {
            request = request.header(name, value.as_str());
        }
        match &self.body {
            Some(body) => request.body(body.clone()),
            None => request,
        }
    }

    /// The request that a redirect asks for (RFC 9110, section 15.4); an error says why there is none.
    fn redirected(&self, status: u16, to: String) -> Result<Self, String> {
        if self.url.starts_with("https://") && !to.starts_with("https://") {
            return Err(format!(
                "the redirect to {to} leaves TLS; call again with that URL if it is meant"
            ));
        }
        let mut next = self.clone();
        let becomes_get = match status {
            303 => self.method != "HEAD",
            301 | 302 => self.method == "POST",
            _ => false,
        };
        if becomes_get {
            next.method = "GET".into();
            next.body = None;
            next.headers
                .retain(|name, _| !name.to_ascii_lowercase().starts_with("content-"));
        }
        if origin(&to) != origin(&self.url) {
            if next.body.is_some() {
                return Err(format!(
                    "the redirect to {to} asks to send the body to another origin; call again with that \
                     URL if it is meant"
                ));
            }
            let harmless = |name: &str| HARMLESS.iter().any(|h| name.eq_ignore_ascii_case(h));
            next.headers.retain(|name, _| harmless(name));
        }
        next.url = to;
        Ok(next)
    }
}

/// Sends a request and follows at most so many redirects, each as a request of its own.
pub(crate) fn run(
    client: &impl HttpClient,
    mut wish: Wish,
    redirects_max: usize,
) -> Result<Reached, ToolError> {
    let mut hops: Vec<Hop> = Vec::new();
    loop {
        let response = wish.request().send(client).map_err(refused)?;
        let stopped = match target(&wish, &response) {
            None => None,
            Some(to) if hops.len() >= redirects_max => Some(format!(
                "{redirects_max} redirects were followed, and the answer points to {to}"
            )),
            Some(to) => match wish.redirected(response.status, to.clone()) {
                Ok(next) => {
                    hops.push(Hop {
                        status: response.status,
                        from: std::mem::replace(&mut wish, next).url,
                        to,
                    });
                    continue;
                }
                Err(why) => Some(why),
            },
        };
        return Ok(Reached {
            url: wish.url,
            hops,
            response,
            stopped,
        });
    }
}

/// Where a response redirects to, if it does.
fn target(wish: &Wish, response: &Response) -> Option<String> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers.get("location")?;
    Some(resolve(&wish.url, location))
}

fn refused(error: HttpError) -> ToolError {
    match error {
        HttpError::Invalid { .. } => ToolError::invalid(error.to_string()),
        other => other.into(),
    }
}

fn check_header(name: &str, value: &str) -> Result<(), ToolError> {
    if !is_token(name) {
        return Err(ToolError::invalid(format!(
            "headers: {name:?} is no name of a header field"
        )));
    }
    if value.contains(['\r', '\n', '\0']) {
        return Err(ToolError::invalid(format!(
            "headers: the value of {name} is not one line"
        )));
    }
    let reserved = RESERVED
        .iter()
        .find(|(reserved, _)| name.eq_ignore_ascii_case(reserved));
    match reserved {
        Some((name, why)) => Err(ToolError::invalid(format!(
            "headers: {name} cannot be set here: {why}"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::http::Headers;
    use tollgate_sdk::testing::{FakeHttp, sample_denial};

    fn redirect(status: u16, to: &str) -> Result<Response, HttpError> {
        Ok(Response::new(
            status,
            Headers::from_iter([("location", to)]),
            "",
        ))
    }

    fn ok() -> Result<Response, HttpError> {
        Ok(Response::new(200, Headers::default(), "done"))
    }

    fn wish(method: &str, url: &str, body: Option<&str>) -> Wish {
        let headers = [
            ("X-Key", "k"),
            ("Accept-Language", "de"),
            ("Content-Type", "a/b"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Wish::new(method, url, headers.into(), body.map(Into::into)).unwrap()
    }

    fn answers(answers: impl IntoIterator<Item = Result<Response, HttpError>>) -> FakeHttp {
        let fake = FakeHttp::default();
        for answer in answers {
            fake.answer(answer);
        }
        fake
    }

    #[test]
    fn each_hop_is_a_request() {
        let fake = answers([redirect(302, "../b"), redirect(307, "/c#x"), ok()]);
        let reached = run(&fake, wish("GET", "http://a.test/x/y", None), 5).unwrap();
        let urls: Vec<_> = fake.sent().into_iter().map(|sent| sent.url).collect();
        assert_eq!(
            urls,
            ["http://a.test/x/y", "http://a.test/b", "http://a.test/c"]
        );
        assert_eq!(
            (reached.url.as_str(), reached.hops.len()),
            ("http://a.test/c", 2)
        );
        assert!(reached.stopped.is_none());
    }

    #[test]
    fn methods_change_as_the_standard_says() {
        let sent = |method: &str, status: u16| {
            let fake = answers([redirect(status, "/b"), ok()]);
            run(&fake, wish(method, "http://a.test/", Some("body")), 5).unwrap();
            let last = fake.sent().pop().unwrap();
            (last.method, last.body.len())
        };
        assert_eq!(sent("post", 302), ("GET".into(), 0));
        assert_eq!(sent("POST", 303), ("GET".into(), 0));
        assert_eq!(sent("POST", 308), ("POST".into(), 4));
        assert_eq!(sent("PUT", 301), ("PUT".into(), 4));
    }

    #[test]
    fn what_a_call_adds_stays_with_its_origin() {
        let fake = answers([redirect(302, "http://b.test/"), ok()]);
        run(&fake, wish("GET", "http://a.test/", None), 5).unwrap();
        let names: Vec<_> = fake
            .sent()
            .pop()
            .unwrap()
            .headers
            .into_iter()
            .map(|h| h.0)
            .collect();
        assert_eq!(
            names,
            ["user-agent", "accept", "accept-encoding", "Accept-Language"]
        );
        for (url, status, to) in [
            ("http://a.test/", 307, "http://b.test/"),
            ("https://a.test/", 302, "http://a.test/"),
        ] {
            let fake = answers([redirect(status, to)]);
            let reached = run(&fake, wish("PUT", url, Some("secret")), 5).unwrap();
            assert!(
                reached
                    .stopped
                    .unwrap()
                    .contains("call again with that URL")
            );
            assert_eq!(fake.sent().len(), 1);
        }
    }

    #[test]
    fn redirects_are_bounded_and_a_refused_one_is_the_gate_s_denial() {
        let fake = answers([redirect(302, "/a"), redirect(302, "/b")]);
        let reached = run(&fake, wish("GET", "http://a.test/", None), 1).unwrap();
        assert!(
            reached
                .stopped
                .unwrap()
                .ends_with("points to http://a.test/b")
        );
        let denial = sample_denial("http.request", "http://b.test/", "no_grant");
        let refused = Err(HttpError::Denied {
            denial: denial.clone(),
        });
        let fake = answers([redirect(302, "http://b.test/"), refused]);
        let error = run(&fake, wish("GET", "http://a.test/", None), 5)
            .err()
            .unwrap();
        assert_eq!(error, ToolError::Denied(denial));
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        let new = |method: &str, url: &str, name: &str, value: &str| {
            let headers = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            match Wish::new(method, url, headers, None) {
                Err(ToolError::InvalidArguments(text)) => text,
                other => panic!("{other:?}"),
            }
        };
        assert!(new("G T", "http://a/", "x", "y").starts_with("method:"));
        assert!(new("GET", "file:///etc", "x", "y").starts_with("url:"));
        assert!(new("GET", "http://u:p@a/", "x", "y").starts_with("url:"));
        assert!(new("GET", "http://a/", "Authorization", "y").contains("grant a credential"));
        assert!(new("GET", "http://a/", "x", "y\r\nz: 1").contains("not one line"));
    }
}
