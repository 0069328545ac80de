//! The ledger as a tree whose size and root are signed: heads, proofs, exports, keys.

mod check;
mod export;
mod found;
mod prune;

pub use check::Checked;
pub(crate) use check::{changed, check};
pub use prune::Pruned;

use crate::error::{from_sql, to_sql};
use crate::tiles::{Tree, size};
use crate::{Store, StoreError, changed_ledger, now_us};
use rusqlite::{Connection, OptionalExtension, params};
use tollgate_contract::stop_point;
use tollgate_receipts::log::{
    Hash, SigningKey, TreeHead, VerifierKey, consistency_path, inclusion_path, leaf_hash, root,
};

/// A signed tree head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// What it states.
    pub head: TreeHead,
    /// When it was signed, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The signed note (C2SP signed-note).
    pub note: String,
}

/// A key of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerKey {
    /// Its public part.
    pub verifier: VerifierKey,
    /// Since when it signs, microseconds since the Unix epoch.
    pub since_us: i64,
}

/// Where the ledger stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerStatus {
    /// Entries in it.
    pub size: u64,
    /// Of entries below this index the body may be gone.
    pub pruned: u64,
    /// Bytes of the bodies that are there.
    pub bytes: u64,
    /// The last signed head.
    pub head: Option<SignedHead>,
    /// Signed heads in all.
    pub heads: u64,
    /// The keys, the one in force last.
    pub keys: Vec<LedgerKey>,
}

/// That an entry is in the tree (RFC 6962, section 2.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// Index of the leaf.
    pub index: u64,
    /// The leaf's bytes.
    pub entry: Vec<u8>,
    /// Hash of the leaf.
    pub leaf: Hash,
    /// The audit path, from the leaf up.
    pub path: Vec<Hash>,
}

/// The ledger's tree.
pub struct TreeLog<'a>(pub(crate) &'a Store);

