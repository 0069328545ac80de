//! The client: one connection, one request, one answer.
//!
//! It stands on hyper's own connections rather than on a ready-made client, because only so can a
//! connection's peer be checked between taking it from the pool and writing to it.
//!
//! A request is written once. The only time that another connection is taken is when hyper hands the
//! request back unwritten, because the peer had closed a waiting connection in that moment.

use super::connector::{self, Connected};
use super::error::{NetError, NetErrorKind};
use super::exchange::{self, Answer, Ready, Route};
use super::pool::{Pool, Pooled, Sender, Ticket};
use super::request::{Inbound, OutboundRequest, PoolKey, Scheme, Target};
use super::resolver::{Resolver, SystemResolver};
use super::tls::TlsRoots;
use super::upload::{Fault, UploadBody};
use http::header::{CONTENT_LENGTH, HOST, TE};
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Connections of one client that are open at once, busy and idle.
pub const CONNECTIONS_MAX: usize = 256;

/// Header fields of one answer that are read.
const HEADERS_READ_MAX: usize = 256;

/// Bytes of an answer's head that are read, whatever a request allows.
const HEADER_BYTES_READ_MAX: u32 = 256 * 1024;

/// How hyper says so; its question for it exists in servers only.
const HEAD_TOO_LARGE: &str = "message head is too large";

/// HTTP/2 flow control, for one stream and for one connection.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// How a client is built.
pub struct ClientOptions {
    /// Whom TLS trusts.
    pub roots: TlsRoots,
    /// Who looks names up.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            roots: TlsRoots::default(),
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// Performs requests over the network. Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Client {
    resolver: Arc<dyn Resolver>,
    tls: Arc<ClientConfig>,
    pool: Pool,
    room: Arc<Semaphore>,
}

impl Client {
    /// A client without connections.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(options: ClientOptions) -> Result<Self, NetError> {
        let tls = options.roots.config().map_err(|_| {
            NetError::new(NetErrorKind::ConfigurationError, "tls could not be set up")
        })?;
        Ok(Self {
            resolver: options.resolver,
            tls,
            pool: Pool::default(),
            room: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        })
    }

    /// Who looks names up.
    pub(crate) fn resolver(&self) -> Arc<dyn Resolver> {
        Arc::clone(&self.resolver)
    }

    /// Sends one request and waits for the head of its answer. Dropping the future gives the request
    /// up; dropping the answer's body gives the rest of the answer up.
    ///
    /// # Errors
    ///
    /// See [`NetErrorKind`]; [`NetError::sent`] says whether bytes may have reached the peer.
    pub async fn send(&self, request: OutboundRequest) -> Result<Inbound, NetError> {
        let ready = exchange::prepare(request)?;
        let Ready {
            method,
            authority,
            path,
            headers,
            body,
            pool_key,
            route,
            after,
        } = ready;
        let fault = body.fault();
        let length = body.length();
        let mut request = Request::new(body);
        *request.headers_mut() = headers;
        // RFC 9110 §8.6: a method that means a body says so when there is none.
        let needs_length = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
        if let Some(length) = length.filter(|length| *length > 0 || needs_length) {
            request
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        *request.method_mut() = method;
        *request.uri_mut() = Uri::builder()
            .scheme(route.target.scheme.as_str())
            .authority(authority)
            .path_and_query(path)
            .build()
            .map_err(|_| {
                let text = format!("the target {} cannot be sent as it is", route.target);
                NetError::new(NetErrorKind::HttpRequestUriInvalid, text)
            })?;
        let connect_by = (Instant::now() + after.timeouts.connect).min(after.deadline);
        let exchange = Exchange {
            client: self,
            ticket: self.pool.ticket(&pool_key, &route.target),
            route: &route,
            connect_by,
            first_byte: after.timeouts.first_byte,
            deadline: after.deadline,
            fault,
        };
        let answer = exchange.run(request).await?;
        exchange::finish(after, answer)
    }

    /// Closes the idle connections of the keys that `named` picks, and sees to it that none of their
    /// busy ones is used again. Returns how many were closed. For revocation.
    pub fn drop_pool(&self, named: impl Fn(&PoolKey) -> bool) -> usize {
        self.pool.drop_keys(named)
    }

    /// Room for one more connection; idle ones make way.
    async fn room(&self, target: &Target, by: Instant) -> Result<OwnedSemaphorePermit, NetError> {
        let room = Arc::clone(&self.room);
        if let Ok(permit) = room.clone().try_acquire_owned() {
            return Ok(permit);
        }
        self.pool.close_idle();
        match timeout_at(by, room.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(NetError::new(
                NetErrorKind::ConnectionLimitReached,
                format!("no room for a connection to {target}: {CONNECTIONS_MAX} are open"),
            )),
        }
    }

    async fn connect(&self, route: &Route, by: Instant) -> Result<Pooled, NetError> {
        let target = &route.target;
        let permit = self.room(target, by).await?;
        let check = |address| route.check(address);
        let how = connector::How {
            resolver: self.resolver.as_ref(),
            tls: &self.tls,
            receipt: &route.receipt,
        };
        let connected = connector::connect(target, how, &check, by).await?;
        let peer = connected.peer;
        let sender = match timeout_at(by, speak(connected, permit)).await {
            Ok(Ok(sender)) => sender,
            Ok(Err(error)) => return Err(before_answer(target, &error)),
            Err(_) => {
                let text = format!("{target} could not be connected to in time");
                return Err(NetError::new(NetErrorKind::ConnectionTimeout, text));
            }
        };
        Ok(Pooled { sender, peer })
    }
}

