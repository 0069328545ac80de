//! One client over standard input and output.
//!
//! Standard output carries the protocol and nothing else. The client is gone when standard input ends:
//! what it had asked for is given a few seconds (the library's drain), then it is cancelled.

use super::handler::{Handler, Whose};
use crate::desk::Desk;
use crate::seat::Seat;
use rmcp::service::{QuitReason, ServerInitializeError, serve_server_with_ct};
use rmcp::transport::async_rw::AsyncRwTransport;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Why serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdioEnd {
    /// The client went away.
    Gone,
    /// It was told to.
    Stopped,
    /// The client did not speak the protocol.
    NotSpoken,
}

/// Serves one client until it is gone or `stop` is cancelled.
pub async fn serve_stdio(desk: Arc<Desk>, seat: Arc<Seat>, stop: CancellationToken) -> StdioEnd {
    let handler = Handler::new(Arc::clone(&desk), Whose::One(Arc::clone(&seat)));
    let (read, write) = rmcp::transport::stdio_pipes();
    let transport =
        AsyncRwTransport::new(read, write).with_max_line_length(desk.limits().message_bytes_max);
    let watch = tokio::spawn({
        let desk = Arc::clone(&desk);
        async move { desk.watch().await }
    });
    // Calls end at once when the process is told to.
    let ends = tokio::spawn({
        let (seat, stop) = (Arc::clone(&seat), stop.clone());
        async move {
            stop.cancelled().await;
            seat.end();
        }
    });
    let end = match serve_server_with_ct(handler, transport, stop.clone()).await {
        Ok(service) => match service.waiting().await {
            Ok(QuitReason::Cancelled) => StdioEnd::Stopped,
            _ => StdioEnd::Gone,
        },
        Err(ServerInitializeError::Cancelled) => StdioEnd::Stopped,
        Err(ServerInitializeError::ConnectionClosed(_)) => StdioEnd::Gone,
        Err(_) => StdioEnd::NotSpoken,
    };
    seat.end();
    watch.abort();
    ends.abort();
    end
}
