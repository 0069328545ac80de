//! Where notes are: the namespace of the key-value store.

use crate::NAMESPACE;
use crate::bounds::NOTES_MAX;
use crate::id::is_id;
use crate::note::Note;
use tollgate_sdk::ToolError;
use tollgate_sdk::kv::Bucket;

/// The open namespace.
pub(crate) struct Shelf(Bucket);

/// Goes through the notes, the newest first.
pub(crate) struct Notes<'a> {
    shelf: &'a Shelf,
    ids: Vec<String>,
    /// Keys that hold no readable note.
    pub(crate) unreadable: usize,
}

impl Shelf {
    pub(crate) fn open() -> Result<Self, ToolError> {
        Ok(Self(Bucket::open(NAMESPACE)?))
    }

    /// Keeps a note under a new identifier.
    pub(crate) fn add(&self, id: &str, note: &Note) -> Result<(), ToolError> {
        let count = self.ids()?.len();
        if count >= NOTES_MAX {
            return Err(ToolError::failed(format!(
                "there are {count} notes, and no more than {NOTES_MAX} are kept; remove some"
            )));
        }
        Ok(self.0.set(id, &note.to_bytes()?)?)
    }

    /// The note of that identifier.
    pub(crate) fn get(&self, id: &str) -> Result<Note, ToolError> {
        let bytes = match is_id(id) {
            true => self.0.get(id)?,
            false => None,
        };
        let Some(bytes) = bytes else {
            return Err(missing(id));
        };
        Note::from_bytes(&bytes)
            .map_err(|why| ToolError::failed(format!("cannot read the note {id}: {why}")))
    }

    /// Removes the note of that identifier.
    pub(crate) fn remove(&self, id: &str) -> Result<(), ToolError> {
        // Another call may remove it between the look and the removal; it is gone then too.
        if !is_id(id) || self.0.get(id)?.is_none() {
            return Err(missing(id));
        }
        Ok(self.0.delete(id)?)
    }

    pub(crate) fn notes(&self) -> Result<Notes<'_>, ToolError> {
        let mut ids = self.ids()?;
        // The newest is taken from the end; what exceeds the bound is the oldest.
        let excess = ids.len().saturating_sub(NOTES_MAX);
        ids.drain(..excess);
        Ok(Notes {
            shelf: self,
            ids,
            unreadable: 0,
        })
    }

    fn ids(&self) -> Result<Vec<String>, ToolError> {
        let mut ids = self.0.keys()?;
        ids.retain(|id| is_id(id));
        ids.sort();
        Ok(ids)
    }
}

impl Notes<'_> {
    /// The next note with its identifier.
    pub(crate) fn next(&mut self) -> Result<Option<(String, Note)>, ToolError> {
        while let Some(id) = self.ids.pop() {
            // A note may have been removed since the listing.
            let Some(bytes) = self.shelf.0.get(&id)? else {
                continue;
            };
            match Note::from_bytes(&bytes) {
                Ok(note) => return Ok(Some((id, note))),
                Err(_) => self.unreadable = self.unreadable.saturating_add(1),
            }
        }
        Ok(None)
    }
}

fn missing(id: &str) -> ToolError {
    ToolError::not_found(format!(
        "there is no note {id:?}; list names those there are"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{add, call};
    use serde_json::json;

    #[test]
    fn foreign_keys_are_left_alone_and_unreadable_notes_counted() {
        let bucket = Bucket::open(NAMESPACE).unwrap();
        bucket.set("of another plugin", b"x").unwrap();
        bucket.set("000000000000000", b"{\"version\":9}").unwrap();
        let id = add("a", "b", &[]);
        let shelf = Shelf::open().unwrap();
        let mut notes = shelf.notes().unwrap();
        assert_eq!(notes.next().unwrap().unwrap().0, id);
        assert!(notes.next().unwrap().is_none());
        assert_eq!(notes.unreadable, 1);
        assert!(matches!(
            call("read", json!({"id": "of another plugin"})),
            Err(ToolError::NotFound(_))
        ));
        assert!(matches!(
            call("read", json!({"id": "000000000000000"})),
            Err(ToolError::Failed(message)) if message.contains("version 9")
        ));
    }

    #[test]
    fn a_full_shelf_takes_no_more() {
        let shelf = Shelf::open().unwrap();
        for n in 0..NOTES_MAX {
            shelf.0.set(&format!("{n:015}"), b"").unwrap();
        }
        let error = call("add", json!({"title": "a", "text": "b"})).unwrap_err();
        assert!(matches!(error, ToolError::Failed(message) if message.contains("remove some")));
    }
}
