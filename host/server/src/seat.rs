//! One client: its session and its bounds.

use crate::limits::Limits;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tollgate_contract::{IdError, SessionId};

/// What the ids of these sessions begin with.
pub const SESSION_PREFIX: &str = "mcp_";

/// Too many calls of the client wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{waiting_max} calls of this client wait already; send fewer at once")]
pub struct Crowded {
    /// The bound.
    pub waiting_max: usize,
}

/// A client that is being served.
#[derive(Debug)]
pub struct Seat {
    session: SessionId,
    places: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
    over: CancellationToken,
}

impl Seat {
    /// A seat of a new session.
    ///
    /// # Errors
    ///
    /// Never in practice: the id is made of letters and digits.
    pub fn new(limits: &Limits) -> Result<Self, IdError> {
        let id = format!("{SESSION_PREFIX}{}", uuid::Uuid::new_v4().simple());
        Ok(Self {
            session: SessionId::new(id)?,
            places: Semaphore::new(limits.calls_live_max),
            waiting: AtomicUsize::new(0),
            waiting_max: limits.calls_waiting_max,
            over: CancellationToken::new(),
        })
    }

    /// Its session.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Waits for a place to run a call in.
    ///
    /// # Errors
    ///
    /// [`Crowded`] if too many wait.
    pub async fn place(&self) -> Result<SemaphorePermit<'_>, Crowded> {
        let crowded = Crowded {
            waiting_max: self.waiting_max,
        };
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let _waiting = Waiting::new(&self.waiting, self.waiting_max).ok_or(crowded)?;
        // The semaphore is never closed.
        self.places.acquire().await.map_err(|_| crowded)
    }

    /// Ends the seat: its calls are cancelled.
    pub fn end(&self) {
        self.over.cancel();
    }

    /// Waits until the seat has ended.
    pub async fn ended(&self) {
        self.over.cancelled().await;
    }
}

/// One that waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize, max: usize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::AcqRel);
        let waiting = Self(count);
        (before < max).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn places_and_waiters_are_bounded() {
        let limits = Limits {
            calls_live_max: 1,
            calls_waiting_max: 1,
            ..Limits::default()
        };
        let seat = Seat::new(&limits).unwrap();
        let first = seat.place().now_or_never().unwrap().unwrap();
        let mut second = Box::pin(seat.place());
        assert!(second.as_mut().now_or_never().is_none());
        let third = seat.place().now_or_never().unwrap();
        assert_eq!(third.unwrap_err(), Crowded { waiting_max: 1 });
        drop(first);
        assert!(second.now_or_never().unwrap().is_ok());
        // Those who gave up are not counted.
        assert!(seat.place().now_or_never().unwrap().is_ok());
    }

    #[test]
    fn sessions_differ() {
        let id = || Seat::new(&Limits::default()).unwrap().session().to_string();
        assert_ne!(id(), id());
        assert!(id().starts_with(SESSION_PREFIX));
    }
}