/// Starts HTTP on a connection. Its task holds the permit until the connection has ended.
async fn speak(connected: Connected, permit: OwnedSemaphorePermit) -> hyper::Result<Sender> {
    let io = TokioIo::new(connected.io);
    if connected.http2 {
        let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(HEADER_BYTES_READ_MAX)
            .handshake(io)
            .await?;
        tokio::spawn(async move {
            // How a connection ends is told to the request that it breaks.
            let _ = connection.await;
            drop(permit);
        });
        sender.ready().await?;
        Ok(Sender::Two(sender))
    } else {
        let (mut sender, connection) = http1::Builder::new()
            .max_headers(HEADERS_READ_MAX)
            .max_buf_size(HEADER_BYTES_READ_MAX as usize)
            .handshake(io)
            .await?;
        tokio::spawn(async move {
            let _ = connection.await;
            drop(permit);
        });
        sender.ready().await?;
        Ok(Sender::One(sender))
    }
}

/// One request on its way.
struct Exchange<'a> {
    client: &'a Client,
    ticket: Ticket,
    route: &'a Route,
    connect_by: Instant,
    first_byte: std::time::Duration,
    deadline: Instant,
    fault: Fault,
}

/// What came of writing a request to one connection.
enum Written {
    Answered(Response<Incoming>),
    /// Nothing was written; here it is again.
    Unwritten(Request<UploadBody>),
    Failed(NetError),
}

impl Exchange<'_> {
    async fn run(&self, mut request: Request<UploadBody>) -> Result<Answer, NetError> {
        let allowed = |peer: SocketAddr| self.route.check(peer.ip()).is_ok();
        let pool = &self.client.pool;
        while let Some(connection) = pool.take(&self.ticket, allowed) {
            let peer = connection.peer;
            match self.write(connection, request).await {
                Written::Answered(response) => return Ok(self.answer(response, peer, true)),
                Written::Unwritten(back) => request = back,
                Written::Failed(error) => return Err(error),
            }
        }
        let connection = self.client.connect(self.route, self.connect_by).await?;
        let peer = connection.peer;
        if let Sender::Two(sender) = &connection.sender {
            let sender = Sender::Two(sender.clone());
            pool.put(&self.ticket, Pooled { sender, peer });
        }
        match self.write(connection, request).await {
            Written::Answered(response) => Ok(self.answer(response, peer, false)),
            Written::Unwritten(_) => Err(terminated(&self.route.target)),
            Written::Failed(error) => Err(error),
        }
    }

    async fn write(&self, connection: Pooled, mut request: Request<UploadBody>) -> Written {
        let Pooled { sender, peer } = connection;
        let by = (Instant::now() + self.first_byte).min(self.deadline);
        let outcome = match sender {
            Sender::One(mut sender) => {
                to_origin_form(&mut request);
                let outcome = timeout_at(by, sender.try_send_request(request)).await;
                if matches!(outcome, Ok(Ok(_))) {
                    self.come_back(sender, peer);
                }
                outcome
            }
            Sender::Two(mut sender) => {
                to_absolute_form(&mut request, &self.route.target);
                timeout_at(by, sender.try_send_request(request)).await
            }
        };
        let target = &self.route.target;
        match outcome {
            Ok(Ok(response)) => Written::Answered(response),
            Ok(Err(mut failed)) => match failed.take_message() {
                Some(request) => Written::Unwritten(request),
                None => {
                    let fault = self.fault.get().cloned();
                    let error = fault.unwrap_or_else(|| before_answer(target, failed.error()));
                    Written::Failed(error.after_sending(Some(peer)))
                }
            },
            Err(_) => {
                let text = format!("{target} did not answer in time");
                let error = NetError::new(NetErrorKind::HttpResponseTimeout, text);
                Written::Failed(error.after_sending(Some(peer)))
            }
        }
    }

    /// Returns an HTTP/1 connection to the pool once its answer has been read to the end.
    fn come_back(&self, mut sender: http1::SendRequest<UploadBody>, peer: SocketAddr) {
        let (pool, ticket) = (self.client.pool.clone(), self.ticket.clone());
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                pool.put(
                    &ticket,
                    Pooled {
                        sender: Sender::One(sender),
                        peer,
                    },
                );
            }
        });
    }

    fn answer(&self, response: Response<Incoming>, peer: SocketAddr, reused: bool) -> Answer {
        let target = self.route.target.clone();
        let fault = Arc::clone(&self.fault);
        let (head, body) = response.into_parts();
        let body = body.map_err(move |error| {
            let fault = fault.get().cloned();
            fault
                .unwrap_or_else(|| within_answer(&target, &error))
                .after_sending(Some(peer))
        });
        Answer {
            status: head.status,
            headers: head.headers,
            body: body.boxed_unsync(),
            peer: Some(peer),
            reused,
            http_version: head.version,
        }
    }
}

