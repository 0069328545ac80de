//! Which headers are the guest's, and which are the gate's.
//!
//! A guest's copies of the gate's own fields are stripped, never merged and never an error: `host`, the
//! hop-by-hop fields and what `connection` names (RFC 9110 §7.6.1), `proxy-*`, the credential's header
//! and, with a credential, `accept-encoding`. `te: trailers` stays, as gRPC needs it.

use super::credential::Injection;
use super::error::{NetError, NetErrorKind};
use super::redact::Redactor;
use super::request::{Limits, Target};
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// What separates name, value and line on the wire.
const PUNCTUATION_BYTES: usize = 4;

/// Codings that an error names.
const CODINGS: &[&str] = &[
    "gzip",
    "x-gzip",
    "deflate",
    "br",
    "zstd",
    "compress",
    "x-compress",
    "chunked",
    "identity",
];

const IDENTITY: &str = "identity";

/// The guest's headers, made ready.
pub(crate) struct Prepared {
    pub(crate) headers: HeaderMap,
    pub(crate) stripped: Vec<HeaderName>,
    /// What the guest declared.
    pub(crate) length: Option<u64>,
}

/// Applies the rules to a request. `host` and `content-length` are written later, by who sends.
pub(crate) fn prepare(
    mut headers: HeaderMap,
    target: &Target,
    credential: Option<&Injection>,
    limits: &Limits,
) -> Result<Prepared, NetError> {
    check_size(&headers, target, limits)?;
    let length = declared_length(&headers, target)?;
    headers.remove(CONTENT_LENGTH);
    let mut stripped = strip_hop_by_hop(&mut headers, true);
    strip(&mut headers, &HOST, &mut stripped);
    if let Some(credential) = credential {
        if let Some((name, value)) = credential.header() {
            strip(&mut headers, name, &mut stripped);
            headers.insert(name.clone(), value.clone());
        }
        strip(&mut headers, &ACCEPT_ENCODING, &mut stripped);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(IDENTITY));
    }
    Ok(Prepared {
        headers,
        stripped,
        length,
    })
}

/// Refuses methods that a gate cannot carry.
pub(crate) fn check_method(method: &Method, target: &Target) -> Result<(), NetError> {
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(NetError::new(
            NetErrorKind::HttpRequestMethodInvalid,
            format!("{method} to {target} is refused: no tunnel and no echo passes the gate"),
        ));
    }
    Ok(())
}

/// Bytes of a header section, as the limits count them.
pub(crate) fn section_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + PUNCTUATION_BYTES)
        .sum()
}

/// Whether a section fits into a limit of the records' width.
pub(crate) fn fits(headers: &HeaderMap, bytes_max: u32) -> bool {
    u64::try_from(section_bytes(headers)).is_ok_and(|bytes| bytes <= u64::from(bytes_max))
}

fn check_size(headers: &HeaderMap, target: &Target, limits: &Limits) -> Result<(), NetError> {
    let refused = |limit: u32, text: String| {
        let kind = NetErrorKind::HttpRequestHeaderSectionSize(Some(limit));
        Err(NetError::new(kind, text))
    };
    if headers.len() > limits.request_headers_max {
        let limit = limits.request_headers_max;
        return refused(
            u32::try_from(limit).unwrap_or(u32::MAX),
            format!("the request to {target} has more than {limit} headers"),
        );
    }
    if !fits(headers, limits.request_header_bytes_max) {
        let limit = limits.request_header_bytes_max;
        return refused(
            limit,
            format!("the request to {target} has more than {limit} bytes of headers"),
        );
    }
    Ok(())
}

/// The guest's `content-length`: digits only, and one value only (RFC 9110 §8.6).
fn declared_length(headers: &HeaderMap, target: &Target) -> Result<Option<u64>, NetError> {
    let mut found: Option<u64> = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let length = value
            .to_str()
            .ok()
            .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok());
        match (length, found) {
            (Some(length), None) => found = Some(length),
            (Some(length), Some(earlier)) if length == earlier => {}
            _ => {
                return Err(NetError::new(
                    NetErrorKind::HttpRequestHeaderSize {
                        field_name: Some(CONTENT_LENGTH.as_str().to_owned()),
                    },
                    format!("the request to {target} has no valid content-length"),
                ));
            }
        }
    }
    Ok(found)
}

fn strip(headers: &mut HeaderMap, name: &HeaderName, stripped: &mut Vec<HeaderName>) {
    if headers.remove(name).is_some() && !stripped.contains(name) {
        stripped.push(name.clone());
    }
}

