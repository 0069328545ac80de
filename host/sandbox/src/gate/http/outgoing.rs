//! From the guest's request to a permit and a task.

use super::granted::{Granted, GrantedBody};
use super::net::{
    BodyError, Host, Injection, Limits, OutboundRequest, PoolKey, Scheme, Tally, Timeouts,
};
use super::task;
use crate::gate::decision::Attempt;
use crate::gate::kinds;
use crate::gate::record;
use crate::gate::scope::CallScope;
use crate::gate::table::HTTP_HANDLE;
use crate::state::State;
use http_body_util::{BodyExt, Empty};
use std::sync::Arc;
use std::time::Duration;
use tollgate_grants::{Authority, Decision, Effect, Reason, RequestUrl};
use wasmtime::StoreContextMut;
use wasmtime::component::Resource;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode, RequestOptions};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};

/// Characters of an unreadable URL that a record shows.
const SHOWN_CHARS_MAX: usize = 200;

type Answer = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

/// `wasi:http/outgoing-handler.handle`.
pub(super) async fn handle(
    store: &mut StoreContextMut<'_, State>,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> wasmtime::Result<Answer> {
    let options = match options {
        Some(options) => Some(store.data_mut().table.delete(options)?),
        None => None,
    };
    let body_bytes_max = store.data().http_body_bytes_max;
    let request = store.data_mut().table.delete(request)?;
    let scope = Arc::clone(&store.data().scope);
    let (method, url) = match target(&request) {
        Ok(target) => target,
        Err(unreadable) => {
            drop(request);
            return Ok(Err(unreadable.refuse(&scope).await));
        }
    };
    let effects = [Effect::Http {
        method: method.as_str(),
        url: &url,
    }];
    let attempt = Attempt {
        import: HTTP_HANDLE,
        kind: kinds::HTTP_REQUEST,
        target: format!("{method} {}", url.display_redacted()),
        whole: Some(format!("{method} {}", url.uri())),
        effects: &effects,
    };
    // Read before the decision is written: a request without the credential of its grant is a request
    // that the gate refuses, and not one that failed.
    let injection = match injection(&scope, &effects) {
        Ok(injection) => injection,
        Err(reason) => return Ok(refuse(&scope, &attempt, reason).await),
    };
    let Ok(permit) = scope.permit(&attempt).await else {
        return Ok(Err(ErrorCode::HttpRequestDenied));
    };
    let (name, credential) = injection.unzip();
    if permit.credential() != name.as_deref() {
        permit.cancel("not performed: its grant names another credential now");
        return Ok(refuse(&scope, &attempt, Reason::Revoked).await);
    }
    let Some(authority) = scope.authority() else {
        permit.cancel("not performed: the grants could not be read again");
        return Ok(refuse(&scope, &attempt, Reason::PolicyUnreadable).await);
    };
    let basis = permit.basis().clone();
    let granted = Granted::new(Arc::clone(&scope), method, url.clone(), basis);
    let outbound = outbound(
        &authority,
        &granted,
        &url,
        request,
        (options, body_bytes_max),
        (name, credential),
        permit.receipt(),
    );
    let pending = task::start(scope, permit, url, granted, outbound);
    let future = store.data_mut().table.push(pending)?;
    Ok(Ok(future))
}

/// A request that cannot be read in one way only.
struct Unreadable {
    shown: String,
    whole: String,
    reason: Reason,
    code: ErrorCode,
}

impl Unreadable {
    /// Refuses it, with its receipt.
    async fn refuse(self, scope: &Arc<CallScope>) -> ErrorCode {
        let attempt = Attempt {
            import: HTTP_HANDLE,
            kind: kinds::HTTP_REQUEST,
            target: self.shown,
            whole: Some(self.whole),
            effects: &[],
        };
        scope.refuse_for(&attempt, self.reason).await;
        self.code
    }
}

/// Method and URL.
fn target(request: &HostOutgoingRequest) -> Result<(http::Method, RequestUrl), Unreadable> {
    let scheme = match &request.scheme {
        Some(types::Scheme::Http) => "http",
        Some(types::Scheme::Https) | None => "https",
        Some(types::Scheme::Other(other)) => other.as_str(),
    };
    let authority = request.authority.as_deref().unwrap_or_default();
    let path = request.path_with_query.as_deref().unwrap_or("/");
    let method: Result<http::Method, _> = request.method.clone().try_into();
    let url = RequestUrl::parse(scheme, authority, path);
    let unsupported = (Reason::Unsupported, ErrorCode::HttpRequestMethodInvalid);
    let (asked, (reason, code)) = match (method, url) {
        (Ok(method @ (http::Method::CONNECT | http::Method::TRACE)), _) => {
            (format!("{method} "), unsupported)
        }
        (Err(_), _) => (String::new(), unsupported),
        (Ok(method), Ok(url)) => return Ok((method, url)),
        (Ok(method), Err(_)) => {
            let refused = (Reason::UrlAmbiguous, ErrorCode::HttpRequestDenied);
            (format!("{method} "), refused)
        }
    };
    let whole = format!("{scheme}://{authority}{path}");
    let without_query = whole.split(['?', '#']).next().unwrap_or_default();
    // User information is never shown, whole or in part.
    let shown = match without_query.rsplit_once('@') {
        Some((_, rest)) => format!("{scheme}://…@{rest}"),
        None => without_query.to_owned(),
    };
    Err(Unreadable {
        shown: asked
            .chars()
            .chain(shown.chars())
            .take(SHOWN_CHARS_MAX)
            .collect(),
        whole: format!("{asked}{whole}"),
        reason,
        code,
    })
}

