//! Requests of the protocol, answered at the desk.

use super::sessions::Seats;
use super::told::{self, Told};
use super::wire;
use crate::desk::{CallRefused, Desk, ListError, about};
use crate::seat::Seat;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, DiscoverResult, ErrorCode, Implementation,
    InitializeRequestParams, InitializeResult, ListToolsResult, PaginatedRequestParams,
    ProtocolVersion, ServerCapabilities, ServerConfig, SubscriptionFilter,
};
use rmcp::service::{NotificationContext, Peer, RequestContext, RoleServer, SubscriptionContext};
use rmcp::{ErrorData, ServerHandler};
use std::sync::Arc;

/// The header that names a session over HTTP.
pub(super) const SESSION_HEADER: &str = "mcp-session-id";

/// Whose requests a handler answers.
#[derive(Clone)]
pub(super) enum Whose {
    /// Those of one client.
    One(Arc<Seat>),
    /// Those of the sessions of an HTTP server; what belongs to none is the first seat's.
    Many(Arc<Seat>, Arc<Seats>),
}

/// Answers the requests of one connection or session.
#[derive(Clone)]
pub(super) struct Handler {
    desk: Arc<Desk>,
    whose: Whose,
}

impl Handler {
    pub(super) fn new(desk: Arc<Desk>, whose: Whose) -> Self {
        Self { desk, whose }
    }

    /// The seat of a request. A session that is over has none, and its requests are refused.
    fn seat(&self, context: &RequestContext<RoleServer>) -> Result<Arc<Seat>, ErrorData> {
        let (shared, seats) = match &self.whose {
            Whose::One(seat) => return Ok(Arc::clone(seat)),
            Whose::Many(shared, seats) => (shared, seats),
        };
        if stateless(context.meta.protocol_version().as_ref()) {
            return Ok(Arc::clone(shared));
        }
        let id = context
            .extensions
            .get::<http::request::Parts>()
            .and_then(|parts| parts.headers.get(SESSION_HEADER))
            .and_then(|id| id.to_str().ok());
        match id {
            None => Ok(Arc::clone(shared)),
            Some(id) => seats
                .get(id)
                .ok_or_else(|| ErrorData::invalid_request("the session is over", None)),
        }
    }

    /// Tells a client of an older version that the tools have changed, until it is gone.
    fn tell_changes(&self, peer: Peer<RoleServer>, seat: Option<Arc<Seat>>) {
        let mut changes = self.desk.changes();
        tokio::spawn(async move {
            let over = async {
                match &seat {
                    Some(seat) => seat.ended().await,
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(over);
            loop {
                tokio::select! {
                    () = &mut over => return,
                    changed = changes.changed() => if changed.is_err() { return },
                }
                if peer.is_transport_closed() || peer.notify_tool_list_changed().await.is_err() {
                    return;
                }
            }
        });
    }

    fn info(&self, seat: Option<&Seat>) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        let mut info = InitializeResult::new(capabilities)
            .with_server_info(Implementation::new("tollgate", env!("CARGO_PKG_VERSION")));
        if let Some(seat) = seat {
            info.instructions = self.desk.host().instructions(seat.session());
            info.meta = wire::meta(about(seat));
        }
        info
    }
}

/// Whether the version has no sessions.
fn stateless(version: Option<&ProtocolVersion>) -> bool {
    version.is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        self.info(None)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        let negotiated = self.negotiate_initialize(&request)?;
        // Over HTTP the session has no seat that this request could name: its id is in the answer's head.
        let seat = match &self.whose {
            Whose::One(seat) => Some(seat),
            Whose::Many(..) => None,
        };
        let mut info = self.info(seat.map(Arc::as_ref));
        if let Whose::Many(shared, _) = &self.whose {
            info.instructions = self.desk.host().instructions(shared.session());
        }
        Ok(info.with_protocol_version(negotiated.protocol_version))
    }

    async fn discover(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<DiscoverResult, ErrorData> {
        let seat = self.seat(&context)?;
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(
            versions,
            self.info(Some(&seat)),
        ))
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let seat = match &self.whose {
            Whose::One(seat) => Some(Arc::clone(seat)),
            Whose::Many(_, seats) => context
                .extensions
                .get::<http::request::Parts>()
                .and_then(|parts| parts.headers.get(SESSION_HEADER))
                .and_then(|id| id.to_str().ok())
                .and_then(|id| seats.get(id)),
        };
        self.tell_changes(context.peer, seat);
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let seat = self.seat(context.request_context())?;
        let mut changes = self.desk.changes();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                () = seat.ended() => return Ok(()),
                changed = changes.changed() => if changed.is_err() { return Ok(()) },
            }
            if context.sink().notify_tool_list_changed().await.is_err() {
                return Ok(());
            }
        }
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        let listed = self.desk.list(cursor.as_deref()).await;
        let (cards, next) = listed.map_err(|error| match error {
            ListError::Page(error) => ErrorData::invalid_params(error.to_string(), None),
            ListError::Host(error) => internal(self, &error),
        })?;
        let mut result =
            ListToolsResult::with_all_items(cards.into_iter().map(wire::tool).collect());
        result.next_cursor = next;
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let seat = self.seat(&context)?;
        let arguments = serde_json::Value::Object(request.arguments.unwrap_or_default());
        let progress = context
            .meta
            .get_progress_token()
            .map(|token| Told::new(&context.peer, token, &request.name));
        let (reports, heard) = told::channel(progress.is_some());
        let call = self
            .desk
            .call(&seat, &request.name, arguments.to_string(), reports);
        let call = told::beside(call, progress, heard, self.desk.limits().heartbeat);
        let called = tokio::select! {
            called = call => called,
            () = context.ct.cancelled() => return Err(cancelled()),
            () = seat.ended() => return Err(cancelled()),
        };
        match called {
            Ok(answer) => Ok(CallToolResponse::from(wire::result(answer))),
            Err(error @ CallRefused::NoSuchTool(_)) => {
                Err(ErrorData::invalid_params(error.to_string(), None))
            }
            Err(CallRefused::Host(error)) => Err(internal(self, &error)),
        }
    }
}

/// The operator is told what; the client is told that.
fn internal(handler: &Handler, error: &crate::HostError) -> ErrorData {
    handler.desk.host().trouble(&error.to_string());
    ErrorData::internal_error("the host cannot say which tools there are", None)
}

/// Said to nobody in most cases: whoever cancelled listens no more.
fn cancelled() -> ErrorData {
    ErrorData::new(ErrorCode::INTERNAL_ERROR, "the call was cancelled", None)
}
