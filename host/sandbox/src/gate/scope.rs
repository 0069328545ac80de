//! One call as the gate sees it: who calls, under what authority, what was written, what is open.
//!
//! Invariants:
//! - nothing leaves the call before its watermark, the last entry it caused, is durable
//!   ([`CallScope::watermark`]);
//! - a call ends when the tasks that the gate owns for it have settled and what it had open is closed.
//!
//! What may be done is decided in [`super::decision`].

use super::GateHost;
use super::book::Book;
use super::decision::Allowed;
use super::record::Caller;
use crate::meter::Running;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::runtime::RuntimeFlavor;
use tokio::sync::Notify;
use tollgate_grants::Authority;
use tollgate_receipts::{LedgerError, SessionKey, Ticket};

/// What the call counts instead of writing: clock, randomness, output.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) clock: AtomicU64,
    pub(crate) random_bytes: AtomicU64,
    pub(crate) stdio_bytes: AtomicU64,
}

/// Whether a task of this runtime may block in place: one with several workers goes on without it.
pub(crate) fn may_block() -> bool {
    let here = tokio::runtime::Handle::try_current();
    here.is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// How much a call may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Effects that may be attempted.
    pub(crate) effects: u64,
    /// Bytes that may be added below one mount.
    pub(crate) disk_bytes: u64,
    /// Files that may be added below one mount.
    pub(crate) disk_files: u64,
}

/// One call.
pub(crate) struct CallScope {
    pub(crate) host: Arc<GateHost>,
    pub(crate) caller: Caller,
    pub(crate) counters: Counters,
    pub(crate) bounds: Bounds,
    /// How long the guest has run.
    pub(crate) running: Running,
    attempts: AtomicU64,
    key: OnceLock<SessionKey>,
    book: Mutex<Book>,
    /// Which directory of the host the call has at each directory of the guest.
    mounted: Mutex<BTreeMap<String, PathBuf>>,
    tasks: AtomicUsize,
    settled: Notify,
    cancelled: AtomicBool,
    cancel: Notify,
}

