//! What every transport does before and after the socket: the rules of the request, those of the answer.

use super::credential::{self, Injection};
use super::error::{NetError, NetErrorKind};
use super::headers;
use super::limits::{Bounds, LimitedBody, RedactedBody};
use super::redact::Redactor;
use super::request::{
    AddressCheck, Inbound, InboundBody, Limits, OutboundRequest, PoolKey, Tally, Target, Timeouts,
};
use super::upload::UploadBody;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderName, Method, StatusCode, Version};
use http_body_util::BodyExt as _;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::time::Instant;

/// Longer targets are refused.
const TARGET_BYTES_MAX: usize = 16 * 1024;

/// A request that keeps every rule; only the socket is missing.
pub(crate) struct Ready {
    pub(crate) method: Method,
    pub(crate) authority: Authority,
    pub(crate) path: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: UploadBody,
    pub(crate) pool_key: PoolKey,
    pub(crate) route: Route,
    pub(crate) after: After,
}

/// Where it may go.
pub(crate) struct Route {
    pub(crate) target: Target,
    pub(crate) with_credential: bool,
    pub(crate) receipt: String,
    address_check: AddressCheck,
}

impl Route {
    /// Whether this request may reach an address.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), NetError> {
        (self.address_check)(address)
            .map_err(|refusal| NetError::address_forbidden(&self.target, vec![address], refusal))?;
        if self.with_credential && !credential::may_travel(self.target.scheme, address) {
            return Err(credential::clear_text(&self.target));
        }
        Ok(())
    }
}

/// What the answer must keep.
pub(crate) struct After {
    method: Method,
    target: Target,
    redactor: Option<Redactor>,
    stripped: Vec<HeaderName>,
    limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) deadline: Instant,
    tally: Arc<Tally>,
}

/// The head and body of an answer, as they came.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: InboundBody,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) reused: bool,
    pub(crate) http_version: Version,
}

/// Applies the rules of a request.
pub(crate) fn prepare(request: OutboundRequest) -> Result<Ready, NetError> {
    let OutboundRequest {
        method,
        scheme,
        host,
        port,
        path_and_query,
        headers: guest_headers,
        body,
        timeouts,
        limits,
        pool_key,
        credential,
        address_check,
        tally,
        receipt,
    } = request;
    let target = Target { scheme, host, port };
    headers::check_method(&method, &target)?;
    let credential: Option<&Injection> = credential.as_ref();
    let path = match credential.and_then(Injection::query) {
        Some(parameter) => path(with_parameter(path_and_query, parameter, &target)?, &target)?,
        None => path(path_and_query, &target)?,
    };
    let authority = authority(&target)?;
    let prepared = headers::prepare(guest_headers, &target, credential, &limits)?;
    let body = UploadBody::new(
        body,
        target.clone(),
        prepared.length,
        (
            limits.request_body_bytes_max,
            limits.request_header_bytes_max,
        ),
        Arc::clone(&tally),
    )?;
    Ok(Ready {
        authority,
        path,
        headers: prepared.headers,
        body,
        pool_key,
        route: Route {
            target: target.clone(),
            with_credential: credential.is_some(),
            receipt,
            address_check,
        },
        after: After {
            method: method.clone(),
            target,
            redactor: credential.map(Injection::redactor),
            stripped: prepared.stripped,
            limits,
            timeouts,
            deadline: Instant::now() + timeouts.total,
            tally,
        },
        method,
    })
}

/// The path with the credential's parameter behind what the guest sends; it must not send one itself. What
/// was matched and recorded is without it.
fn with_parameter(
    path_and_query: String,
    (name, pair): (&str, &SecretString),
    target: &Target,
) -> Result<String, NetError> {
    let query = path_and_query.split_once('?').map(|(_, query)| query);
    let own = query.into_iter().flat_map(|query| query.split('&'));
    let mut names = own.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    let same = |own: &str| {
        // A server may read `+` and percent-encoding in a name.
        let own = own.replace('+', " ");
        percent_decode_str(&own).eq(name.bytes())
    };
    if names.any(same) {
        return Err(NetError::new(
            NetErrorKind::HttpRequestDenied,
            format!("a request to {target} sends the parameter {name}, which is the credential's"),
        ));
    }
    let separator = if query.is_some() { '&' } else { '?' };
    Ok(format!(
        "{path_and_query}{separator}{}",
        pair.expose_secret()
    ))
}

/// Applies the rules of an answer.
pub(crate) fn finish(after: After, answer: Answer) -> Result<Inbound, NetError> {
    let Answer {
        status,
        mut headers,
        body,
        peer,
        reused,
        http_version,
    } = answer;
    let target = &after.target;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let text = format!("{target} changed protocols although nobody asked it to");
        let error = NetError::new(NetErrorKind::HttpUpgradeFailed, text);
        return Err(error.after_sending(peer));
    }
    let replaced = headers::clean_response(
        &mut headers,
        &after.method,
        target,
        &after.limits,
        after.redactor.as_ref(),
    )
    .map_err(|error| error.after_sending(peer))?;
    after.tally.add_redactions(replaced);
    let bounds = Bounds {
        target: after.target,
        peer,
        limits: after.limits,
        timeouts: after.timeouts,
        deadline: after.deadline,
        tally: after.tally,
    };
    let limited = LimitedBody::new(body, bounds);
    let body = match after.redactor {
        Some(redactor) => RedactedBody::new(limited, redactor).boxed_unsync(),
        None => limited.boxed_unsync(),
    };
    Ok(Inbound {
        status,
        headers,
        body,
        peer,
        reused,
        http_version,
        stripped: after.stripped,
    })
}

/// The path as it was matched, if it survives parsing unchanged.
fn path(text: String, target: &Target) -> Result<PathAndQuery, NetError> {
    if text.len() > TARGET_BYTES_MAX {
        return Err(NetError::new(
            NetErrorKind::HttpRequestUriTooLong,
            format!("the path of a request to {target} is longer than {TARGET_BYTES_MAX} bytes"),
        ));
    }
    PathAndQuery::try_from(text.as_str())
        .ok()
        .filter(|path| path.as_str() == text && text.starts_with('/'))
        .ok_or_else(|| {
            let text = format!("the path of a request to {target} cannot be sent as it is");
            NetError::new(NetErrorKind::HttpRequestUriInvalid, text)
        })
}

/// The authority as it was matched, if it survives parsing unchanged.
fn authority(target: &Target) -> Result<Authority, NetError> {
    let text = target.authority();
    Authority::try_from(text.as_str())
        .ok()
        .filter(|authority| {
            let host = authority.host();
            !host.is_empty() && host == target.host.to_string()
        })
        .ok_or_else(|| {
            let text = "the host of a request cannot be sent as it is".to_owned();
            NetError::new(NetErrorKind::HttpRequestUriInvalid, text)
        })
}
