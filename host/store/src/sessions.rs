//! Sessions: events, leases, transcript. What holds of every method says `SessionStore`.

use crate::error::{from_sql, to_sql};
use crate::query::{IntentsOf, ReceiptFilter};
use crate::txn::Txn;
use crate::{Store, StoreError, kv, quotas};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tollgate_contract::{RunId, SessionId};
use tollgate_receipts::{Class, Receipt, Standing, Verdict};
use tollgate_sessions::ports::{
    Append, Checkpoint, Create, EVENT_BYTES_MAX, FIRST_ENTRY, FIRST_SEQ, Heard, HostId, Lease,
    Liveness, NewEvent, OpenIntent, Remove, Removed, SessionKey, SessionRow, SessionStore,
    StoreError as Error, StoredEvent, TRANSCRIPT_ENTRY_BYTES_MAX, TranscriptEntry,
};
use tollgate_sessions::status::Resolution;

const ROW: &str = "id, next_seq, checkpoint_seq, checkpoint_json, host, fence, until_us, wanted";

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NewerFormat { found, known } => Self::NewerFormat { found, known },
            StoreError::Refused(why) => Self::Refused(why),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl SessionStore for Store {
    fn host(&self) -> &HostId {
        self.host.id()
    }

    fn liveness(&self, host: &HostId) -> Liveness {
        self.host.liveness(host)
    }

    fn create(&self, create: Create) -> Result<Lease, Error> {
        check_events(&create.events)?;
        let keys = self.keys.clone();
        let host = self.host().clone();
        self.change(move |txn| {
            let session = create.session;
            if find(txn.connection(), &session)?.is_some() {
                return Err(Error::Exists { session });
            }
            // A file that is there is of a creation that was interrupted: no row, no meaning.
            keys.create(session.as_str())?;
            let next_seq = FIRST_SEQ + create.events.len() as u64;
            execute(
                txn,
                "INSERT INTO sessions (id, next_seq, host, fence, until_us) VALUES (?1, ?2, ?3, 1, ?4)",
                params![session.as_str(), to_sql(next_seq)?, host.0, create.until_us],
            )?;
            insert_events(txn, &session, FIRST_SEQ, &create.events)?;
            txn.record_change(session.as_str(), create.change)?;
            Ok(Lease {
                session,
                host: Some(host),
                fence: 1,
                until_us: create.until_us,
                wanted: false,
            })
        })
    }

    fn load(
        &self,
        session: &SessionId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, Error> {
        self.readers.read(|connection| {
            let events: Vec<StoredEvent> = rows(
                connection,
                "SELECT seq, id, time_us, kind, json FROM session_events
                 WHERE session = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3",
                params![session.as_str(), to_sql(from)?, limit_of(limit)],
                |row| {
                    Ok(StoredEvent {
                        seq: from_sql(row.get(0)?)?,
                        id: row.get(1)?,
                        time_us: row.get(2)?,
                        kind: row.get(3)?,
                        json: row.get(4)?,
                    })
                },
            )?;
            if events.is_empty() {
                require(connection, session)?;
            }
            Ok(events)
        })
    }

    fn row(&self, session: &SessionId) -> Result<SessionRow, Error> {
        self.readers.read(|connection| {
            let found = rows(
                connection,
                &format!("SELECT {ROW} FROM sessions WHERE id = ?1"),
                params![session.as_str()],
                |row| Ok(session_row(row)),
            )?;
            let not_found = || Error::NotFound {
                session: session.clone(),
            };
            found.into_iter().next().ok_or_else(not_found)?
        })
    }

    fn list(&self, after: Option<&SessionId>, limit: usize) -> Result<Vec<SessionRow>, Error> {
        self.readers.read(|connection| {
            rows(
                connection,
                &format!("SELECT {ROW} FROM sessions WHERE id > ?1 ORDER BY id LIMIT ?2"),
                params![after.map_or("", SessionId::as_str), limit_of(limit)],
                |row| Ok(session_row(row)),
            )?
            .into_iter()
            .collect()
        })
    }

    fn append(&self, append: Append) -> Result<u64, Error> {
        check_events(&append.events)?;
        for entry in &append.transcript {
            check_bytes("transcript entry", &entry.json, TRANSCRIPT_ENTRY_BYTES_MAX)?;
        }
        // Small appends may use the reserve: with them a session says that it is blocked.
        let urgent = append.transcript.is_empty();
        self.change_with(urgent, move |txn| {
            let session = &append.session;
            hold(txn, session, append.fence, append.seq)?;
            insert_events(txn, session, append.seq, &append.events)?;
            for entry in &append.transcript {
                insert_transcript(txn, session, entry)?;
            }
            let next_seq = append.seq + append.events.len() as u64;
            execute(
                txn,
                "UPDATE sessions SET next_seq = ?2 WHERE id = ?1",
                params![session.as_str(), to_sql(next_seq)?],
            )?;
            if let Some(checkpoint) = &append.checkpoint {
                execute(
                    txn,
                    "UPDATE sessions SET checkpoint_seq = ?2, checkpoint_json = ?3 WHERE id = ?1",
                    params![session.as_str(), to_sql(checkpoint.seq)?, checkpoint.json],
                )?;
            }
            if let Some(change) = append.change {
                txn.record_change(session.as_str(), change)?;
            }
            Ok(next_seq)
        })
    }

    fn transcript(
        &self,
        session: &SessionId,
        generation: u64,
        from: u64,
        limit: usize,
    ) -> Result<Vec<TranscriptEntry>, Error> {
        self.readers.read(|connection| {
            let entries = rows(
                connection,
                "SELECT n, json FROM session_transcript
                 WHERE session = ?1 AND generation = ?2 AND n >= ?3 ORDER BY n LIMIT ?4",
                params![
                    session.as_str(),
                    to_sql(generation)?,
                    to_sql(from)?,
                    limit_of(limit)
                ],
                |row| {
                    Ok(TranscriptEntry {
                        generation,
                        n: from_sql(row.get(0)?)?,
                        json: row.get(1)?,
                    })
                },
            )?;
            if entries.is_empty() {
                require(connection, session)?;
            }
            Ok(entries)
        })
    }

    fn remove(&self, remove: Remove) -> Result<Removed, Error> {
        check_events(std::slice::from_ref(&remove.tombstone))?;
        self.change(move |txn| delete_session(txn, remove))
    }

    fn key(&self, session: &SessionId) -> Result<SessionKey, Error> {
        let not_found = || Error::NotFound {
            session: session.clone(),
        };
        if self
            .readers
            .read(|connection| require(connection, session))?
        {
            return Err(not_found());
        }
        let bytes = self.keys.read(session.as_str())?.ok_or_else(|| {
            Error::Unavailable(format!("the key file of session {session} is missing"))
        })?;
        Ok(SessionKey::new(bytes))
    }

    fn lease(&self, session: &SessionId) -> Result<Lease, Error> {
        Ok(self.row(session)?.lease)
    }

    fn lease_take(&self, seen: &Lease, until_us: i64) -> Result<Lease, Error> {
        let seen = seen.clone();
        let host = self.host().clone();
        self.change(move |txn| {
            let taken = execute(
                txn,
                "UPDATE sessions SET host = ?2, fence = fence + 1, until_us = ?3, wanted = 0
                 WHERE id = ?1 AND host IS ?4 AND fence = ?5 AND until_us = ?6",
                params![
                    seen.session.as_str(),
                    host.0,
                    until_us,
                    seen.host.as_ref().map(|host| &host.0),
                    to_sql(seen.fence)?,
                    seen.until_us
                ],
            )?;
            if taken == 0 {
                require(txn.connection(), &seen.session)?;
                return Err(Error::LeaseMoved {
                    session: seen.session,
                });
            }
            Ok(Lease {
                host: Some(host),
                fence: seen.fence + 1,
                until_us,
                wanted: false,
                session: seen.session,
            })
        })
    }

    fn lease_renew(&self, session: &SessionId, fence: u64, until_us: i64) -> Result<Lease, Error> {
        let session = session.clone();
        self.change(move |txn| {
            let mut row = held(txn, &session, fence)?;
            execute(
                txn,
                "UPDATE sessions SET until_us = ?2 WHERE id = ?1",
                params![session.as_str(), until_us],
            )?;
            row.lease.until_us = until_us;
            Ok(row.lease)
        })
    }

    fn lease_release(&self, session: &SessionId, fence: u64) -> Result<(), Error> {
        let session = session.clone();
        self.change(move |txn| {
            let freed = execute(
                txn,
                "UPDATE sessions SET host = NULL, wanted = 0 WHERE id = ?1 AND fence = ?2",
                params![session.as_str(), to_sql(fence)?],
            )?;
            if freed == 0 {
                require(txn.connection(), &session)?;
            }
            Ok(())
        })
    }

    fn lease_want(&self, session: &SessionId, fence: u64) -> Result<(), Error> {
        let session = session.clone();
        self.change(move |txn| {
            let asked = execute(
                txn,
                "UPDATE sessions SET wanted = 1 WHERE id = ?1 AND fence = ?2 AND host IS NOT NULL",
                params![session.as_str(), to_sql(fence)?],
            )?;
            if asked == 0 {
                require(txn.connection(), &session)?;
            }
            Ok(())
        })
    }

    fn open_intents(&self, session: &SessionId, limit: usize) -> Result<Vec<OpenIntent>, Error> {
        let open = self
            .log()
            .open_intents(IntentsOf::Session(session.as_str()), limit)?;
        let intent = |open: crate::OpenReceipt| {
            let receipt = open.receipt;
            Ok(OpenIntent {
                run: receipt.run.map(RunId::new).transpose().map_err(|error| {
                    Error::Unavailable(format!("receipt {}: {error}", receipt.id))
                })?,
                receipt: receipt.id,
                call: receipt.call,
                plugin: receipt.plugin.name.clone(),
                kind: receipt.kind,
                target: receipt.target.map(|target| target.text).unwrap_or_default(),
                time_us: receipt.time_us,
                grant: receipt.decision.grant,
                indeterminate: open.indeterminate,
            })
        };
        open.into_iter().map(intent).collect()
    }

    fn performed(
        &self,
        session: &SessionId,
        call: &str,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let filter = ReceiptFilter {
            session: Some(session.to_string()),
            call: Some(call.to_owned()),
            decision: Some(Verdict::Allowed),
            ..ReceiptFilter::default()
        };
        let stands = |receipt: &Receipt| {
            let standing = matches!(receipt.standing, Standing::Settled | Standing::Closed);
            let said = receipt.resolved.as_ref();
            let said = said.and_then(|said| said.outcome.detail.as_deref());
            standing
                && receipt.class == Some(Class::Strict)
                && !said.is_some_and(Resolution::repeats)
        };
        let page = self.log().receipts(&filter)?;
        let receipts = page.receipts.into_iter().map(|listed| listed.receipt);
        Ok(receipts
            .filter(stands)
            .map(|receipt| receipt.id)
            .take(limit)
            .collect())
    }

    fn resolution(&self, session: &SessionId, receipt: &str) -> Result<Option<Heard>, Error> {
        let receipt = self.log().receipt(receipt)?;
        let receipt = receipt.filter(|receipt| receipt.session == session.as_str());
        Ok(receipt.and_then(|receipt| {
            Some(Heard {
                detail: receipt.resolved?.outcome.detail.unwrap_or_default(),
                call: receipt.call,
            })
        }))
    }
}

fn check_events(events: &[NewEvent]) -> Result<(), Error> {
    if events.is_empty() {
        return Err(Error::Refused("there is no event to append".into()));
    }
    for event in events {
        check_bytes("event", &event.json, EVENT_BYTES_MAX)?;
    }
    Ok(())
}

fn check_bytes(what: &str, json: &str, bytes_max: usize) -> Result<(), Error> {
    if json.len() > bytes_max {
        return Err(Error::Refused(format!(
            "the {what} has {} bytes, more than {bytes_max}",
            json.len()
        )));
    }
    Ok(())
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(crate) fn execute(
    txn: &Txn<'_>,
    sql: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<usize, StoreError> {
    Ok(txn.connection().prepare_cached(sql)?.execute(parameters)?)
}

pub(crate) fn rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn rusqlite::ToSql],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    Ok(connection
        .prepare_cached(sql)?
        .query_map(parameters, read)?
        .collect::<Result<_, _>>()?)
}

/// Whether the session was removed; none if it never was.
fn find(connection: &Connection, session: &SessionId) -> Result<Option<bool>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT removed FROM sessions WHERE id = ?1")?
        .query_row([session.as_str()], |row| row.get(0))
        .optional()?)
}

