//! What sessions need of a store. `tollgate-store` implements it.
//!
//! Every method is synchronous and takes milliseconds (a store that waits for another process may take
//! up to its own bound, seconds). Nothing here knows SQL, and the store knows nothing of what an event
//! means: events and transcript entries are JSON texts that this crate makes and reads.
//!
//! Invariants that an implementation keeps:
//! - Every write is one transaction, durable when the method returns. It happens whole or not at all.
//! - Every write but [`SessionStore::create`] is conditional on the fence: it fails with
//!   [`StoreError::FenceLost`] unless the session's lease row has exactly that fence and is not free.
//!   It does not look at `until_us`: who is late but was not replaced may still write.
//! - Events of a session are dense from [`FIRST_SEQ`]; an append names the sequence that it expects next.
//! - A change of a session (`session.launch`, `session.prompt`, `session.stop`, `session.restart`,
//!   `session.rm`, …) is a [`ChangeRecord`] in the same write, and the store appends it to the ledger
//!   *in the same transaction*, as `Draft { session, record: Record::Change(change) }`. There is
//!   neither an event without its ledger entry nor a ledger entry without its event.
//! - A fence only grows, also across release, removal and restart of the store.

use tollgate_contract::{RunId, SessionId};
use tollgate_receipts::ChangeRecord;

/// The sequence of a session's first event.
pub const FIRST_SEQ: u64 = 1;
/// The number of a generation's first transcript entry.
pub const FIRST_ENTRY: u64 = 1;
/// The most bytes of one event's JSON.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of one transcript entry's JSON.
pub const TRANSCRIPT_ENTRY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The process that may own sessions, unique per opened store (a UUID): never used twice, so that a
/// dead owner stays dead. On opening, the store makes a lock file of this name and holds its lock
/// until the process ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub String);

/// What is known of the process behind a [`HostId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Its lock file is locked: the process lives (it may be stopped).
    Alive,
    /// On this machine, and its lock is free: it will never write again.
    Dead,
    /// On another machine, or the lock cannot be looked at: only `until_us` tells.
    Unknown,
}

/// The lease row of a session. Exactly one exists from `create` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The session.
    pub session: SessionId,
    /// The owner; none when released.
    pub host: Option<HostId>,
    /// Grows by one with every [`SessionStore::lease_take`].
    pub fence: u64,
    /// Until when the owner has it, microseconds since the Unix epoch.
    pub until_us: i64,
    /// Another process has asked the owner to let go ([`SessionStore::lease_want`]). Cleared by
    /// take and release.
    pub wanted: bool,
}

/// One event to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The event's own id, a UUIDv7; unique in the store.
    pub id: String,
    /// When, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The event's name, such as `prompt_received`; also inside `json`.
    pub kind: String,
    /// The whole event, with its schema; at most [`EVENT_BYTES_MAX`] bytes.
    pub json: String,
}

/// One event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the session.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// When, microseconds since the Unix epoch.
    pub time_us: i64,
    /// Its name.
    pub kind: String,
    /// The whole event.
    pub json: String,
}

/// One entry of the private transcript, addressed by (session, generation, n).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptEntry {
    /// The context generation.
    pub generation: u64,
    /// Dense within the generation, from [`FIRST_ENTRY`].
    pub n: u64,
    /// The entry, schema `tollgate.transcript/1`; at most [`TRANSCRIPT_ENTRY_BYTES_MAX`] bytes.
    pub json: String,
}

/// The fold of a session's events up to a sequence, kept to save time. The log decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last event that it contains.
    pub seq: u64,
    /// The state; a reader that does not understand it folds the log instead.
    pub json: String,
}

/// A session that does not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// Its id; one that was ever used is refused with [`StoreError::Exists`], also a removed one.
    pub session: SessionId,
    /// Its first events, from [`FIRST_SEQ`]; not empty.
    pub events: Vec<NewEvent>,
    /// `session.launch`, for the ledger, in the same transaction.
    pub change: ChangeRecord,
    /// The lease that the creator gets (fence 1), until then.
    pub until_us: i64,
}