impl TreeLog<'_> {
    /// Where the ledger stands.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read; so of every method that reads.
    pub fn status(&self) -> Result<LedgerStatus, StoreError> {
        self.0.readers.read(|connection| {
            let number = |sql: &str| -> Result<u64, StoreError> {
                let found: i64 = connection
                    .prepare_cached(sql)?
                    .query_row([], |row| row.get(0))?;
                Ok(from_sql(found)?)
            };
            Ok(LedgerStatus {
                size: size(connection)?,
                pruned: number("SELECT upto FROM ledger_retention")?,
                bytes: number("SELECT coalesce(sum(length(bytes)), 0) FROM ledger")?,
                head: last_head(connection)?,
                heads: number("SELECT count(*) FROM ledger_heads")?,
                keys: keys(connection)?,
            })
        })
    }

    /// The last signed head, or one of an earlier size exactly.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn head(&self, size: Option<u64>) -> Result<Option<SignedHead>, StoreError> {
        self.0.readers.read(|connection| match size {
            None => last_head(connection),
            Some(size) => read_head(
                connection,
                "SELECT time_us, note FROM ledger_heads WHERE size = ?1",
                &[&to_sql(size)?],
            ),
        })
    }

    /// Signs what there is now, if something has come since the last head; gives the last head.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the tree is not the one that was signed last; [`StoreError`] if the store
    /// cannot be written.
    pub fn sign(&self) -> Result<SignedHead, StoreError> {
        let signing = self.0.signing.clone();
        self.0.change(move |txn| {
            let key = signing.key(txn.connection())?;
            sign(txn.connection(), &key, None)
        })
    }

    /// The public key in force, made if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read or made.
    pub fn key(&self) -> Result<VerifierKey, StoreError> {
        let signing = self.0.signing.clone();
        self.0
            .change(move |txn| Ok(signing.key(txn.connection())?.verifier().clone()))
    }

    /// Puts another key in force. The head of this moment is signed by both, so that whoever trusts the old
    /// key can trust the new one; older heads stay valid under the old key. Gives the old and the new key.
    ///
    /// # Errors
    ///
    /// As [`TreeLog::sign`].
    pub fn rotate(&self, who: &str) -> Result<(VerifierKey, VerifierKey), StoreError> {
        let signing = self.0.signing.clone();
        let who = who.to_owned();
        let keys = self.0.change(move |txn| {
            let (old, new) = signing.rotate(txn.connection())?;
            let detail = format!("{} follows {}", new.verifier(), old.verifier().id());
            changed_ledger(txn, "ledger.rotate-key", &who, &detail)?;
            sign(txn.connection(), &new, Some(&old))?;
            Ok::<_, StoreError>((old.verifier().clone(), new.verifier().clone()))
        })?;
        // Puts the file in its place.
        self.key()?;
        Ok(keys)
    }

    /// [`TreeLog::rotate`] where the private part of the old key is lost: the head of this moment is signed by
    /// the new one alone. The ledger keeps its name, and the entry says what was lost.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if the key is not lost, otherwise as [`TreeLog::sign`].
    pub fn replace_lost_key(&self, who: &str) -> Result<(VerifierKey, VerifierKey), StoreError> {
        let signing = self.0.signing.clone();
        let who = who.to_owned();
        let keys = self.0.change(move |txn| {
            let (old, new) = signing.replace_lost(txn.connection())?;
            let detail = format!(
                "{} follows {}, whose private part is lost",
                new.verifier(),
                old.id()
            );
            changed_ledger(txn, "ledger.rotate-key", &who, &detail)?;
            sign(txn.connection(), &new, None)?;
            Ok::<_, StoreError>((old, new.verifier().clone()))
        })?;
        // Puts the file in its place.
        self.key()?;
        Ok(keys)
    }

    /// The entries of a receipt with the proof that each is in the tree of `head`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or an entry is newer than the head.
    pub fn prove(&self, receipt: &str, head: &TreeHead) -> Result<Vec<Inclusion>, StoreError> {
        self.0.readers.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT idx, bytes FROM ledger WHERE receipt = ?1
                 UNION SELECT idx, bytes FROM ledger
                 WHERE idx IN (SELECT idx FROM ledger_items WHERE receipt = ?1) ORDER BY idx",
            )?;
            let found = statement.query_map([receipt], |row| {
                Ok((from_sql(row.get(0)?)?, row.get::<_, Vec<u8>>(1)?))
            })?;
            let tree = Tree::new(connection);
            found
                .map(|row| {
                    let (index, entry) = row?;
                    let path = inclusion_path(head.size, index, &tree).map_err(damaged)?;
                    let leaf = leaf_hash(&entry);
                    Ok(Inclusion {
                        index,
                        entry,
                        leaf,
                        path,
                    })
                })
                .collect()
        })
    }

    /// The proof that the tree of `old` leaves is the beginning of that of `head`, and the root of the old one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or there is no such tree.
    pub fn consistency(&self, old: u64, head: &TreeHead) -> Result<(Hash, Vec<Hash>), StoreError> {
        self.0.readers.read(|connection| {
            let tree = Tree::new(connection);
            let path = consistency_path(head.size, old, &tree)
                .map_err(|error| StoreError::Refused(error.to_string()))?;
            Ok((root(old, &tree).map_err(damaged)?, path))
        })
    }
}

/// Checks every signed head against the tree and the keys; how many there are.
fn check_heads(connection: &Connection) -> Result<u64, StoreError> {
    let mut heads = 0;
    each_head(connection, |_, held| {
        heads += 1;
        held
    })?;
    Ok(heads)
}

/// If not every signed head holds: the size of the last one before the first that does not.
pub(crate) fn heads_hold_to(connection: &Connection) -> Result<Option<u64>, StoreError> {
    let (mut good, mut bad) = (0, false);
    each_head(connection, |size, held| {
        bad |= held.is_err();
        if !bad {
            good = size;
        }
        Ok(())
    })?;
    Ok(bad.then_some(good))
}