/// As [`find`], and an error for a session that never was.
fn require(connection: &Connection, session: &SessionId) -> Result<bool, Error> {
    find(connection, session)?.ok_or_else(|| Error::NotFound {
        session: session.clone(),
    })
}

/// The row, if it has this fence and an owner.
fn held(txn: &Txn<'_>, session: &SessionId, fence: u64) -> Result<SessionRow, Error> {
    let found = txn
        .connection()
        .prepare_cached(&format!("SELECT {ROW} FROM sessions WHERE id = ?1"))
        .map_err(StoreError::from)?
        .query_row([session.as_str()], |row| Ok(session_row(row)))
        .optional()
        .map_err(StoreError::from)?;
    let row = found.ok_or_else(|| Error::NotFound {
        session: session.clone(),
    })??;
    if row.lease.fence != fence || row.lease.host.is_none() {
        return Err(Error::FenceLost {
            session: session.clone(),
            held: fence,
            found: row.lease.fence,
        });
    }
    Ok(row)
}

/// As [`held`], and the log must be at `seq`.
fn hold(txn: &Txn<'_>, session: &SessionId, fence: u64, seq: u64) -> Result<(), Error> {
    let row = held(txn, session, fence)?;
    if row.next_seq != seq {
        return Err(Error::SeqMoved {
            session: session.clone(),
            expected: seq,
            found: row.next_seq,
        });
    }
    Ok(())
}

