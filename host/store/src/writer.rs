//! The one writer of a process.
//!
//! Whoever has it takes all that waits, up to a bound, and makes it durable in one transaction under the
//! lock between processes: group commit. A thread that may block and waits for an entry writes by
//! itself if nobody else is writing ([`Desk::write_here`]), which saves waking two threads; for
//! everybody else a thread of the store's own writes ([`Desk::run`]), as it does what nobody waits for.
//!
//! Invariants: one writes at a time; a job is finished exactly once, after its transaction; jobs keep
//! their order; when the disk is full nothing but urgent changes is written until there is room again,
//! and the ledger says from when to when.

use crate::buffers::Buffers;
use crate::files::WriterLock;
use crate::progress::Progress;
use crate::queue::{Batch, Job, Queue};
use crate::reserve::Reserve;
use crate::signing::Signing;
use crate::tree::sign;
use crate::txn::{Heads, Txn};
use crate::{StoreError, now_us};
use rusqlite::Connection;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};
use tollgate_contract::stop_point;
use tollgate_receipts::{ChangeRecord, HOST_SESSION, LedgerError, Ticket};

/// How often the tree is signed while entries come, at most.
const HEAD_EVERY: Duration = Duration::from_secs(1);

/// What the writer and those who use it share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) progress: Progress,
    pub(crate) buffers: Buffers,
}

impl Shared {
    /// Somebody is about to wait for `tickets`.
    pub(crate) fn want(&self, tickets: &[Ticket]) {
        if !self.progress.all_finished(tickets) {
            self.queue.want();
        }
    }
}

/// The writer, where one at a time may use it.
pub(crate) struct Desk {
    shared: Arc<Shared>,
    writer: Mutex<Writer>,
}

impl Desk {
    pub(crate) fn new(shared: Arc<Shared>, writer: Writer) -> Self {
        Self {
            shared,
            writer: Mutex::new(writer),
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(&self) {
        let _end = EndOnDrop(&self.shared);
        while self.shared.queue.wait() {
            // Poisoned: a thread ended in the middle of a transaction, and nobody knows how it stands.
            let Ok(mut writer) = self.writer.lock() else {
                return;
            };
            writer.round();
        }
        if let Ok(mut writer) = self.writer.lock() {
            writer.close();
        }
    }

    /// Writes what waits, on this thread, if nobody else writes now; if somebody does, the store's own
    /// thread will. Not for async code.
    pub(crate) fn write_here(&self) {
        if !self.write_now() {
            self.shared.queue.want();
        }
    }

    /// [`Desk::write_here`]; false, and nothing is done, if somebody else writes.
    pub(crate) fn write_now(&self) -> bool {
        match self.writer.try_lock() {
            Ok(mut writer) => writer.round(),
            Err(TryLockError::WouldBlock) => return false,
            Err(TryLockError::Poisoned(_)) => drop(EndOnDrop(&self.shared)),
        }
        true
    }
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    connection: Connection,
    lock: WriterLock,
    reserve: Reserve,
    heads: Heads,
    clock: HeadClock,
    outage: Option<Outage>,
}

/// When the tree was last signed by this process.
pub(crate) struct HeadClock {
    signing: Signing,
    last: Option<Instant>,
    /// Entries have come since.
    grown: bool,
}

impl HeadClock {
    pub(crate) fn new(signing: Signing) -> Self {
        Self {
            signing,
            last: None,
            grown: false,
        }
    }

    fn is_due(&self) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= HEAD_EVERY)
    }

    /// Signs. What keeps it from that is told by whoever asks for a head; entries are stored all the same.
    fn sign(&mut self, txn: &mut Txn<'_>) -> Result<(), StoreError> {
        self.last = Some(Instant::now());
        txn.nested(|txn| {
            let signed = self.signing.key(txn.connection());
            let signed = signed.and_then(|key| sign(txn.connection(), &key, None));
            signed.is_ok()
        })
    }
}

