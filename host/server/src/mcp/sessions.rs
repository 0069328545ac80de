//! Sessions over HTTP: each has a seat, and there are only so many.

use super::events::Events;
use crate::host::Host;
use crate::limits::Limits;
use crate::seat::Seat;
use futures::Stream;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionManager, LocalSessionManagerError,
};
use rmcp::transport::streamable_http_server::session::{
    RestoreOutcome, ServerSseMessage, SessionId, SessionManager,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The seats of an HTTP server, by the id of their session.
pub(crate) struct Seats {
    host: Arc<dyn Host>,
    limits: Limits,
    seats: Mutex<HashMap<String, Arc<Seat>>>,
}

/// Why a session cannot be had or used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// There are too many.
    #[error("{0} sessions are open, which is the most; end one, or come again later")]
    Full(usize),
    /// An id.
    #[error(transparent)]
    Id(#[from] tollgate_contract::IdError),
    /// The library could not make it.
    #[error("the session could not be made")]
    NotMade,
    /// The library's own.
    #[error(transparent)]
    Library(#[from] LocalSessionManagerError),
}

impl Seats {
    pub(crate) fn new(host: Arc<dyn Host>, limits: &Limits) -> Self {
        Self {
            host,
            limits: *limits,
            seats: Mutex::default(),
        }
    }

    /// The seat of a session that is open.
    pub(super) fn get(&self, session: &str) -> Option<Arc<Seat>> {
        self.lock().get(session).cloned()
    }

    /// Whether there is no place for one more.
    pub(crate) fn full(&self) -> bool {
        self.lock().len() >= self.limits.sessions_max
    }

    /// Ends all of them.
    pub(crate) fn end_all(&self) {
        let all: Vec<String> = self.lock().keys().cloned().collect();
        for session in all {
            self.end(&session);
        }
    }

    fn open(&self) -> Result<Arc<Seat>, SessionError> {
        let seat = Arc::new(Seat::new(&self.limits)?);
        {
            let mut seats = self.lock();
            if seats.len() >= self.limits.sessions_max {
                return Err(SessionError::Full(self.limits.sessions_max));
            }
            seats.insert(seat.session().to_string(), Arc::clone(&seat));
        }
        self.host.opened(seat.session());
        Ok(seat)
    }

    fn end(&self, session: &str) {
        let seat = self.lock().remove(session);
        if let Some(seat) = seat {
            seat.end();
            self.host.ended(seat.session());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The library's sessions, each with a seat.
pub(super) struct Sessions {
    library: LocalSessionManager,
    seats: Arc<Seats>,
    events: Arc<Events>,
}

impl Sessions {
    pub(super) fn new(seats: Arc<Seats>, limits: &Limits) -> Self {
        let events = Arc::new(Events::new(limits));
        let mut library = LocalSessionManager::default();
        library.session_config.keep_alive = Some(limits.session_idle);
        Self {
            library: library.with_event_store(Arc::clone(&events) as _),
            seats,
            events,
        }
    }
}

/// A stream of a session.
type Streamed<S> = Result<S, SessionError>;

impl SessionManager for Sessions {
    type Error = SessionError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionError> {
        let seat = self.seats.open()?;
        let id: SessionId = seat.session().as_str().into();
        // The one way to make a session under an id of one's own.
        match self.library.restore_session(Arc::clone(&id)).await {
            Ok(RestoreOutcome::Restored(transport)) => Ok((id, transport)),
            Ok(_) => {
                self.seats.end(&id);
                Err(SessionError::NotMade)
            }
            Err(error) => {
                self.seats.end(&id);
                Err(error.into())
            }
        }
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionError> {
        Ok(self.library.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionError> {
        Ok(self.library.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionError> {
        self.seats.end(id);
        self.events.forget_session(id);
        Ok(self.library.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Streamed<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static> {
        Ok(self.library.create_stream(id, message).await?)
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), SessionError> {
        Ok(self.library.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Streamed<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static> {
        Ok(self.library.create_standalone_stream(id).await?)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Streamed<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static> {
        Ok(self.library.resume(id, last_event_id).await?)
    }
}