impl CallScope {
    pub(crate) fn new(host: Arc<GateHost>, caller: Caller, bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            host,
            caller,
            counters: Counters::default(),
            bounds,
            running: Running::new(),
            attempts: AtomicU64::new(0),
            key: OnceLock::new(),
            book: Mutex::new(Book::default()),
            mounted: Mutex::default(),
            tasks: AtomicUsize::new(0),
            settled: Notify::new(),
            cancelled: AtomicBool::new(false),
            cancel: Notify::new(),
        })
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key under which targets of the session are hashed.
    pub(crate) fn key(&self) -> &SessionKey {
        self.key
            .get_or_init(|| self.host.keys.key(&self.caller.session))
    }

    /// The authority of this moment; read anew for each decision, so that a revoked grant is gone.
    pub(crate) fn authority(&self) -> Option<Arc<Authority>> {
        self.host
            .authority
            .authority(&self.caller.plugin.name, &self.caller.session)
            .ok()
    }

    /// Remembers which directory of the host the call has at `guest`. False where it already has
    /// another one there.
    pub(crate) fn mount(&self, guest: &str, host: &Path) -> bool {
        let mut mounted = self.mounted.lock().unwrap_or_else(PoisonError::into_inner);
        mounted
            .entry(guest.to_owned())
            .or_insert_with(|| host.to_owned())
            == host
    }

    /// Whether the call has one directory open at `guest` and the grants name another.
    pub(super) fn mounted_elsewhere(&self, authority: &Authority, guest: &str) -> bool {
        let mounted = self.mounted.lock().unwrap_or_else(PoisonError::into_inner);
        let (open, granted) = (
            mounted.get(guest),
            authority.mounts().iter().find(|mount| mount.guest == guest),
        );
        matches!((open, granted), (Some(open), Some(granted)) if *open != granted.host)
    }

    /// Gives back what the call took of its session's quotas and did not use, where others may want it.
    pub(crate) async fn settle_quotas(self: &Arc<Self>) {
        if self.caller.fence.is_none() {
            return;
        }
        let scope = Arc::clone(self);
        let settled = self.host.io.spawn_blocking(move || {
            let caller = &scope.caller;
            let files = &scope.host.files;
            files.settle_quotas(&caller.session, &caller.plugin.name);
        });
        // If the host shuts down, it stays taken.
        let _ = settled.await;
    }

    /// Attempts that were within the call's bound.
    pub(crate) fn attempted(&self) -> u64 {
        self.attempts
            .load(Ordering::Relaxed)
            .min(self.bounds.effects)
    }

    /// Counts an attempt of any class; how many there were.
    pub(super) fn count_attempt(&self) -> u64 {
        self.attempts.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Queues an entry.
    pub(crate) fn write(&self, record: tollgate_receipts::Record) {
        let draft = tollgate_receipts::Draft {
            session: self.caller.session.clone(),
            record,
        };
        // The order of this call's entries is the order of its decisions, so the queue is entered
        // under the book's lock.
        let mut book = self.book();
        book.flush_read_set(self);
        book.submit(self, draft);
    }

    /// Adds a buffered effect to the call's read-set; returns where it stands.
    pub(crate) fn add_item(
        &self,
        item: tollgate_receipts::ReadItem,
        context: &Allowed,
    ) -> super::book::Place {
        self.book().add_item(self, item, context)
    }

    /// Waits until every entry that the call has caused is durable.
    pub(crate) async fn watermark(&self) -> Result<(), LedgerError> {
        let tickets = self.unwritten()?;
        if tickets.is_empty() {
            return Ok(());
        }
        // Writing here, if nobody else writes now, wakes nobody and waits for nobody.
        if may_block() {
            self.in_place(|| self.host.ledger.write_now(&tickets));
        }
        let result = self.host.ledger.durable(&tickets).await;
        self.written(&tickets, result)
    }

    /// The watermark will be waited for soon: it is made durable elsewhere meanwhile.
    pub(crate) fn hurry(&self) {
        if let Ok(tickets) = self.unwritten() {
            self.host.ledger.hurry(&tickets);
        }
    }

    /// Does short blocking work on this thread, whose other tasks go on on another one. Only where
    /// [`may_block`] says so.
    pub(crate) fn in_place<T>(&self, work: impl FnOnce() -> T) -> T {
        self.running.outside(|| tokio::task::block_in_place(work))
    }

    /// [`CallScope::watermark`] on this thread. Only for tasks of the gate's that may block.
    pub(crate) fn watermark_here(&self) -> Result<(), LedgerError> {
        let tickets = self.unwritten()?;
        if tickets.is_empty() {
            return Ok(());
        }
        let result = self.host.ledger.durable_here(&tickets);
        self.written(&tickets, result)
    }

    /// The entries of the call that are not known to be durable.
    fn unwritten(&self) -> Result<Vec<Ticket>, LedgerError> {
        let mut book = self.book();
        book.flush_read_set(self);
        match &book.failed {
            Some(error) => Err(error.clone()),
            None => Ok(book.tickets.clone()),
        }
    }

    fn written(
        &self,
        tickets: &[Ticket],
        result: Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let mut book = self.book();
        match &result {
            // Tickets rise, and all that there were have been waited for.
            Ok(()) => {
                let last = tickets.iter().max().copied();
                book.tickets.retain(|ticket| Some(*ticket) > last);
            }
            Err(error) => book.failed = Some(error.clone()),
        }
        result
    }

    /// Starts a task that the gate owns: it outlives the instance that asked for it.
    pub(crate) fn own_task(self: &Arc<Self>) -> TaskGuard {
        self.tasks.fetch_add(1, Ordering::AcqRel);
        TaskGuard(Arc::clone(self))
    }

    /// Tells the tasks of the call to settle, and waits until they have.
    pub(crate) async fn settle_tasks(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.cancel.notify_waiters();
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.tasks.load(Ordering::Acquire) == 0 {
                return;
            }
            settled.await;
        }
    }

    /// Whether the call has ended; what it has open is being closed.
    pub(crate) fn has_ended(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Resolves when the call has ended and its tasks shall give up.
    pub(crate) async fn cancelled(&self) {
        loop {
            let cancel = self.cancel.notified();
            tokio::pin!(cancel);
            cancel.as_mut().enable();
            if self.has_ended() {
                return;
            }
            cancel.await;
        }
    }
}

/// Keeps the call from ending while it lives: a task of the gate's, or something that it has open.
pub(crate) struct TaskGuard(Arc<CallScope>);

impl TaskGuard {
    pub(crate) fn scope(&self) -> &Arc<CallScope> {
        &self.0
    }
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if self.0.tasks.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.settled.notify_waiters();
        }
    }
}