/// One append: events, transcript entries, ledger change and checkpoint, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The session.
    pub session: SessionId,
    /// The fence under which the writer writes.
    pub fence: u64,
    /// The sequence of the first of `events`; [`StoreError::SeqMoved`] if the log is elsewhere.
    pub seq: u64,
    /// The events, in order; not empty.
    pub events: Vec<NewEvent>,
    /// Transcript entries. Numbers continue their generation's without a gap, else
    /// [`StoreError::Refused`].
    pub transcript: Vec<TranscriptEntry>,
    /// For the ledger, in the same transaction.
    pub change: Option<ChangeRecord>,
    /// Replaces the session's checkpoint.
    pub checkpoint: Option<Checkpoint>,
}

/// One session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The session.
    pub session: SessionId,
    /// The sequence that the next event will have.
    pub next_seq: u64,
    /// The last checkpoint, if one was written.
    pub checkpoint: Option<Checkpoint>,
    /// Its lease row.
    pub lease: Lease,
}

/// What `remove` shall do, in one transaction.
///
/// Deleted: all earlier events, the transcript, the checkpoint, the session key, and every plugin
/// key-value or scratch record that the store keeps for the session. Kept: the ledger (it is
/// append-only), the lease row (its fence keeps growing), and the tombstone as the only event, so
/// that the id is never used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remove {
    /// The session.
    pub session: SessionId,
    /// The fence under which the writer writes.
    pub fence: u64,
    /// The tombstone's sequence: the next of the log.
    pub seq: u64,
    /// The `removed` event.
    pub tombstone: NewEvent,
    /// `session.rm`, for the ledger, in the same transaction.
    pub change: ChangeRecord,
}

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Events, without the tombstone.
    pub events: u64,
    /// Transcript entries.
    pub transcript_entries: u64,
    /// Other records that belonged to the session: key-value, scratch.
    pub resources: u64,
}

/// An effect whose last ledger entry is an intent, or an outcome `indeterminate` that no operator has
/// resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIntent {
    /// The receipt.
    pub receipt: String,
    /// The call that intended it.
    pub call: String,
    /// The run of that call.
    pub run: Option<RunId>,
    /// The plugin's name.
    pub plugin: String,
    /// The kind of effect.
    pub kind: String,
    /// The target as the entry shows it.
    pub target: String,
    /// When it was intended, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The grant that allowed it.
    pub grant: Option<String>,
    /// Whether an `indeterminate` outcome is already written.
    pub indeterminate: bool,
}

/// A word on an effect that the ledger has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The call that had begun the effect.
    pub call: String,
    /// The detail of its outcome `resolved`.
    pub detail: String,
}

/// A session's secret for keyed hashes (HMAC-SHA256, RFC 2104). It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// Takes 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for hashing only.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// Why the store did not do it. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No such session.
    #[error("no session has the id {session}; see `tollgate agent list`")]
    NotFound {
        /// The id.
        session: SessionId,
    },
    /// The id is or was in use.
    #[error("session {session} exists or existed; ids are not used twice, choose another")]
    Exists {
        /// The id.
        session: SessionId,
    },
    /// The log is not where the writer thought.
    #[error("session {session} has moved: expected event {expected}, the log is at {found}")]
    SeqMoved {
        /// The session.
        session: SessionId,
        /// The sequence that the writer named.
        expected: u64,
        /// The sequence that the next event has.
        found: u64,
    },
    /// Another process owns the session now.
    #[error(
        "session {session} is owned by another process now (fence {held} was replaced by {found})"
    )]
    FenceLost {
        /// The session.
        session: SessionId,
        /// The fence of the writer.
        held: u64,
        /// The fence of the row.
        found: u64,
    },
    /// The lease row is not what the caller saw.
    #[error("the lease of session {session} has changed meanwhile")]
    LeaseMoved {
        /// The session.
        session: SessionId,
    },
    /// A bound or a rule of the format.
    #[error("the store refused the record: {0}")]
    Refused(String),
    /// The store was written by a newer version; it can be read, not written.
    #[error("the store has the newer format {found}; this version writes up to {known}")]
    NewerFormat {
        /// The format in the store.
        found: u32,
        /// The newest format that this version writes.
        known: u32,
    },
    /// The store cannot be read or written now: disk full, I/O error, busy for too long.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}

