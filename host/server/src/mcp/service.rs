//! The protocol over HTTP, behind the door ([`crate::http`]).

use super::handler::{Handler, Whose};
use super::sessions::{Seats, Sessions};
use crate::desk::Desk;
use crate::seat::Seat;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use std::convert::Infallible;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A response as the library makes it.
pub(crate) type Answered = Response<BoxBody<Bytes, Infallible>>;

/// Answers requests that have passed the door.
#[derive(Clone)]
pub(crate) struct Service {
    library: StreamableHttpService<Handler, Sessions>,
    seats: Arc<Seats>,
}

impl Service {
    /// Requests that belong to no session are `shared`'s.
    pub(crate) fn new(desk: Arc<Desk>, shared: Arc<Seat>, stop: CancellationToken) -> Self {
        let limits = *desk.limits();
        let seats = Arc::new(Seats::new(Arc::clone(desk.host()), &limits));
        let handler = Handler::new(desk, Whose::Many(shared, Arc::clone(&seats)));
        let sessions = Sessions::new(Arc::clone(&seats), &limits);
        // Hosts and origins are the door's business.
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_json_response(true)
            .with_max_request_body_bytes(limits.message_bytes_max)
            .with_cancellation_token(stop);
        Self {
            library: StreamableHttpService::new(
                move || Ok(handler.clone()),
                Arc::new(sessions),
                config,
            ),
            seats,
        }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Answered {
        let ends = request.method() == Method::DELETE;
        let mut response = self.library.handle(request).await;
        if ends && response.status() == StatusCode::ACCEPTED {
            // It is done, not only accepted; clients take the other word for a failure.
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR && self.seats.full() {
            // The library knows one way to say that a session cannot be had.
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response
    }

    /// Ends every session.
    pub(crate) fn end(&self) {
        self.seats.end_all();
    }
}
