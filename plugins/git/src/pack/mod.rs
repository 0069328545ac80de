//! Packs: many objects in one file, with an index (gitformat-pack(5)).

mod data;
mod index;

pub(crate) use data::{Found, apply};

use crate::id::{Id, Prefix};
use data::Data;
use index::Index;
use std::path::Path;
use tollgate_sdk::ToolError;

/// A pack and its index.
#[derive(Debug)]
pub(crate) struct Pack {
    index: Index,
    data: Data,
}

impl Pack {
    /// Opens the pack of an index `pack-….idx`.
    pub(crate) fn open(index: &Path) -> Result<Self, ToolError> {
        Ok(Self {
            index: Index::open(index)?,
            data: Data::open(&index.with_extension("pack"))?,
        })
    }

    /// Where an object is, if it is here.
    pub(crate) fn find(&self, id: &Id) -> Result<Option<u64>, ToolError> {
        self.index.find(id)
    }

    /// Names that begin so; two are enough to know that there are several.
    pub(crate) fn with_prefix(&self, prefix: &Prefix) -> Result<Vec<Id>, ToolError> {
        self.index.with_prefix(prefix)
    }

    /// What is stored at a place.
    pub(crate) fn read(&self, at: u64) -> Result<Found, ToolError> {
        self.data.read(at)
    }
}
