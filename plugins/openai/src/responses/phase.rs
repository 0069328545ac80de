//! What part a message has in an answer: a remark on the way to it, or the answer itself.
//!
//! The contract's text has no place for it, and a model answers worse where it is lost. So it is kept in an opaque
//! block of its own before the text, and holds for the texts after it up to the next such block.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Mark {
    Phase { phase: String },
}

/// The bytes that keep a phase.
pub(super) fn mark(phase: &str) -> Vec<u8> {
    let mark = Mark::Phase {
        phase: phase.into(),
    };
    serde_json::to_vec(&mark).unwrap_or_default()
}

/// The phase that bytes keep; none if they keep something else.
pub(super) fn read(data: &[u8]) -> Option<String> {
    let Mark::Phase { phase } = serde_json::from_slice(data).ok()?;
    Some(phase)
}