/// The ledger could not be written.
struct Outage {
    since_us: i64,
    reason: String,
    /// Only a full disk is waited for; other failures are tried again with every batch.
    disk_full: bool,
    /// Entries that were not written.
    refused: u64,
    /// Whether the ledger already says that it began.
    told: bool,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        connection: Connection,
        lock: WriterLock,
        reserve: Reserve,
        clock: HeadClock,
    ) -> Self {
        // A disk that is full already shows with the first batch.
        let _ = reserve.take();
        Self {
            shared,
            connection,
            lock,
            reserve,
            heads: Heads::default(),
            clock,
            outage: None,
        }
    }

    /// Takes what waits and makes it durable.
    fn round(&mut self) {
        let shared = Arc::clone(&self.shared);
        let _end = EndOnPanic(&shared);
        let mut batch = Batch::default();
        if !shared.queue.take(&mut batch) {
            return;
        }
        if let Err(error) = self.ready() {
            self.refuse_all_but_urgent(&mut batch.jobs, &error);
        }
        if !batch.jobs.is_empty() {
            let result = self.commit(&mut batch);
            self.after(&batch.jobs, &result);
            if batch.is_full() {
                // Whoever is waited for may stand behind it.
                shared.queue.want();
            }
            finish(&shared, batch.jobs, result);
        }
    }

    /// Signs what has come since the last head, before the process goes.
    fn close(&mut self) {
        if !self.clock.grown || self.outage.is_some() {
            return;
        }
        // Whoever comes next signs it otherwise.
        let Ok(_held) = self.lock.take() else { return };
        let clock = &mut self.clock;
        let _ = transaction(&self.connection, &mut self.heads, |txn| clock.sign(txn));
    }

    /// Whether ordinary entries may be written: not while the disk is full.
    fn ready(&self) -> Result<(), StoreError> {
        match &self.outage {
            Some(outage) if outage.disk_full => self.reserve.take(),
            _ => Ok(()),
        }
    }

    fn refuse_all_but_urgent(&mut self, jobs: &mut Vec<Job>, error: &StoreError) {
        let is_urgent = |job: &Job| matches!(job, Job::Change { urgent: true, .. });
        let (urgent, refused): (Vec<_>, Vec<_>) =
            std::mem::take(jobs).into_iter().partition(is_urgent);
        if let Some(outage) = &mut self.outage {
            outage.refused += entries(&refused);
        }
        finish(&self.shared, refused, Err(error.clone()));
        *jobs = urgent;
    }

    /// One transaction. What comes while it runs joins it, as far as it fits.
    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let is_append = |job: &Job| matches!(job, Job::Append { .. });
        let recovered = batch.jobs.iter().any(is_append);
        let outage = self.outage.as_ref();
        let told = outage.map(|outage| Telling {
            began: (!outage.told).then(|| outage.began()),
            ended: recovered.then(|| outage.ended()),
        });
        // In an outage it was decided for these jobs alone that they may be written.
        let may_grow = outage.is_none();
        let queue = &self.shared.queue;
        let clock = &mut self.clock;
        let held = self.lock.take()?;
        let result = transaction(&self.connection, &mut self.heads, |txn| {
            if let Some(told) = told {
                told.append(txn)?;
            }
            let mut done = 0;
            while done < batch.jobs.len() {
                for job in batch.jobs.iter_mut().skip(done) {
                    done += 1;
                    match job {
                        Job::Append { entry, .. } => txn.append(entry)?,
                        Job::Change { change, .. } => txn.nested(|txn| change.run(txn))?,
                    }
                }
                if may_grow {
                    queue.take(batch);
                }
            }
            if recovered && may_grow {
                clock.grown = true;
                if clock.is_due() {
                    clock.sign(txn)?;
                    clock.grown = false;
                }
            }
            Ok(())
        });
        drop(held);
        result
    }

    /// Keeps the books of an outage.
    fn after(&mut self, jobs: &[Job], result: &Result<(), StoreError>) {
        let appended = entries(jobs);
        match (result, &mut self.outage) {
            (Ok(()), None) => {}
            (Ok(()), Some(outage)) if appended == 0 => outage.told = true,
            (Ok(()), Some(_)) => self.outage = None,
            (Err(_), Some(outage)) => {
                outage.refused += appended;
                // It was full, there seemed to be room, and there was not.
                if outage.disk_full {
                    self.reserve.release();
                }
            }
            (Err(error), None) => self.begin_outage(error, appended),
        }
    }

    /// Writes, with the reserve, that nothing can be written.
    fn begin_outage(&mut self, error: &StoreError, refused: u64) {
        let mut outage = Outage {
            since_us: now_us(),
            reason: error.to_string(),
            // A transaction that SQLite ended by itself no longer says why; the disk does.
            disk_full: matches!(error, StoreError::DiskFull(_)) || self.reserve.is_short(),
            refused,
            told: false,
        };
        if outage.disk_full {
            self.reserve.release();
        }
        let began = outage.began();
        outage.told = self.lock.take().is_ok_and(|_held| {
            transaction(&self.connection, &mut self.heads, |txn| {
                txn.record_change(HOST_SESSION, began)
            })
            .is_ok()
        });
        self.outage = Some(outage);
    }
}

