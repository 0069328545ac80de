//! One call of a provider while it is under way: its pieces, its pace, its bounds in time.

use crate::observe::RunObserver;
use crate::retry::{CallTimeouts, LimitReached};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tollgate_contract::{Delta, DeltaSink};

/// What has come of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// When the first piece came, after the call began.
    pub(super) first: Option<Duration>,
    /// When the last one came.
    pub(super) last: Option<Duration>,
    /// How many.
    pub(super) pieces: u64,
    /// Their text.
    pub(super) bytes: usize,
    closed: bool,
}

/// Forwards the pieces of one call to the observer, and measures them. Once it is closed nothing passes: what a
/// dropped call still says is of no account.
pub(super) struct Pieces {
    observer: Arc<dyn RunObserver>,
    started: Instant,
    seen: Mutex<Seen>,
}

impl Pieces {
    /// Of a call that begins now.
    pub(super) fn of_new_call(observer: Arc<dyn RunObserver>) -> Arc<Self> {
        Arc::new(Self {
            observer,
            started: Instant::now(),
            seen: Mutex::default(),
        })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Numbers only: a panic of an observer leaves them usable.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the call with an answer, whose pieces count. Returns when the first piece or else the answer came.
    pub(super) fn answered(&self) -> Duration {
        let mut seen = self.seen();
        seen.closed = true;
        seen.first.unwrap_or_else(|| self.started.elapsed())
    }

    /// Ends the call without one, and tells the observer that its pieces do not count.
    pub(super) fn discard(&self) -> Seen {
        let mut seen = self.seen();
        if !seen.closed && seen.pieces > 0 {
            self.observer.discarded(seen.pieces);
        }
        seen.closed = true;
        *seen
    }
}

impl DeltaSink for Pieces {
    fn emit(&self, delta: Delta) {
        let mut seen = self.seen();
        if seen.closed {
            return;
        }
        let at = self.started.elapsed();
        seen.first.get_or_insert(at);
        seen.last = Some(at);
        seen.pieces = seen.pieces.saturating_add(1);
        seen.bytes = seen.bytes.saturating_add(match &delta {
            Delta::Text { text } | Delta::Thinking { text } => text.len(),
            Delta::ToolUse { name, .. } => name.len(),
        });
        // Under the lock, so that no piece passes a `discarded`.
        self.observer.delta(&delta);
    }
}

/// Waits for a call within its bounds. At a bound the call's future is dropped before this returns: the guest
/// stops, the host closes its connection to the provider, the request's ledger entry settles, and the record of
/// the call says `cancelled`. What the provider charges for it is not known.
pub(super) async fn bounded<T>(
    call: impl Future<Output = T>,
    pieces: &Pieces,
    timeouts: &CallTimeouts,
) -> Result<T, LimitReached> {
    let mut call = pin!(call);
    loop {
        let (after, reached) = timeouts.next(pieces.seen().last);
        tokio::select! {
            biased;
            value = &mut call => return Ok(value),
            () = tokio::time::sleep(after.saturating_sub(pieces.started.elapsed())) => {
                // A piece may have come while we slept.
                if timeouts.next(pieces.seen().last).0 <= after {
                    return Err(reached);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::NoObserver;

    fn pieces() -> Arc<Pieces> {
        Pieces::of_new_call(Arc::new(NoObserver))
    }

    fn text() -> Delta {
        Delta::Text {
            text: "abcd".into(),
        }
    }

    async fn sleep(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_bound_ends_a_call_and_says_which_it_was() {
        let timeouts = CallTimeouts {
            first_token: Duration::from_secs(5),
            idle: Duration::from_secs(3),
            total: Duration::from_secs(10),
        };
        let a = pieces();
        let silent = bounded(std::future::pending::<()>(), &a, &timeouts).await;
        assert_eq!(silent, Err(LimitReached::FirstToken(timeouts.first_token)));
        let b = pieces();
        let stalls = async {
            sleep(4).await;
            b.emit(text());
            sleep(9).await;
        };
        let b = bounded(stalls, &b, &timeouts).await;
        assert_eq!(b, Err(LimitReached::Idle(timeouts.idle)));
        let c = pieces();
        let endless = async {
            for _ in 0..100 {
                c.emit(text());
                sleep(2).await;
            }
        };
        let c = bounded(endless, &c, &timeouts).await;
        assert_eq!(c, Err(LimitReached::Total(timeouts.total)));
        let d = pieces();
        let steady = async {
            for _ in 0..4 {
                sleep(2).await;
                d.emit(text());
            }
            "done"
        };
        assert_eq!(bounded(steady, &d, &timeouts).await, Ok("done"));
        assert_eq!(d.answered(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_at_its_bound_is_dropped() {
        struct Dropped(Arc<Mutex<bool>>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                *self.0.lock().unwrap() = true;
            }
        }
        let dropped = Arc::default();
        let guard = Dropped(Arc::clone(&dropped));
        let call = async move {
            std::future::pending::<()>().await;
            drop(guard);
        };
        let ended = bounded(call, &pieces(), &CallTimeouts::default()).await;
        assert!(ended.is_err() && *dropped.lock().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_passes_a_closed_call() {
        let pieces = pieces();
        pieces.emit(text());
        let seen = pieces.discard();
        pieces.emit(text());
        assert_eq!((seen.pieces, seen.bytes), (1, 4));
        assert_eq!(pieces.discard(), seen, "once more");
    }
}