/// Refuses an attempt, with its receipt, in the row's denial form.
async fn refuse(scope: &Arc<CallScope>, attempt: &Attempt<'_>, reason: Reason) -> Answer {
    scope.refuse_for(attempt, reason).await;
    Err(ErrorCode::HttpRequestDenied)
}

/// The credential that the grant of these effects adds, with its name. None where none is named, and
/// where nothing is granted: that is for the decision to say.
fn injection(
    scope: &CallScope,
    effects: &[Effect<'_>],
) -> Result<Option<(String, Injection)>, Reason> {
    if scope.caller.bare {
        return Ok(None);
    }
    let Some(authority) = scope.authority() else {
        return Ok(None);
    };
    let now_us = record::now_us();
    let named = effects
        .iter()
        .filter_map(|effect| match authority.decide(effect, now_us) {
            Decision::Allowed(allowed) => allowed.credential,
            Decision::Denied(_) | Decision::Asked(_) => None,
        })
        .next_back();
    let Some(name) = named else {
        return Ok(None);
    };
    let unavailable = Reason::CredentialUnavailable;
    let rule = authority.credential(&name).ok_or(unavailable)?;
    let secret = scope.host.credentials.secret(&name, rule);
    let secret = secret.map_err(|_| unavailable)?;
    let injection = Injection::of(&rule.inject, secret);
    injection
        .map(|injection| Some((name, injection)))
        .map_err(|_| unavailable)
}

fn outbound(
    authority: &Authority,
    granted: &Arc<Granted>,
    url: &RequestUrl,
    request: HostOutgoingRequest,
    (options, body_bytes_max): (Option<RequestOptions>, u64),
    (credential_name, credential): (Option<String>, Option<Injection>),
    receipt: &str,
) -> OutboundRequest {
    let defaults = Timeouts::default();
    let bounded = |asked: Option<Duration>, most: Duration| asked.map_or(most, |a| a.min(most));
    let timeouts = Timeouts {
        connect: bounded(options.and_then(|o| o.connect_timeout), defaults.connect),
        first_byte: bounded(
            options.and_then(|o| o.first_byte_timeout),
            defaults.first_byte,
        ),
        between_bytes: bounded(
            options.and_then(|o| o.between_bytes_timeout),
            defaults.between_bytes,
        ),
        total: defaults.total,
    };
    let body = match request.body {
        Some(body) => GrantedBody {
            inner: body.map_err(|_| BodyError),
            granted: Arc::clone(granted),
            revoked: || BodyError,
        }
        .boxed_unsync(),
        None => Empty::new().map_err(|never| match never {}).boxed_unsync(),
    };
    let caller = &granted.scope().caller;
    let judge = Arc::clone(granted);
    OutboundRequest {
        method: granted.method().clone(),
        scheme: match url.scheme() {
            tollgate_grants::Scheme::Http => Scheme::Http,
            tollgate_grants::Scheme::Https => Scheme::Https,
        },
        host: match url.host() {
            tollgate_grants::Host::Name(name) => Host::Name(name.clone()),
            tollgate_grants::Host::V4(v4) => Host::Ip((*v4).into()),
            tollgate_grants::Host::V6(v6) => Host::Ip((*v6).into()),
        },
        port: url.port(),
        path_and_query: match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        },
        headers: request.headers.into(),
        body,
        timeouts,
        limits: Limits {
            request_body_bytes_max: body_bytes_max,
            response_body_bytes_max: body_bytes_max,
            ..Limits::default()
        },
        pool_key: PoolKey {
            plugin: caller.plugin.name.clone(),
            session: caller.session.clone(),
            // The generation is part of it, so that a revoked grant ends its connections.
            policy: format!("{}/{}", authority.policy_digest(), authority.generation()),
            credential: credential_name,
        },
        credential,
        address_check: Arc::new(move |address| {
            judge
                .may_reach(address)
                .map_err(|reason| reason.label().to_owned())
        }),
        tally: Arc::new(Tally::default()),
        receipt: receipt.to_owned(),
    }
}
