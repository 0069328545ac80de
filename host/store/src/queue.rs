//! The bounded queue in front of the writer.
//!
//! Queueing wakes nobody: the entries of one call belong in one commit, and the call says when it waits
//! for them ([`Queue::want`]). What nobody waits for is written after [`LINGER`], or when there are [`EAGER_ROWS`].

use crate::StoreError;
use crate::txn::Txn;
use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tollgate_receipts::{Encoded, Ticket};

/// How many jobs may wait.
pub const QUEUE_ROWS_MAX: usize = 65_536;
/// How many bytes of entries may wait.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many jobs one transaction takes.
pub(crate) const BATCH_ROWS_MAX: usize = 4096;
/// How many bytes of entries one transaction takes, give or take one entry.
pub(crate) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many waiting jobs are written although nobody waits for them yet.
const EAGER_ROWS: usize = 64;
/// How long an entry for which nobody waits may lie in the queue, at most twice this.
const LINGER: Duration = Duration::from_millis(10);
/// After how many empty rounds of [`LINGER`] the writer sleeps until it is woken.
const IDLE_ROUNDS: u32 = 100;

/// One piece of work for the writer.
pub(crate) enum Job {
    /// Appends an entry to the ledger.
    Append { ticket: u64, entry: Encoded },
    /// Does something else in the same transaction.
    Change {
        change: Box<dyn Change>,
        urgent: bool,
    },
}

/// A change that the writer makes inside its transaction.
pub(crate) trait Change: Send {
    /// Makes it; false if what it did shall be taken back.
    fn run(&mut self, txn: &mut Txn<'_>) -> bool;
    /// Tells whoever waits.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A [`Change`] made of a closure.
pub(crate) struct ChangeFn<T, E, F> {
    pub(crate) make: Option<F>,
    pub(crate) result: Option<Result<T, E>>,
    pub(crate) reply: SyncSender<Result<T, E>>,
}

impl<T, E, F> Change for ChangeFn<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&mut Txn<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, txn: &mut Txn<'_>) -> bool {
        self.result = self.make.take().map(|make| make(txn));
        matches!(self.result, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (self.result, committed) {
            // What the change itself says matters more than what became of the rest.
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.into()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(StoreError::Unavailable("the change was not made".into()).into()),
        };
        // Nobody waits any more: then nobody needs to know.
        let _ = self.reply.send(result);
    }
}

/// The jobs of one transaction.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) jobs: Vec<Job>,
    bytes: usize,
}

impl Batch {
    /// Nothing more fits.
    pub(crate) fn is_full(&self) -> bool {
        self.jobs.len() >= BATCH_ROWS_MAX || self.bytes >= BATCH_BYTES_MAX
    }
}

#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: usize,
    last_ticket: u64,
    closed: bool,
    /// Somebody waits for what is queued.
    wanted: bool,
    /// The writer sleeps until it is woken.
    asleep: bool,
}

impl Queue {
    pub(crate) fn append(&self, entry: Encoded) -> Result<Ticket, StoreError> {
        let mut state = self.lock();
        state.admit(entry.body.len())?;
        state.bytes += entry.body.len();
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        state.jobs.push_back(Job::Append { ticket, entry });
        let wake = std::mem::take(&mut state.asleep) || state.jobs.len() == EAGER_ROWS;
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        Ok(Ticket(ticket))
    }

    /// Somebody waits for what is queued now.
    pub(crate) fn want(&self) {
        let mut state = self.lock();
        if state.jobs.is_empty() || state.wanted {
            return;
        }
        state.wanted = true;
        state.asleep = false;
        drop(state);
        self.filled.notify_one();
    }