/// HTTP/1: the path in the first line, the host in a field; no `te`, which would need `connection`.
fn to_origin_form(request: &mut Request<UploadBody>) {
    let uri = request.uri();
    let host = uri
        .authority()
        .and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    let path = uri.path_and_query().cloned().map(Uri::from);
    if let (Some(host), Some(path)) = (host, path) {
        request.headers_mut().insert(HOST, host);
        *request.uri_mut() = path;
    }
    request.headers_mut().remove(TE);
    *request.version_mut() = Version::HTTP_11;
}

/// HTTP/2: scheme, authority and path from the URI. A request that an HTTP/1 connection handed back
/// has lost the first two.
fn to_absolute_form(request: &mut Request<UploadBody>, target: &Target) {
    request.headers_mut().remove(HOST);
    if request.uri().authority().is_none() {
        let path = request.uri().path_and_query().cloned();
        let rebuilt = Uri::builder()
            .scheme(target.scheme.as_str())
            .authority(target.authority());
        if let Some(uri) = path.and_then(|path| rebuilt.path_and_query(path).build().ok()) {
            *request.uri_mut() = uri;
        }
    }
    *request.version_mut() = Version::HTTP_2;
}

fn terminated(target: &Target) -> NetError {
    let text = format!("{target} ended the connection before it answered");
    NetError::new(NetErrorKind::ConnectionTerminated, text)
}

/// An error before the head of the answer was whole.
fn before_answer(target: &Target, error: &hyper::Error) -> NetError {
    if let Some(cause) = tls_below(target, error) {
        return cause;
    }
    if error.to_string() == HEAD_TOO_LARGE {
        let kind = NetErrorKind::HttpResponseHeaderSectionSize(Some(HEADER_BYTES_READ_MAX));
        let text = format!("{target} answered with more headers than are read");
        return NetError::new(kind, text);
    }
    if error.is_parse() {
        let hint = match target.scheme {
            Scheme::Http => "; is it an https port?",
            Scheme::Https => "",
        };
        let text = format!("{target} answered with something that is not http{hint}");
        return NetError::new(NetErrorKind::HttpProtocolError, text);
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() || io_below(error)
    {
        return terminated(target);
    }
    let text = format!("{target} broke the rules of http");
    NetError::new(NetErrorKind::HttpProtocolError, text)
}

/// An error within the body of the answer.
fn within_answer(target: &Target, error: &hyper::Error) -> NetError {
    if let Some(cause) = tls_below(target, error) {
        return cause;
    }
    if error.is_incomplete_message() || error.is_closed() || io_below(error) {
        let text = format!("{target} ended the connection within its answer");
        return NetError::new(NetErrorKind::HttpResponseIncomplete, text);
    }
    let text = format!("{target} broke the rules of http within its answer");
    NetError::new(NetErrorKind::HttpProtocolError, text)
}

fn causes(error: &hyper::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

fn io_below(error: &hyper::Error) -> bool {
    causes(error).any(|cause| cause.is::<io::Error>())
}

fn tls_below(target: &Target, error: &hyper::Error) -> Option<NetError> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .find_map(|cause| connector::tls_cause(target, cause))
}
