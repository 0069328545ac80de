//! The ledger as it lies in the database, read without any code of the store.

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// What the first entry of a chain names as its predecessor: 32 zero bytes.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One entry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Place in the host's log.
    pub(crate) index: i64,
    /// The session.
    pub(crate) session: String,
    /// Place in the session's chain, from 1.
    pub(crate) seq: i64,
    /// The content.
    pub(crate) body: Value,
    bytes: Vec<u8>,
}

impl Entry {
    /// A text of the content; empty if it is not there.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The content as it was written.
    pub(crate) fn written(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    /// The type of the entry.
    pub(crate) fn kind(&self) -> &str {
        self.text("/type")
    }
}

/// Every entry in the order of the log. `home` is Tollgate's own directory.
pub(crate) fn read(home: &Path) -> Vec<Entry> {
    let connection = open(home);
    let mut query = connection
        .prepare(
            "SELECT l.idx, s.name, l.seq, l.bytes FROM ledger l
             JOIN ledger_sessions s ON s.id = l.session ORDER BY l.idx",
        )
        .unwrap();
    let rows = query.query_map([], |row| {
        Ok((
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get::<_, Vec<u8>>(3)?,
        ))
    });
    rows.unwrap()
        .map(|row| {
            let (index, session, seq, bytes) = row.unwrap();
            let body = serde_json::from_slice(&bytes).unwrap();
            Entry {
                index,
                session,
                seq,
                body,
                bytes,
            }
        })
        .collect()
}

/// The database, for reading.
pub(crate) fn open(home: &Path) -> Connection {
    let path = home.join("state/store/store.db");
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    connection
        .busy_timeout(std::time::Duration::from_secs(10))
        .unwrap();
    connection
}

/// Panics unless the log is dense, every session's chain is dense, and each entry carries the leaf hash
/// (RFC 6962, section 2.1) of the one before it.
#[track_caller]
pub(crate) fn verify(entries: &[Entry]) {
    let mut heads: BTreeMap<&str, (i64, String)> = BTreeMap::new();
    for (index, entry) in (0_i64..).zip(entries) {
        assert_eq!(entry.index, index, "the log has a gap");
        let (seq, hash) = heads
            .remove(entry.session.as_str())
            .unwrap_or_else(|| (0, NO_HASH.to_owned()));
        assert_eq!(
            entry.seq,
            seq + 1,
            "the chain of {} has a gap",
            entry.session
        );
        assert_eq!(entry.body["seq"], entry.seq, "{}", entry.session);
        assert_eq!(entry.text("/prev"), hash, "{} {}", entry.session, entry.seq);
        let hash = hex::encode(
            Sha256::new_with_prefix([0])
                .chain_update(&entry.bytes)
                .finalize(),
        );
        heads.insert(&entry.session, (entry.seq, hash));
    }
}