fn insert_events(
    txn: &Txn<'_>,
    session: &SessionId,
    first: u64,
    events: &[NewEvent],
) -> Result<(), StoreError> {
    for (event, seq) in events.iter().zip(first..) {
        execute(
            txn,
            "INSERT INTO session_events (session, seq, id, time_us, kind, json)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                session.as_str(),
                to_sql(seq)?,
                event.id,
                event.time_us,
                event.kind,
                event.json
            ],
        )?;
    }
    Ok(())
}

fn insert_transcript(
    txn: &Txn<'_>,
    session: &SessionId,
    entry: &TranscriptEntry,
) -> Result<(), StoreError> {
    let generation = to_sql(entry.generation)?;
    let last: Option<i64> = txn
        .connection()
        .prepare_cached(
            "SELECT max(n) FROM session_transcript WHERE session = ?1 AND generation = ?2",
        )?
        .query_row(params![session.as_str(), generation], |row| row.get(0))?;
    let next = match last {
        Some(last) => last + 1,
        None => to_sql(FIRST_ENTRY)?,
    };
    if to_sql(entry.n)? != next {
        return Err(StoreError::Refused(format!(
            "transcript entry {} of generation {} does not follow: {next} comes next",
            entry.n, entry.generation
        )));
    }
    execute(
        txn,
        "INSERT INTO session_transcript (session, generation, n, json) VALUES (?1, ?2, ?3, ?4)",
        params![session.as_str(), generation, next, entry.json],
    )?;
    Ok(())
}