/// Removes what belongs to one connection only.
fn strip_hop_by_hop(headers: &mut HeaderMap, keep_te_trailers: bool) -> Vec<HeaderName> {
    let te_trailers = keep_te_trailers
        && headers
            .get(TE)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        // The length frames the message; a peer must not be able to take it away.
        .filter(|name| name != CONTENT_LENGTH && name != TE)
        .collect();
    let mut leaving: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_hop_by_hop(name) || named.contains(name))
        .filter(|name| *name != TE || !te_trailers)
        .cloned()
        .collect();
    for name in &leaving {
        headers.remove(name);
    }
    leaving.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    leaving
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    [&CONNECTION, &TE, &TRANSFER_ENCODING, &UPGRADE].contains(&name)
        || matches!(name.as_str(), "keep-alive" | "http2-settings")
        || name.as_str().starts_with("proxy-")
}

/// Checks and cleans a response's headers; returns how many echoes were replaced.
pub(crate) fn clean_response(
    headers: &mut HeaderMap,
    method: &Method,
    target: &Target,
    limits: &Limits,
    redactor: Option<&Redactor>,
) -> Result<u64, NetError> {
    let limit = limits.response_header_bytes_max;
    if !fits(headers, limit) {
        return Err(NetError::new(
            NetErrorKind::HttpResponseHeaderSectionSize(Some(limit)),
            format!("{target} answered with more than {limit} bytes of headers"),
        ));
    }
    if let Some(coding) = other_coding(headers, &TRANSFER_ENCODING, "chunked") {
        let text =
            format!("{target} answered in the transfer coding `{coding}`; only chunked is read");
        let kind = NetErrorKind::HttpResponseTransferCoding(Some(coding.to_owned()));
        return Err(NetError::new(kind, text));
    }
    strip_hop_by_hop(headers, false);
    let Some(redactor) = redactor else {
        return Ok(0);
    };
    if let Some(coding) = other_coding(headers, &CONTENT_ENCODING, IDENTITY) {
        let text = format!(
            "{target} answered in the content coding `{coding}` although identity was asked for; \
             with a credential such an answer cannot be checked and is refused"
        );
        let kind = NetErrorKind::HttpResponseContentCoding(Some(coding.to_owned()));
        return Err(NetError::new(kind, text));
    }
    if method != Method::HEAD {
        headers.remove(CONTENT_LENGTH);
    }
    Ok(redact(headers, redactor))
}

/// The first coding that is not the plain one. Named only if it is a registered one (RFC 9110 §18.6):
/// anything else would be the peer's own words, and may be an echo.
fn other_coding(headers: &HeaderMap, name: &HeaderName, plain: &str) -> Option<&'static str> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(plain.as_bytes()))
        .map(|coding| {
            CODINGS
                .iter()
                .find(|known| coding.eq_ignore_ascii_case(known.as_bytes()))
                .copied()
                .unwrap_or("unknown")
        })
}

/// Replaces echoes in values; a field whose name holds one is dropped.
pub(crate) fn redact(headers: &mut HeaderMap, redactor: &Redactor) -> u64 {
    let mut replaced = 0;
    let mut named = Vec::new();
    for (name, value) in headers.iter_mut() {
        if redactor.within_lower_case(name.as_str()) {
            named.push(name.clone());
        } else if let Some(clean) = redactor.whole(value.as_bytes()) {
            *value = HeaderValue::from_bytes(&clean)
                .unwrap_or_else(|_| HeaderValue::from_static("[redacted]"));
            replaced += 1;
        }
    }
    for name in named {
        replaced += u64::from(headers.remove(&name).is_some());
    }
    replaced
}

