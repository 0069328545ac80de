//! Which tickets are durable, which failed, and who waits for them.
//!
//! Invariants: tickets are finished in order, so one number says which are done; a waiter registers
//! under the lock that the writer takes to finish, so none is missed; waking is one split of an
//! ordered map and one `wake` per waiter, outside the lock.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tollgate_receipts::{LedgerError, Ticket};

/// How many separate ranges of failed tickets are remembered. Beyond it the two oldest become one:
/// tickets between them then count as failed, never the other way round.
const FAILED_RANGES_MAX: usize = 1024;

#[derive(Default)]
pub(crate) struct Progress {
    /// Every ticket up to this one is finished, well or badly.
    finished: AtomicU64,
    any_failed: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// (ticket, waiter) → whom to wake.
    waiting: BTreeMap<(u64, u64), Waker>,
    waiters: u64,
    failed: Vec<Failed>,
    /// The writer is gone: nothing will be finished any more.
    ended: Option<LedgerError>,
}

struct Failed {
    from: u64,
    to: u64,
    error: LedgerError,
}

impl Progress {
    /// Every ticket up to `ticket` is durable, but for those that failed.
    pub(crate) fn finish(&self, ticket: u64) {
        let woken = {
            let mut inner = self.lock();
            self.finished.fetch_max(ticket, Ordering::Release);
            let later = inner.waiting.split_off(&(ticket.saturating_add(1), 0));
            std::mem::replace(&mut inner.waiting, later)
        };
        for waker in woken.into_values() {
            waker.wake();
        }
    }

    /// The tickets from `from` to `to` failed.
    pub(crate) fn fail(&self, from: u64, to: u64, error: &LedgerError) {
        let mut inner = self.lock();
        match inner.failed.last_mut() {
            Some(last) if last.to + 1 == from && last.error == *error => last.to = to,
            _ => inner.failed.push(Failed {
                from,
                to,
                error: error.clone(),
            }),
        }
        if inner.failed.len() > FAILED_RANGES_MAX {
            let oldest = inner.failed.remove(0);
            if let Some(next) = inner.failed.first_mut() {
                next.from = oldest.from;
            }
        }
        self.any_failed.store(true, Ordering::Release);
        drop(inner);
        self.finish(to);
    }

    /// The writer is gone.
    pub(crate) fn end(&self, error: LedgerError) {
        let woken = {
            let mut inner = self.lock();
            inner.ended.get_or_insert(error);
            std::mem::take(&mut inner.waiting)
        };
        for waker in woken.into_values() {
            waker.wake();
        }
    }

    pub(crate) fn wait<'a>(&'a self, tickets: &'a [Ticket]) -> Wait<'a> {
        Wait {
            progress: self,
            tickets,
            last: tickets.iter().map(|t| t.0).max().unwrap_or(0),
            waiter: None,
        }
    }

    /// Whether none of `tickets` is still to be written.
    pub(crate) fn all_finished(&self, tickets: &[Ticket]) -> bool {
        tickets.iter().all(|ticket| self.is_finished(ticket.0))
    }

    fn is_finished(&self, ticket: u64) -> bool {
        self.finished.load(Ordering::Acquire) >= ticket
    }

    fn first_failure(&self, tickets: &[Ticket]) -> Result<(), LedgerError> {
        if !self.any_failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let inner = self.lock();
        let failed = |ticket: &Ticket| {
            let holds = |range: &&Failed| (range.from..=range.to).contains(&ticket.0);
            inner.failed.iter().find(holds).map(|f| f.error.clone())
        };
        tickets.iter().find_map(failed).map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resolves when all of `tickets` are finished. Works on any executor.
pub(crate) struct Wait<'a> {
    progress: &'a Progress,
    tickets: &'a [Ticket],
    last: u64,
    waiter: Option<u64>,
}

impl Future for Wait<'_> {
    type Output = Result<(), LedgerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (progress, last) = (self.progress, self.last);
        if progress.is_finished(last) {
            return Poll::Ready(progress.first_failure(self.tickets));
        }
        let mut inner = progress.lock();
        if progress.is_finished(last) {
            drop(inner);
            return Poll::Ready(progress.first_failure(self.tickets));
        }
        if let Some(error) = &inner.ended {
            return Poll::Ready(Err(error.clone()));
        }
        let waiter = match self.waiter {
            Some(waiter) => waiter,
            None => {
                inner.waiters += 1;
                self.waiter = Some(inner.waiters);
                inner.waiters
            }
        };
        inner
            .waiting
            .entry((last, waiter))
            .and_modify(|waker| waker.clone_from(context.waker()))
            .or_insert_with(|| context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter {
            self.progress.lock().waiting.remove(&(self.last, waiter));
        }
    }
}

/// Waits on this thread.
pub(crate) fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match Pin::new(&mut future).poll(&mut context) {
            Poll::Ready(output) => return output,
            // A stray unpark only polls once more.
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down() -> LedgerError {
        LedgerError::Unavailable("down".into())
    }

    #[test]
    fn waiters_wake_when_their_last_ticket_is_finished() {
        let progress = Progress::default();
        let mut context = Context::from_waker(Waker::noop());
        let tickets = [Ticket(1), Ticket(3)];
        let mut wait = progress.wait(&tickets);
        assert!(Pin::new(&mut wait).poll(&mut context).is_pending());
        progress.finish(2);
        assert!(Pin::new(&mut wait).poll(&mut context).is_pending());
        progress.finish(3);
        assert_eq!(Pin::new(&mut wait).poll(&mut context), Poll::Ready(Ok(())));
    }

    #[test]
    fn a_failed_ticket_stays_failed() {
        let progress = Progress::default();
        progress.finish(4);
        progress.fail(5, 6, &down());
        progress.fail(7, 7, &down());
        progress.finish(9);
        assert_eq!(block_on(progress.wait(&[Ticket(4), Ticket(8)])), Ok(()));
        assert_eq!(
            block_on(progress.wait(&[Ticket(9), Ticket(7)])),
            Err(down())
        );
        assert_eq!(progress.lock().failed.len(), 1);
    }

    #[test]
    fn forgetting_failures_forgets_on_the_safe_side() {
        let progress = Progress::default();
        let ranges = FAILED_RANGES_MAX as u64 + 10;
        for n in 1..=ranges {
            progress.fail(n * 2, n * 2, &down());
        }
        for n in 1..=ranges {
            assert!(block_on(progress.wait(&[Ticket(n * 2)])).is_err());
        }
        assert_eq!(progress.lock().failed.len(), FAILED_RANGES_MAX);
    }

    #[test]
    fn a_dropped_wait_leaves_nothing() {
        let progress = Progress::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut wait = progress.wait(&[Ticket(1)]);
        assert!(Pin::new(&mut wait).poll(&mut context).is_pending());
        assert!(Pin::new(&mut wait).poll(&mut context).is_pending());
        assert_eq!(progress.lock().waiting.len(), 1);
        drop(wait);
        assert!(progress.lock().waiting.is_empty());
    }

    #[test]
    fn the_end_of_the_writer_wakes_everyone() {
        let progress = std::sync::Arc::new(Progress::default());
        let waiting = {
            let progress = progress.clone();
            std::thread::spawn(move || block_on(progress.wait(&[Ticket(1)])))
        };
        progress.end(down());
        assert_eq!(waiting.join().unwrap(), Err(down()));
    }
}