fn transaction(
    connection: &Connection,
    heads: &mut Heads,
    work: impl FnOnce(&mut Txn<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let run = |sql: &str| -> Result<(), StoreError> {
        connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    };
    run("BEGIN IMMEDIATE")?;
    let result = Txn::begun(connection, heads)
        .and_then(|mut txn| work(&mut txn))
        .and_then(|()| {
            stop_point("store.before_commit");
            run("COMMIT")?;
            stop_point("store.after_commit");
            Ok(())
        });
    if result.is_err() {
        if !connection.is_autocommit() {
            // If even this fails, the next BEGIN does, and its batch fails as this one did.
            let _ = run("ROLLBACK");
        }
        heads.forget();
    }
    result
}

/// What the ledger is told about an outage.
struct Telling {
    began: Option<ChangeRecord>,
    ended: Option<ChangeRecord>,
}

impl Telling {
    fn append(self, txn: &mut Txn<'_>) -> Result<(), StoreError> {
        for change in [self.began, self.ended].into_iter().flatten() {
            txn.record_change(HOST_SESSION, change)?;
        }
        Ok(())
    }
}

impl Outage {
    fn began(&self) -> ChangeRecord {
        ChangeRecord {
            time_us: self.since_us,
            who: HOST_SESSION.into(),
            what: "ledger.unavailable".into(),
            object: "ledger".into(),
            detail: self.reason.clone(),
        }
    }

    fn ended(&self) -> ChangeRecord {
        ChangeRecord {
            time_us: now_us(),
            who: HOST_SESSION.into(),
            what: "ledger.available".into(),
            object: "ledger".into(),
            detail: format!("{} entries were refused meanwhile", self.refused),
        }
    }
}

fn entries(jobs: &[Job]) -> u64 {
    let appends = jobs.iter().filter(|job| matches!(job, Job::Append { .. }));
    u64::try_from(appends.count()).unwrap_or(u64::MAX)
}

/// Tells whoever waits for the jobs.
fn finish(shared: &Shared, jobs: Vec<Job>, result: Result<(), StoreError>) {
    let mut tickets: Option<(u64, u64)> = None;
    let mut buffers = Vec::with_capacity(jobs.len());
    for job in jobs {
        match job {
            // Tickets of one batch follow each other.
            Job::Append { ticket, entry } => {
                tickets = Some((tickets.map_or(ticket, |(first, _)| first), ticket));
                buffers.push(entry.body);
            }
            Job::Change { change, .. } => change.finish(result.clone()),
        }
    }
    match (tickets, result) {
        (Some((_, last)), Ok(())) => shared.progress.finish(last),
        (Some((first, last)), Err(error)) => shared.progress.fail(first, last, &error.into()),
        (None, _) => {}
    }
    shared.buffers.give(buffers);
}

/// A thread that panics while it writes takes the writer with it.
struct EndOnPanic<'a>(&'a Shared);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(EndOnDrop(self.0));
        }
    }
}

/// However the writer ends, nobody waits for ever.
struct EndOnDrop<'a>(&'a Shared);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.queue.close();
        let gone = LedgerError::Unavailable("the store is closed".into());
        self.0.progress.end(gone);
        // What still waits is dropped, which tells those who wait for a change.
        while self.0.queue.take(&mut Batch::default()) {}
    }
}