fn delete_session(txn: &mut Txn<'_>, remove: Remove) -> Result<Removed, Error> {
    let session = &remove.session;
    hold(txn, session, remove.fence, remove.seq)?;
    let delete = |sql: &str| -> Result<u64, StoreError> {
        Ok(execute(txn, sql, params![session.as_str()])? as u64)
    };
    let events = delete("DELETE FROM session_events WHERE session = ?1")?;
    let transcript_entries = delete("DELETE FROM session_transcript WHERE session = ?1")?;
    insert_events(txn, session, remove.seq, &[remove.tombstone])?;
    execute(
        txn,
        "UPDATE sessions SET next_seq = ?2, removed = 1, checkpoint_seq = NULL,
         checkpoint_json = NULL, host = NULL, wanted = 0 WHERE id = ?1",
        params![session.as_str(), to_sql(remove.seq + 1)?],
    )?;
    let resources = kv::delete_of_session(txn, session.as_str())?;
    quotas::delete_of_session(txn, session.as_str())?;
    txn.record_change(session.as_str(), remove.change)?;
    Ok(Removed {
        events,
        transcript_entries,
        resources,
    })
}

fn session_row(row: &Row<'_>) -> Result<SessionRow, Error> {
    read_session_row(row)
        .map_err(StoreError::from)?
        .map_err(|error| Error::Unavailable(format!("the store is damaged: {error}")))
}

fn read_session_row(
    row: &Row<'_>,
) -> rusqlite::Result<Result<SessionRow, tollgate_contract::IdError>> {
    let session = match SessionId::new(row.get::<_, String>(0)?) {
        Ok(session) => session,
        Err(error) => return Ok(Err(error)),
    };
    let checkpoint = match (row.get::<_, Option<i64>>(2)?, row.get(3)?) {
        (Some(seq), Some(json)) => Some(Checkpoint {
            seq: from_sql(seq)?,
            json,
        }),
        _ => None,
    };
    Ok(Ok(SessionRow {
        session: session.clone(),
        next_seq: from_sql(row.get(1)?)?,
        checkpoint,
        lease: Lease {
            session,
            host: row.get::<_, Option<String>>(4)?.map(HostId),
            fence: from_sql(row.get(5)?)?,
            until_us: row.get(6)?,
            wanted: row.get(7)?,
        },
    }))
}
