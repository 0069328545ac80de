//! A store and a ledger in memory, for tests of this crate, with processes that can die.

use crate::ports::*;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use tollgate_contract::SessionId;
use tollgate_receipts::{ChangeRecord, Draft, Ledger, LedgerError, OutcomeResult, Record, Ticket};

/// What all processes share: the disk.
#[derive(Default)]
pub(crate) struct Disk {
    sessions: BTreeMap<String, Session>,
    pub(crate) changes: Vec<ChangeRecord>,
    pub(crate) outcomes: Vec<(String, OutcomeResult)>,
    resolutions: BTreeMap<(String, String), Heard>,
    pub(crate) intents: BTreeMap<String, Vec<OpenIntent>>,
    /// Receipts of performed effects, by session and call.
    pub(crate) performed: BTreeMap<(String, String), Vec<String>>,
    dead: BTreeSet<String>,
    pub(crate) writes: u64,
    /// The host that dies, and after how many writes of the disk.
    pub(crate) dies_after: Option<(String, u64)>,
}

struct Session {
    events: Vec<StoredEvent>,
    next_seq: u64,
    transcript: Vec<TranscriptEntry>,
    checkpoint: Option<Checkpoint>,
    lease: Lease,
    key: Option<SessionKey>,
}

/// One process's handle.
#[derive(Clone)]
pub(crate) struct MemoryStore {
    disk: Arc<Mutex<Disk>>,
    host: HostId,
}

impl MemoryStore {
    pub(crate) fn new(host: &str) -> Self {
        Self {
            disk: Arc::default(),
            host: HostId(host.to_owned()),
        }
    }

    /// Another process on the same disk.
    pub(crate) fn beside(&self, host: &str) -> Self {
        Self {
            disk: Arc::clone(&self.disk),
            host: HostId(host.to_owned()),
        }
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    /// This process dies: nothing that it does has an effect any more.
    pub(crate) fn die(&self) {
        self.disk().dead.insert(self.host.0.clone());
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.disk().dead.contains(&self.host.0)
    }

    /// The disk for a write of this process, unless it is dead. It may die with this write.
    fn writing(&self) -> Result<MutexGuard<'_, Disk>, StoreError> {
        let mut disk = self.reading()?;
        disk.writes += 1;
        if disk.dies_after == Some((self.host.0.clone(), disk.writes)) {
            disk.dead.insert(self.host.0.clone());
        }
        Ok(disk)
    }

    fn reading(&self) -> Result<MutexGuard<'_, Disk>, StoreError> {
        let disk = self.disk();
        if disk.dead.contains(&self.host.0) {
            return Err(StoreError::Unavailable("this process is dead".into()));
        }
        Ok(disk)
    }
}

impl Disk {
    fn session(&mut self, id: &SessionId) -> Result<&mut Session, StoreError> {
        self.sessions
            .get_mut(id.as_str())
            .ok_or_else(|| StoreError::NotFound {
                session: id.clone(),
            })
    }

    fn fenced(&mut self, id: &SessionId, fence: u64) -> Result<&mut Session, StoreError> {
        let session = self.session(id)?;
        if session.lease.fence != fence || session.lease.host.is_none() {
            return Err(StoreError::FenceLost {
                session: id.clone(),
                held: fence,
                found: session.lease.fence,
            });
        }
        Ok(session)
    }
}

impl Session {
    fn push(&mut self, events: Vec<NewEvent>) {
        for NewEvent {
            id,
            time_us,
            kind,
            json,
        } in events
        {
            assert!(json.len() <= EVENT_BYTES_MAX);
            self.events.push(StoredEvent {
                seq: self.next_seq,
                id,
                time_us,
                kind,
                json,
            });
            self.next_seq += 1;
        }
    }
}

impl SessionStore for MemoryStore {
    fn host(&self) -> &HostId {
        &self.host
    }

    fn liveness(&self, host: &HostId) -> Liveness {
        if self.disk().dead.contains(&host.0) {
            Liveness::Dead
        } else {
            Liveness::Alive
        }
    }

