//! The envelope in which an event is stored, and how it is read.

use super::{EVENT_SCHEMA, EVENT_SCHEMA_2, Event};
use serde::{Deserialize, Serialize};

/// An event with its envelope: the JSON that is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// [`Event::schema`].
    pub schema: String,
    /// Its id, a UUIDv7 (RFC 9562 section 5.7).
    pub id: String,
    /// The session.
    pub session: String,
    /// When, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The operator's subject under whom it happened.
    pub who: String,
    /// What happened.
    pub event: Event,
}

/// A stored event that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It was written by a newer version.
    #[error(
        "event {seq} has the schema {schema:?}, this version knows up to {EVENT_SCHEMA_2}; use a newer tollgate"
    )]
    Newer {
        /// Its place.
        seq: u64,
        /// Its schema.
        schema: String,
    },
    /// It is not what this version wrote.
    #[error("event {seq} cannot be read: {message}")]
    Malformed {
        /// Its place.
        seq: u64,
        /// What is wrong.
        message: String,
    },
}

impl EventRecord {
    /// Reads a stored event.
    pub fn parse(seq: u64, json: &str) -> Result<Self, EventError> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let malformed = |error: serde_json::Error| EventError::Malformed {
            seq,
            message: error.to_string(),
        };
        let head: Head = serde_json::from_str(json).map_err(malformed)?;
        if ![EVENT_SCHEMA, EVENT_SCHEMA_2].contains(&head.schema.as_str()) {
            return Err(EventError::Newer {
                seq,
                schema: head.schema.chars().take(64).collect(),
            });
        }
        serde_json::from_str(json).map_err(malformed)
    }
}
