//! The index of a pack, version 2: sorted names, and where each object is.

use crate::id::{ID_BYTES, Id, Prefix};
use crate::window::Windowed;
use std::io;
use std::path::{Path, PathBuf};
use tollgate_sdk::ToolError;

/// Where the table of first bytes begins, and how long it is.
const FANOUT: u64 = 8;
const NAMES: u64 = FANOUT + 256 * 4;

/// Set in an offset that stands in the table of large offsets.
const LARGE: u32 = 1 << 31;

/// An index.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    file: Windowed,
    count: u64,
}

impl Index {
    pub(super) fn open(path: &Path) -> Result<Self, ToolError> {
        let error = |e: io::Error| ToolError::io("read", path, &e);
        let file = Windowed::open(path).map_err(error)?;
        let head = (
            file.u32_at(0).map_err(error)?,
            file.u32_at(4).map_err(error)?,
        );
        if head != (0xff74_4f63, 2) {
            return Err(ToolError::failed(format!(
                "{} is no index of version 2; `git repack -ad` writes one",
                path.display()
            )));
        }
        let count = u64::from(file.u32_at(NAMES - 4).map_err(error)?);
        Ok(Self {
            path: path.to_owned(),
            file,
            count,
        })
    }

    /// Where the object is in the pack.
    pub(super) fn find(&self, id: &Id) -> Result<Option<u64>, ToolError> {
        self.search(id).map_err(|error| self.error(&error))
    }

    fn search(&self, id: &Id) -> io::Result<Option<u64>> {
        let place = self.lower_bound(id)?;
        if place >= self.count || self.name(place)? != *id {
            return Ok(None);
        }
        self.offset(place).map(Some)
    }

    /// Up to two names that begin so.
    pub(super) fn with_prefix(&self, prefix: &Prefix) -> Result<Vec<Id>, ToolError> {
        let find = || -> io::Result<Vec<Id>> {
            let start = self.lower_bound(&prefix.bounds().0)?;
            let mut found = Vec::new();
            for place in start..start.saturating_add(2).min(self.count) {
                let id = self.name(place)?;
                if prefix.matches(&id) {
                    found.push(id);
                }
            }
            Ok(found)
        };
        find().map_err(|error| self.error(&error))
    }

    /// The first place whose name is not less.
    fn lower_bound(&self, id: &Id) -> io::Result<u64> {
        let first = u64::from(id.first());
        let mut low = match first {
            0 => 0,
            _ => self.fanout(first.saturating_sub(1))?,
        };
        let mut high = self.fanout(first)?;
        while low < high {
            let middle = low.midpoint(high);
            if self.name(middle)? < *id {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// How many names begin with at most this byte.
    fn fanout(&self, byte: u64) -> io::Result<u64> {
        let at = FANOUT.saturating_add(byte.saturating_mul(4));
        Ok(u64::from(self.file.u32_at(at)?).min(self.count))
    }

    fn name(&self, place: u64) -> io::Result<Id> {
        let mut bytes = [0; ID_BYTES];
        let at = NAMES.saturating_add(place.saturating_mul(20));
        self.file.read_at(at, &mut bytes)?;
        Id::from_bytes(&bytes).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    fn offset(&self, place: u64) -> io::Result<u64> {
        // Behind the names stand four bytes of a checksum for each, then four of the place.
        let offsets = NAMES.saturating_add(self.count.saturating_mul(24));
        let offset = self
            .file
            .u32_at(offsets.saturating_add(place.saturating_mul(4)))?;
        if offset & LARGE == 0 {
            return Ok(u64::from(offset));
        }
        let large = offsets.saturating_add(self.count.saturating_mul(4));
        let row = u64::from(offset & !LARGE).saturating_mul(8);
        let mut bytes = [0; 8];
        self.file.read_at(large.saturating_add(row), &mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn error(&self, error: &io::Error) -> ToolError {
        ToolError::io("read", &self.path, error)
    }
}