    fn create(&self, create: Create) -> Result<Lease, StoreError> {
        let mut disk = self.writing()?;
        if disk.sessions.contains_key(create.session.as_str()) {
            return Err(StoreError::Exists {
                session: create.session,
            });
        }
        let lease = Lease {
            session: create.session.clone(),
            host: Some(self.host.clone()),
            fence: 1,
            until_us: create.until_us,
            wanted: false,
        };
        let mut session = Session {
            events: Vec::new(),
            next_seq: FIRST_SEQ,
            transcript: Vec::new(),
            checkpoint: None,
            lease: lease.clone(),
            key: Some(SessionKey::new([7; 32])),
        };
        session.push(create.events);
        disk.sessions.insert(create.session.to_string(), session);
        disk.changes.push(create.change);
        Ok(lease)
    }

    fn load(
        &self,
        id: &SessionId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let mut disk = self.reading()?;
        let events = &disk.session(id)?.events;
        Ok(events
            .iter()
            .filter(|event| event.seq >= from)
            .take(limit)
            .cloned()
            .collect())
    }

    fn row(&self, id: &SessionId) -> Result<SessionRow, StoreError> {
        let mut disk = self.reading()?;
        let session = disk.session(id)?;
        Ok(SessionRow {
            session: id.clone(),
            next_seq: session.next_seq,
            checkpoint: session.checkpoint.clone(),
            lease: session.lease.clone(),
        })
    }

    fn list(&self, after: Option<&SessionId>, limit: usize) -> Result<Vec<SessionRow>, StoreError> {
        let ids: Vec<SessionId> = {
            let disk = self.reading()?;
            let after = after.map_or("", SessionId::as_str);
            disk.sessions
                .keys()
                .filter(|id| id.as_str() > after)
                .take(limit)
                .map(|id| SessionId::new(id.as_str()).unwrap())
                .collect()
        };
        ids.iter().map(|id| self.row(id)).collect()
    }

    fn append(&self, append: Append) -> Result<u64, StoreError> {
        let mut disk = self.writing()?;
        let session = disk.fenced(&append.session, append.fence)?;
        if session.next_seq != append.seq {
            return Err(StoreError::SeqMoved {
                session: append.session,
                expected: append.seq,
                found: session.next_seq,
            });
        }
        for entry in append.transcript {
            let last = session
                .transcript
                .iter()
                .filter(|e| e.generation == entry.generation)
                .count();
            assert_eq!(
                entry.n,
                FIRST_ENTRY + last as u64,
                "transcript numbers are dense"
            );
            session.transcript.push(entry);
        }
        session.push(append.events);
        if append.checkpoint.is_some() {
            session.checkpoint = append.checkpoint;
        }
        let next = session.next_seq;
        disk.changes.extend(append.change);
        Ok(next)
    }

    fn transcript(
        &self,
        id: &SessionId,
        generation: u64,
        from: u64,
        limit: usize,
    ) -> Result<Vec<TranscriptEntry>, StoreError> {
        let mut disk = self.reading()?;
        let entries = &disk.session(id)?.transcript;
        Ok(entries
            .iter()
            .filter(|entry| entry.generation == generation && entry.n >= from)
            .take(limit)
            .cloned()
            .collect())
    }

    fn remove(&self, remove: Remove) -> Result<Removed, StoreError> {
        let mut disk = self.writing()?;
        let session = disk.fenced(&remove.session, remove.fence)?;
        assert_eq!(session.next_seq, remove.seq);
        let removed = Removed {
            events: session.events.len() as u64,
            transcript_entries: session.transcript.len() as u64,
            resources: 0,
        };
        session.events.clear();
        session.transcript.clear();
        session.checkpoint = None;
        session.key = None;
        session.push(vec![remove.tombstone]);
        session.lease.host = None;
        disk.changes.push(remove.change);
        Ok(removed)
    }