/// The trailers that a guest or a peer sent: framing fields have no place there (RFC 9110 §6.5.1).
pub(crate) fn clean_trailers(trailers: &mut HeaderMap) {
    strip_hop_by_hop(trailers, false);
    for name in [&HOST, &CONTENT_LENGTH, &TRAILER] {
        trailers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{Host, Scheme};
    use super::*;
    use secrecy::SecretString;

    fn target() -> Target {
        Target {
            scheme: Scheme::Https,
            host: Host::Name("api.example.com".into()),
            port: 443,
        }
    }

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    fn credential() -> Injection {
        let secret = SecretString::from("sk-123456789".to_owned());
        Injection::header_of("authorization", "Bearer {}", secret).unwrap()
    }

    #[test]
    fn strips_what_is_the_gates() {
        let headers = map(&[
            ("host", "evil.example"),
            ("connection", "keep-alive, x-mine"),
            ("keep-alive", "timeout=5"),
            ("x-mine", "1"),
            ("proxy-authorization", "Basic x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("te", "trailers"),
            ("authorization", "Bearer mine"),
            ("accept-encoding", "gzip"),
            ("content-length", "3"),
            ("x-kept", "yes"),
        ]);
        let prepared =
            prepare(headers, &target(), Some(&credential()), &Limits::default()).unwrap();
        assert_eq!(prepared.length, Some(3));
        let mut left: Vec<&str> = prepared.headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept-encoding", "authorization", "te", "x-kept"]);
        assert_eq!(prepared.headers["authorization"], "Bearer sk-123456789");
        assert_eq!(prepared.headers["accept-encoding"], "identity");
        let stripped: Vec<&str> = prepared.stripped.iter().map(HeaderName::as_str).collect();
        assert_eq!(
            stripped,
            [
                "connection",
                "keep-alive",
                "proxy-authorization",
                "transfer-encoding",
                "upgrade",
                "x-mine",
                "host",
                "authorization",
                "accept-encoding"
            ]
        );
    }

    #[test]
    fn without_a_credential_the_guests_fields_stay() {
        let headers = map(&[
            ("authorization", "Bearer mine"),
            ("accept-encoding", "gzip"),
        ]);
        let prepared = prepare(headers.clone(), &target(), None, &Limits::default()).unwrap();
        assert_eq!(prepared.headers, headers);
        assert!(prepared.stripped.is_empty());
    }

    #[test]
    fn lengths_must_agree() {
        let parse = |fields: &[(&str, &str)]| declared_length(&map(fields), &target());
        let length = "content-length";
        assert_eq!(parse(&[(length, "5"), (length, "5")]), Ok(Some(5)));
        assert!(parse(&[(length, "5"), (length, "6")]).is_err());
        for bad in ["", "+5", "5, 5", "-1", "0x5", "99999999999999999999"] {
            assert!(parse(&[(length, bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn size_is_bounded() {
        let limits = Limits {
            request_headers_max: 2,
            request_header_bytes_max: 40,
            ..Limits::default()
        };
        let kind = |fields: &[(&str, &str)]| {
            prepare(map(fields), &target(), None, &limits)
                .err()
                .map(|error| error.kind().clone())
        };
        assert_eq!(kind(&[("a", "1"), ("b", "2")]), None);
        assert_eq!(
            kind(&[("a", "1"), ("b", "2"), ("c", "3")]),
            Some(NetErrorKind::HttpRequestHeaderSectionSize(Some(2)))
        );
        assert_eq!(
            kind(&[("a", &"x".repeat(36))]),
            Some(NetErrorKind::HttpRequestHeaderSectionSize(Some(40)))
        );
    }

    #[test]
    fn a_response_is_cleaned() {
        let clean = |fields: &[(&str, &str)], redactor: Option<&Redactor>| {
            let mut headers = map(fields);
            clean_response(
                &mut headers,
                &Method::GET,
                &target(),
                &Limits::default(),
                redactor,
            )
            .map(|count| (headers, count))
        };
        let (headers, _) = clean(
            &[
                ("connection", "close, x-a"),
                ("x-a", "1"),
                ("transfer-encoding", "chunked"),
                ("x-b", "2"),
            ],
            None,
        )
        .unwrap();
        assert_eq!(headers, map(&[("x-b", "2")]));
        let error = clean(&[("transfer-encoding", "gzip, chunked")], None).unwrap_err();
        assert_eq!(error.kind().code(), "HTTP-response-transfer-coding");

        let redactor = credential().redactor();
        let fields = [
            ("x-echo", "you sent Bearer sk-123456789."),
            ("x-sk-123456789-y", "1"),
            ("content-length", "7"),
            ("content-encoding", "identity"),
        ];
        let (headers, count) = clean(&fields, Some(&redactor)).unwrap();
        assert_eq!(
            headers,
            map(&[
                ("x-echo", "you sent Bearer [redacted]."),
                ("content-encoding", "identity")
            ])
        );
        assert_eq!(count, 2);
        let error = clean(&[("content-encoding", "gzip")], Some(&redactor)).unwrap_err();
        assert_eq!(
            error.kind(),
            &NetErrorKind::HttpResponseContentCoding(Some("gzip".into()))
        );
        assert!(clean(&[("content-encoding", "gzip")], None).is_ok());
    }
}
