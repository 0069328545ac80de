//! Servers in this process, requests to them, and a resolver that can change its mind.

use super::super::*;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use secrecy::SecretString;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub(super) const SECRET: &str = "sk-test/1234+567 890";

pub(super) type ServerBody = UnsyncBoxBody<Bytes, io::Error>;

/// A server, and what it has seen. Its task ends with the test's runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Server {
    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// HTTP/1 in clear.
pub(super) async fn serve<H, F>(handler: H) -> Server
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<ServerBody>> + Send + 'static,
{
    serve_on(handler, |stream| async move { Some((stream, false)) }).await
}

/// HTTP on what `wrap` makes of a stream; it also says whether that is HTTP/2.
pub(super) async fn serve_on<H, F, W, G, S>(handler: H, wrap: W) -> Server
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<ServerBody>> + Send + 'static,
    W: Fn(TcpStream) -> G + Clone + Send + 'static,
    G: Future<Output = Option<(S, bool)>> + Send,
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            shared.connections.fetch_add(1, Ordering::SeqCst);
            let (handler, seen, wrap) = (handler.clone(), Arc::clone(&shared), wrap.clone());
            tokio::spawn(async move {
                let Some((stream, http2)) = wrap(stream).await else {
                    return;
                };
                let service = service_fn(move |request| {
                    seen.requests.fetch_add(1, Ordering::SeqCst);
                    let response = handler(request);
                    async move { Ok::<_, Infallible>(response.await) }
                });
                let io = TokioIo::new(stream);
                if http2 {
                    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(io, service).await;
                } else {
                    let builder = hyper::server::conn::http1::Builder::new();
                    let _ = builder.serve_connection(io, service).await;
                }
            });
        }
    });
    Server { address, seen }
}

/// Writes the same bytes to everyone who sends a head, then closes.
pub(super) async fn serve_raw(answer: impl Into<Vec<u8>>) -> Server {
    let answer = Arc::new(answer.into());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            shared.connections.fetch_add(1, Ordering::SeqCst);
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut head = vec![0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    Server { address, seen }
}

pub(super) fn text(text: impl Into<Bytes>) -> Response<ServerBody> {
    let body = Full::new(text.into()).map_err(|never| match never {});
    Response::new(body.boxed_unsync())
}

/// A body that is fed by hand.
pub(super) fn fed<E: Send + 'static>() -> (Feeder<E>, UnsyncBoxBody<Bytes, E>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Feeder(sender), Fed(receiver).boxed_unsync())
}

pub(super) struct Feeder<E>(mpsc::UnboundedSender<Result<Frame<Bytes>, E>>);

impl<E> Feeder<E> {
    /// Says whether anybody still wants it.
    pub(super) fn data(&self, data: impl Into<Bytes>) -> bool {
        self.0.send(Ok(Frame::data(data.into()))).is_ok()
    }

    pub(super) fn fail(&self, error: E) {
        let _ = self.0.send(Err(error));
    }
}

struct Fed<E>(mpsc::UnboundedReceiver<Result<Frame<Bytes>, E>>);

impl<E> Body for Fed<E> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        self.0.poll_recv(cx)
    }
}

pub(super) fn client() -> Client {
    Client::new(ClientOptions::default()).unwrap()
}

/// Answers each lookup with the next list, and keeps to the last.
pub(super) struct Rebinding(Mutex<VecDeque<Vec<IpAddr>>>);

impl Rebinding {
    pub(super) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |list: &&[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

impl Resolver for Rebinding {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no answer")) })
    }
}

pub(super) fn client_with(resolver: Arc<dyn Resolver>) -> Client {
    Client::new(ClientOptions {
        resolver,
        ..ClientOptions::default()
    })
    .unwrap()
}

/// A request that may reach this machine only.
pub(super) fn request(method: Method, url: &str) -> OutboundRequest {
    let uri: http::Uri = url.parse().unwrap();
    let scheme = match uri.scheme_str() {
        Some("https") => Scheme::Https,
        _ => Scheme::Http,
    };
    let host = uri.host().unwrap();
    OutboundRequest {
        method,
        scheme,
        host: host
            .parse()
            .map_or_else(|_| Host::Name(host.to_owned()), Host::Ip),
        port: uri.port_u16().unwrap_or(scheme.default_port()),
        path_and_query: uri.path_and_query().unwrap().to_string(),
        headers: HeaderMap::new(),
        body: empty(),
        timeouts: Timeouts::default(),
        limits: Limits::default(),
        pool_key: key("a"),
        credential: None,
        address_check: only_loopback(),
        tally: Arc::default(),
        receipt: String::new(),
    }
}

pub(super) fn get(url: &str) -> OutboundRequest {
    request(Method::GET, url)
}

pub(super) fn only_loopback() -> AddressCheck {
    Arc::new(|address| {
        if address == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            Ok(())
        } else {
            Err("only this machine".to_owned())
        }
    })
}

pub(super) fn key(plugin: &str) -> PoolKey {
    PoolKey {
        plugin: plugin.to_owned(),
        session: "s".to_owned(),
        policy: "p".to_owned(),
        credential: None,
    }
}

pub(super) fn credential() -> Option<Injection> {
    let secret = SecretString::from(SECRET.to_owned());
    Some(Injection::header_of("authorization", "Bearer {}", secret).unwrap())
}

pub(super) fn empty() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn body(text: impl Into<Bytes>) -> RequestBody {
    Full::new(text.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub(super) fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let parse = |(name, value): &(&str, &str)| {
        (
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    fields.iter().map(parse).collect()
}

/// The whole body as text.
pub(super) async fn read(inbound: Inbound) -> Result<String, NetError> {
    let collected = inbound.body.collect().await?;
    Ok(String::from_utf8_lossy(&collected.to_bytes()).into_owned())
}

pub(super) fn code(error: &NetError) -> &'static str {
    error.kind().code()
}

/// Waits until something holds that other tasks bring about.
pub(super) async fn eventually(what: impl Fn() -> bool) {
    for _ in 0..500 {
        if what() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("did not come about in time");
}

/// Sends until a waiting connection is used; the pool gets it back a moment after the body's end.
pub(super) async fn settle() {
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
}
