//! The grants generation, read often: every operation on an open handle compares it.
//!
//! A connection of its own asks SQLite whether anything at all was written (`PRAGMA data_version`, about
//! a microsecond) and reads the generation only then.

use crate::StoreError;
use crate::error::from_sql;
use crate::format::open_for_reading;
use rusqlite::Connection;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
pub(crate) struct Generation(Mutex<Option<Cached>>);

struct Cached {
    connection: Connection,
    data_version: i64,
    generation: u64,
}

impl Generation {
    /// The generation as it is stored now.
    pub(crate) fn read(&self, database: &Path) -> Result<u64, StoreError> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cached = match slot.take() {
            Some(cached) => cached,
            None => Cached {
                connection: open_for_reading(database)?,
                // No version that SQLite gives.
                data_version: -1,
                generation: 0,
            },
        };
        cached.refresh()?;
        let generation = cached.generation;
        // A connection that failed is not kept.
        *slot = Some(cached);
        Ok(generation)
    }
}

impl Cached {
    fn refresh(&mut self) -> Result<(), StoreError> {
        let data_version: i64 = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if data_version != self.data_version {
            // In this order a change between the two reads is seen the next time.
            self.generation = self
                .connection
                .prepare_cached("SELECT generation FROM authority")?
                .query_row([], |row| from_sql(row.get(0)?))?;
            self.data_version = data_version;
        }
        Ok(())
    }
}