    /// Whoever queues a change waits for it, and wants it or writes it.
    pub(crate) fn change(&self, change: Box<dyn Change>, urgent: bool) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.admit(0)?;
        state.jobs.push_back(Job::Change { change, urgent });
        Ok(())
    }

    /// No more jobs; what waits is still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// Waits until there is work for the thread of the writer; false when closed and empty.
    pub(crate) fn wait(&self) -> bool {
        let mut state = self.lock();
        let mut empty_rounds = 0;
        loop {
            if state.jobs.is_empty() {
                // Somebody who waited may have written what was wanted.
                state.wanted = false;
            }
            if state.closed {
                return !state.jobs.is_empty();
            }
            if state.wanted || state.jobs.len() >= EAGER_ROWS {
                return true;
            }
            if empty_rounds >= IDLE_ROUNDS {
                state.asleep = true;
                state = self
                    .filled
                    .wait_while(state, |state| state.asleep && !state.closed)
                    .unwrap_or_else(PoisonError::into_inner);
                empty_rounds = 0;
                continue;
            }
            let lay = !state.jobs.is_empty();
            let (waiting, timed_out) = self
                .filled
                .wait_timeout(state, LINGER)
                .unwrap_or_else(PoisonError::into_inner);
            state = waiting;
            if timed_out.timed_out() {
                if lay && !state.jobs.is_empty() {
                    return true;
                }
                empty_rounds += u32::from(state.jobs.is_empty());
            }
        }
    }

    /// Moves what fits in one transaction to `batch`; false if nothing waits. Only for whoever holds
    /// the writer, so that jobs keep their order.
    pub(crate) fn take(&self, batch: &mut Batch) -> bool {
        let mut state = self.lock();
        let took = state.move_to(batch);
        state.wanted &= !state.jobs.is_empty();
        took
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn move_to(&mut self, batch: &mut Batch) -> bool {
        let before = batch.jobs.len();
        while !batch.is_full() {
            let Some(job) = self.jobs.pop_front() else {
                break;
            };
            if let Job::Append { entry, .. } = &job {
                self.bytes -= entry.body.len();
                batch.bytes += entry.body.len();
            }
            batch.jobs.push(job);
        }
        batch.jobs.len() > before
    }

    fn admit(&self, bytes: usize) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Unavailable("the store is closed".into()));
        }
        if self.jobs.len() >= QUEUE_ROWS_MAX || self.bytes + bytes > QUEUE_BYTES_MAX {
            return Err(StoreError::Unavailable(format!(
                "{} entries wait to be written, as many as may",
                self.jobs.len()
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_receipts::Mark;

    fn entry(bytes: usize) -> Encoded {
        Encoded {
            session: "s".into(),
            body: vec![b' '; bytes],
            receipt: None,
            items: Vec::new(),
            call: None,
            time_us: 0,
            mark: Mark::Plain,
        }
    }

    #[test]
    fn a_full_queue_refuses_and_a_batch_is_bounded() {
        let queue = Queue::default();
        for _ in 0..QUEUE_ROWS_MAX {
            queue.append(entry(1)).unwrap();
        }
        assert!(matches!(
            queue.append(entry(1)),
            Err(StoreError::Unavailable(_))
        ));
        let mut batch = Batch::default();
        assert!(queue.take(&mut batch));
        assert_eq!(batch.jobs.len(), BATCH_ROWS_MAX);
        assert!(!queue.take(&mut batch));
        assert_eq!(
            queue.append(entry(1)),
            Ok(Ticket(QUEUE_ROWS_MAX as u64 + 1))
        );
    }

    #[test]
    fn bytes_are_bounded_too() {
        let queue = Queue::default();
        let each = 1024 * 1024;
        for _ in 0..QUEUE_BYTES_MAX / each {
            queue.append(entry(each)).unwrap();
        }
        assert!(queue.append(entry(1)).is_err());
        let mut batch = Batch::default();
        queue.take(&mut batch);
        assert_eq!(batch.jobs.len(), BATCH_BYTES_MAX / each);
        assert!(!queue.take(&mut batch));
    }

    #[test]
    fn closing_lets_what_waits_be_done() {
        let queue = Queue::default();
        queue.append(entry(1)).unwrap();
        queue.close();
        assert!(queue.append(entry(1)).is_err());
        let mut batch = Batch::default();
        assert!(queue.wait());
        assert!(queue.take(&mut batch));
        assert!(!queue.wait());
    }
}
