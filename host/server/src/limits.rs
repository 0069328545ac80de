//! Bounds on what clients can make grow.

use std::time::Duration;

/// The bounds of one server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls of one client that run at once; more wait.
    pub calls_live_max: usize,
    /// Calls of one client that wait; more are refused.
    pub calls_waiting_max: usize,
    /// Bytes of one message of a client.
    pub message_bytes_max: usize,
    /// Sessions over HTTP at once.
    pub sessions_max: usize,
    /// HTTP connections at once.
    pub connections_max: usize,
    /// How long a session over HTTP may say nothing.
    pub session_idle: Duration,
    /// How long an HTTP client may take to send the head of a request.
    pub request_head: Duration,
    /// Events of one stream that are kept for a client that comes back.
    pub stream_events_max: usize,
    /// Bytes of all events that are kept.
    pub events_bytes_max: usize,
    /// How long the events of a stream are kept after the last.
    pub events_kept: Duration,
    /// Tools on one page of the list.
    pub page_tools_max: usize,
    /// How often a client that asked for progress hears that a call still runs.
    pub heartbeat: Duration,
    /// How often the host is asked whether the tools have changed.
    pub look: Duration,
    /// How long calls may take to settle when the server ends.
    pub settle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_live_max: 64,
            calls_waiting_max: 512,
            message_bytes_max: 4 * 1024 * 1024,
            sessions_max: 64,
            connections_max: 256,
            session_idle: Duration::from_secs(3600),
            request_head: Duration::from_secs(10),
            stream_events_max: 256,
            events_bytes_max: 64 * 1024 * 1024,
            events_kept: Duration::from_secs(300),
            page_tools_max: 64,
            heartbeat: Duration::from_secs(5),
            look: Duration::from_millis(500),
            settle: Duration::from_secs(5),
        }
    }
}