    fn key(&self, id: &SessionId) -> Result<SessionKey, StoreError> {
        let key = self.reading()?.session(id)?.key.clone();
        key.ok_or_else(|| StoreError::NotFound {
            session: id.clone(),
        })
    }

    fn lease(&self, id: &SessionId) -> Result<Lease, StoreError> {
        Ok(self.reading()?.session(id)?.lease.clone())
    }

    fn lease_take(&self, seen: &Lease, until_us: i64) -> Result<Lease, StoreError> {
        let mut disk = self.writing()?;
        let lease = &mut disk.session(&seen.session)?.lease;
        if (&lease.host, lease.fence, lease.until_us) != (&seen.host, seen.fence, seen.until_us) {
            return Err(StoreError::LeaseMoved {
                session: seen.session.clone(),
            });
        }
        lease.host = Some(self.host.clone());
        lease.fence += 1;
        lease.until_us = until_us;
        lease.wanted = false;
        Ok(lease.clone())
    }

    fn lease_renew(&self, id: &SessionId, fence: u64, until_us: i64) -> Result<Lease, StoreError> {
        let mut disk = self.writing()?;
        let lease = &mut disk.fenced(id, fence)?.lease;
        lease.until_us = until_us;
        Ok(lease.clone())
    }

    fn lease_release(&self, id: &SessionId, fence: u64) -> Result<(), StoreError> {
        let mut disk = self.writing()?;
        if let Ok(session) = disk.fenced(id, fence) {
            session.lease.host = None;
            session.lease.wanted = false;
        }
        Ok(())
    }

    fn lease_want(&self, id: &SessionId, fence: u64) -> Result<(), StoreError> {
        let mut disk = self.writing()?;
        if let Ok(session) = disk.fenced(id, fence) {
            session.lease.wanted = true;
        }
        Ok(())
    }

    fn open_intents(&self, id: &SessionId, limit: usize) -> Result<Vec<OpenIntent>, StoreError> {
        let disk = self.reading()?;
        let open = disk.intents.get(id.as_str());
        Ok(open.into_iter().flatten().take(limit).cloned().collect())
    }

    fn performed(
        &self,
        id: &SessionId,
        call: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let disk = self.reading()?;
        let key = (id.to_string(), call.to_owned());
        let done = disk.performed.get(&key);
        Ok(done.into_iter().flatten().take(limit).cloned().collect())
    }

    fn resolution(&self, id: &SessionId, receipt: &str) -> Result<Option<Heard>, StoreError> {
        let key = (id.to_string(), receipt.to_owned());
        Ok(self.reading()?.resolutions.get(&key).cloned())
    }
}

impl Ledger for MemoryStore {
    fn submit(&self, draft: Draft) -> Result<Ticket, LedgerError> {
        let unavailable = |error: StoreError| LedgerError::Unavailable(error.to_string());
        let mut disk = self.writing().map_err(unavailable)?;
        if let Record::Outcome(outcome) = draft.record {
            let result = outcome.outcome.result;
            if result == OutcomeResult::Resolved {
                let key = (draft.session.clone(), outcome.receipt.clone());
                let heard = Heard {
                    call: outcome.call.clone(),
                    detail: outcome.outcome.detail.unwrap_or_default(),
                };
                disk.resolutions.insert(key, heard);
            }
            disk.outcomes.push((outcome.receipt.clone(), result));
            let open = disk.intents.entry(draft.session).or_default();
            match result {
                OutcomeResult::Indeterminate => open
                    .iter_mut()
                    .filter(|intent| intent.receipt == outcome.receipt)
                    .for_each(|intent| intent.indeterminate = true),
                _ => open.retain(|intent| intent.receipt != outcome.receipt),
            }
        }
        Ok(Ticket(disk.writes))
    }

    fn durable<'a>(
        &'a self,
        _: &'a [Ticket],
    ) -> Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn hurry(&self, _: &[Ticket]) {}

    fn write_now(&self, _: &[Ticket]) {}

    fn durable_here(&self, _: &[Ticket]) -> Result<(), LedgerError> {
        Ok(())
    }
}