/// Where sessions are kept. See the module for what holds of every method.
pub trait SessionStore: Send + Sync {
    /// Who this process is.
    fn host(&self) -> &HostId;

    /// Whether the process behind `host` lives.
    fn liveness(&self, host: &HostId) -> Liveness;

    /// Creates a session with its first events, its lease (fence 1, owned by [`Self::host`]) and a
    /// fresh random [`SessionKey`].
    fn create(&self, create: Create) -> Result<Lease, StoreError>;

    /// Reads at most `limit` events from sequence `from` on, in order. Empty past the end. A removed
    /// session has only its tombstone.
    fn load(
        &self,
        session: &SessionId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// The row of one session.
    fn row(&self, session: &SessionId) -> Result<SessionRow, StoreError>;

    /// At most `limit` sessions by id, after `after`; removed ones included (their only event tells).
    fn list(&self, after: Option<&SessionId>, limit: usize) -> Result<Vec<SessionRow>, StoreError>;

    /// Appends; see [`Append`]. Returns the sequence that the next event will have.
    fn append(&self, append: Append) -> Result<u64, StoreError>;

    /// Reads at most `limit` transcript entries of one generation from number `from` on, in order.
    fn transcript(
        &self,
        session: &SessionId,
        generation: u64,
        from: u64,
        limit: usize,
    ) -> Result<Vec<TranscriptEntry>, StoreError>;

    /// Deletes a session but for its tombstone; see [`Remove`]. The lease is free afterwards.
    fn remove(&self, remove: Remove) -> Result<Removed, StoreError>;

    /// The session's key; [`StoreError::NotFound`] once it was removed.
    fn key(&self, session: &SessionId) -> Result<SessionKey, StoreError>;

    /// The lease row.
    fn lease(&self, session: &SessionId) -> Result<Lease, StoreError>;

    /// Takes the lease for [`Self::host`] until `until_us`, if the row still has the `host`, `fence`
    /// and `until_us` of `seen`: a compare and swap. The caller has decided that it may (the row was
    /// free, its owner is dead or late, or the operator seizes it). The fence grows by one and
    /// `wanted` is cleared. Else [`StoreError::LeaseMoved`].
    fn lease_take(&self, seen: &Lease, until_us: i64) -> Result<Lease, StoreError>;

    /// Moves `until_us` of a lease with this fence; [`StoreError::FenceLost`] if it was replaced.
    /// Returns the row, so that the owner sees `wanted`.
    fn lease_renew(
        &self,
        session: &SessionId,
        fence: u64,
        until_us: i64,
    ) -> Result<Lease, StoreError>;

    /// Frees a lease with this fence: `host` none, `wanted` cleared, same fence. It is no error if
    /// the fence was replaced meanwhile.
    fn lease_release(&self, session: &SessionId, fence: u64) -> Result<(), StoreError>;

    /// Asks the owner with this fence to let go; no error if it has already.
    fn lease_want(&self, session: &SessionId, fence: u64) -> Result<(), StoreError>;

    /// The session's effects that are intended and not settled, or indeterminate and not resolved,
    /// oldest first, at most `limit`. What is written about them goes through
    /// [`tollgate_receipts::Ledger`] as `Record::Outcome` with the same receipt.
    fn open_intents(
        &self,
        session: &SessionId,
        limit: usize,
    ) -> Result<Vec<OpenIntent>, StoreError>;

    /// Receipts of effects of one call of the session that were performed as far as anybody knows: they have
    /// an outcome, and nobody has said of them that they were not performed or may be again. At most
    /// `limit`, oldest first.
    fn performed(
        &self,
        session: &SessionId,
        call: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;

    /// What was said in the ledger of an indeterminate effect of the session. None if nobody has said
    /// anything.
    fn resolution(&self, session: &SessionId, receipt: &str) -> Result<Option<Heard>, StoreError>;
}
