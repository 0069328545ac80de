//! The door over HTTP: connections, who may come in, a clean end.
//!
//! HTTP/1.1 without TLS, for loopback: what comes from farther away belongs behind a proxy that ends TLS.

mod guard;
mod token;

pub use guard::{Guard, PATH, Refusal};
pub use token::{Token, TokenError};

use crate::desk::Desk;
use crate::mcp::service::{Answered, Service};
use crate::seat::Seat;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes that the head of a request may have.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long to wait after a connection could not be taken, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is cancelled, then ends sessions, calls and connections.
/// What belongs to no session is `shared`'s.
pub async fn serve(
    desk: Arc<Desk>,
    shared: Arc<Seat>,
    listener: TcpListener,
    guard: Guard,
    stop: CancellationToken,
) {
    let limits = *desk.limits();
    let service = Service::new(Arc::clone(&desk), Arc::clone(&shared), stop.clone());
    let door = Arc::new(Door { guard, service });
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let connections = TaskTracker::new();
    let watch = tokio::spawn({
        let desk = Arc::clone(&desk);
        async move { desk.watch().await }
    });
    loop {
        let (stream, place) = tokio::select! {
            () = stop.cancelled() => break,
            taken = take(&listener, &places) => match taken {
                Some(taken) => taken,
                None => {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let (door, stop) = (Arc::clone(&door), stop.clone());
        connections.spawn(async move {
            connection(stream, door, limits.request_head, stop).await;
            drop(place);
        });
    }
    drop(listener);
    shared.end();
    door.service.end();
    connections.close();
    // Who does not let go in time is dropped with the runtime.
    let _ = tokio::time::timeout(limits.settle, connections.wait()).await;
    watch.abort();
}

/// A connection, once there is a place for it.
async fn take(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    Some((stream, place))
}

async fn connection(stream: TcpStream, door: Arc<Door>, head: Duration, stop: CancellationToken) {
    // Without it an answer waits for the acknowledgement of its head.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(door.answer(request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        // A client that breaks off is its own affair.
        _ = &mut serving => return,
        () = stop.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

struct Door {
    guard: Guard,
    service: Service,
}

impl Door {
    async fn answer(&self, request: Request<Incoming>) -> Answered {
        let mut response = match self.guard.admit(request.uri(), request.headers()) {
            Ok(()) => self.service.answer(request).await,
            Err(refusal) => refused(&refusal),
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

fn refused(refusal: &Refusal) -> Answered {
    let text = Bytes::from(format!("{refusal}\n"));
    let mut response = Response::new(Full::new(text).boxed());
    *response.status_mut() = match refusal {
        Refusal::Host { .. } | Refusal::Origin => StatusCode::FORBIDDEN,
        Refusal::Token => StatusCode::UNAUTHORIZED,
        Refusal::Path => StatusCode::NOT_FOUND,
    };
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    if *refusal == Refusal::Token {
        // RFC 6750, section 3.
        let bearer = HeaderValue::from_static("Bearer realm=\"tollgate\"");
        headers.insert(WWW_AUTHENTICATE, bearer);
    }
    response
}