/// Hands over each signed head's size and whether it holds, in order.
fn each_head(
    connection: &Connection,
    mut take: impl FnMut(u64, Result<(), StoreError>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (tree, size) = (Tree::new(connection), size(connection)?);
    let keys = keys(connection)?;
    let mut statement =
        connection.prepare_cached("SELECT size, note FROM ledger_heads ORDER BY size")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    for row in rows {
        let (head_size, note): (i64, _) = row?;
        let head_size = from_sql(head_size)?;
        let verified = keys.iter().find_map(|key| key.verifier.verify(&note).ok());
        let held = match verified {
            None => Err(damaged("a tree head is signed by no key of this ledger")),
            Some(head) if head.size != head_size => Err(damaged(format!(
                "what is kept as the tree head of {head_size} entries is that of {}",
                head.size
            ))),
            Some(head) if head.size > size => Err(damaged(format!(
                "{} entries of the ledger were signed, and it has {size}: entries are gone from its end",
                head.size
            ))),
            Some(head) if root(head.size, &tree).map_err(damaged)? != head.root => {
                Err(damaged(format!(
                    "the ledger of {} entries is not the one that was signed",
                    head.size
                )))
            }
            Some(_) => Ok(()),
        };
        take(head_size, held)?;
    }
    Ok(())
}

/// Signs the tree of this moment if it has grown; gives the last head. In a transaction that writes.
pub(crate) fn sign(
    connection: &Connection,
    key: &SigningKey,
    beside: Option<&SigningKey>,
) -> Result<SignedHead, StoreError> {
    let tree = Tree::new(connection);
    let size = size(connection)?;
    if let Some(last) = last_head(connection)? {
        if last.head.size == size {
            return Ok(last);
        }
        let found = match last.head.size <= size {
            true => Some(root(last.head.size, &tree).map_err(damaged)?),
            false => None,
        };
        if found != Some(last.head.root) {
            return Err(StoreError::Damaged(format!(
                "the ledger of {} entries is not the one that was signed: entries were changed or removed",
                last.head.size
            )));
        }
    }
    let head = TreeHead {
        origin: key.verifier().origin().to_owned(),
        size,
        root: root(size, &tree).map_err(damaged)?,
        extension: String::new(),
    };
    let note = key
        .sign(&head, beside)
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let time_us = now_us();
    stop_point("store.before_head");
    connection
        .prepare_cached("INSERT INTO ledger_heads (size, time_us, note) VALUES (?1, ?2, ?3)")?
        .execute(params![to_sql(size)?, time_us, note])?;
    stop_point("store.after_head");
    Ok(SignedHead {
        head,
        time_us,
        note,
    })
}

fn last_head(connection: &Connection) -> Result<Option<SignedHead>, StoreError> {
    read_head(
        connection,
        "SELECT time_us, note FROM ledger_heads ORDER BY size DESC LIMIT 1",
        &[],
    )
}

fn read_head(
    connection: &Connection,
    sql: &str,
    with: &[&dyn rusqlite::ToSql],
) -> Result<Option<SignedHead>, StoreError> {
    let found = connection
        .prepare_cached(sql)?
        .query_row(with, |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    let Some((time_us, note)) = found else {
        return Ok(None);
    };
    let head =
        TreeHead::unverified(&note).map_err(|error| StoreError::Damaged(error.to_string()))?;
    Ok(Some(SignedHead {
        head,
        time_us,
        note,
    }))
}

pub(crate) fn keys(connection: &Connection) -> Result<Vec<LedgerKey>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT verifier, since_us FROM ledger_keys ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (verifier, since_us) = row?;
        let verifier = VerifierKey::parse(&verifier)
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(LedgerKey { verifier, since_us })
    })
    .collect()
}

fn damaged(error: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(error.to_string())
}
