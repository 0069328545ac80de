//! `read-directory`: what a directory holds, piece by piece, without what the guest may not see.
//!
//! Invariants: a listing takes a bounded amount of memory however long the directory is, and counts as
//! an open file; each entry is looked at under the grants of its moment; a listing that is cut off ends
//! with an error, never as if it were whole.

use super::handles::Base;
use super::look::Wish;
use super::os::{self, Entry, Kind, Reader};
use super::{fail, look};
use crate::gate::kinds;
use crate::gate::permit::Trace;
use crate::gate::record;
use crate::gate::view::Gate;
use std::collections::VecDeque;
use std::sync::Arc;
use tollgate_grants::{FsOp, Reason};
use tollgate_receipts::OutcomeResult;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types;
use wasmtime_wasi::p2::{FsError, FsResult};

use types::ErrorCode;

/// Entries that are read at a time.
const PIECE_ENTRIES: usize = 512;
/// Entries of one listing. After them it ends with `overflow`.
pub(super) const LISTING_ENTRIES_MAX: usize = 100_000;

const LIST: Wish = Wish {
    import: "wasi:filesystem/types.descriptor.read-directory",
    kind: kinds::FS_LIST,
    op: FsOp::List,
};

type Stream = Resource<types::DirectoryEntryStream>;

/// The rest of a directory whose entries are being read.
pub(crate) struct Listing {
    open: Open,
    piece: VecDeque<Entry>,
}

struct Open {
    base: Base,
    /// None while a piece is being read, and after the end.
    reader: Option<Reader>,
    read: usize,
    trace: Arc<Trace>,
}

impl Gate<'_> {
    pub(super) async fn list(&mut self, fd: Resource<Descriptor>) -> FsResult<Stream> {
        let scope = Arc::clone(&self.state.scope);
        let Some(base) = self.base(&fd)? else {
            return Err(LIST.refuse_outside(&scope, "").await.into());
        };
        let has_room = self.state.handles.has_room(1);
        let permit = LIST.on(&base.mount, &base.rel, |attempt| match has_room {
            true => scope.permit_buffered(attempt).ok(),
            false => {
                scope.refuse_now(attempt, Reason::LimitReached);
                None
            }
        });
        let Some(permit) = permit else {
            return Err(ErrorCode::NotPermitted.into());
        };
        let from = base.clone();
        let opened = look::blocking(&scope, &base.mount, move || {
            let mut reader = Reader::open(&from.dir(), &from.rel)?;
            let piece = reader.next_entries(PIECE_ENTRIES)?;
            Ok((reader, piece))
        });
        match opened.await.map_err(FsError::trap)? {
            Ok((reader, piece)) => self.mint_listing(Listing {
                open: Open {
                    base,
                    read: piece.len(),
                    reader: Some(reader),
                    trace: permit.open(record::ok()),
                },
                piece: piece.into(),
            }),
            Err(error) => {
                permit.settle(record::failed(fail::label(&error)));
                Err(fail::Fail::Os(error).into())
            }
        }
    }

    fn mint_listing(&mut self, listing: Listing) -> FsResult<Stream> {
        // The place in the table is what counts against the handles of the call.
        let place = self.state.table.push(Place)?;
        self.state.handles.listings.insert(place.rep(), listing);
        Ok(Resource::new_own(place.rep()))
    }

    /// Takes the next entry that the guest may see.
    async fn next_entry(&mut self, stream: u32) -> FsResult<Option<Entry>> {
        let scope = Arc::clone(&self.state.scope);
        loop {
            let authority = scope.authority();
            let unknown = || wasmtime::format_err!("a listing that the gate did not mint");
            let listings = &mut self.state.handles.listings;
            let listing = listings
                .get_mut(&stream)
                .ok_or_else(|| FsError::trap(unknown()))?;
            let open = &mut listing.open;
            while let Some(entry) = listing.piece.pop_front() {
                let path = open.base.below(&entry.name);
                let mount = &open.base.mount.guest;
                let hidden = authority
                    .as_ref()
                    .is_none_or(|authority| scope.hides(authority, mount, &path));
                if !hidden && !open.base.protects(&entry.name) {
                    return Ok(Some(entry));
                }
            }
            let Some(mut reader) = open.reader.take() else {
                return Ok(None);
            };
            let left = LISTING_ENTRIES_MAX.saturating_sub(open.read);
            let is_full = left == 0;
            let mount = Arc::clone(&open.base.mount);
            let read = look::blocking(&scope, &mount, move || {
                // One more, where nothing may follow: whether it is the end.
                let piece = reader.next_entries(left.clamp(1, PIECE_ENTRIES))?;
                Ok((reader, piece))
            });
            let read: Result<_, os::OsError> = read.await.map_err(FsError::trap)?;
            let Some(Listing { open, piece }) = self.state.handles.listings.get_mut(&stream) else {
                return Err(FsError::trap(unknown()));
            };
            if is_full && matches!(&read, Ok((_, more)) if !more.is_empty()) {
                let detail = format!("cut off after {LISTING_ENTRIES_MAX} entries");
                open.trace.end(OutcomeResult::Failed, Some(detail));
                return Err(ErrorCode::Overflow.into());
            }
            match read {
                Ok((reader, more)) if more.is_empty() => drop(reader),
                Ok((reader, more)) => {
                    open.read += more.len();
                    open.reader = Some(reader);
                    *piece = more.into();
                }
                Err(error) => {
                    let detail = format!("cut off: {}", fail::label(&error));
                    open.trace.end(OutcomeResult::Failed, Some(detail));
                    return Err(fail::Fail::Os(error).into());
                }
            }
        }
    }
}

/// What stands in the resource table for a listing.
struct Place;

impl types::HostDirectoryEntryStream for Gate<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Stream,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        let entry = self.next_entry(stream.rep()).await?;
        Ok(entry.map(|entry| types::DirectoryEntry {
            type_: kind(entry.kind),
            name: entry.name,
        }))
    }

    fn drop(&mut self, stream: Stream) -> wasmtime::Result<()> {
        self.state.handles.listings.remove(&stream.rep());
        self.state
            .table
            .delete(Resource::<Place>::new_own(stream.rep()))?;
        Ok(())
    }
}

/// A kind in the words of WASI.
pub(super) fn kind(kind: Kind) -> types::DescriptorType {
    match kind {
        Kind::Regular => types::DescriptorType::RegularFile,
        Kind::Directory => types::DescriptorType::Directory,
        Kind::Symlink => types::DescriptorType::SymbolicLink,
        Kind::Fifo => types::DescriptorType::Fifo,
        Kind::Socket => types::DescriptorType::Socket,
        Kind::BlockDevice => types::DescriptorType::BlockDevice,
        Kind::CharacterDevice => types::DescriptorType::CharacterDevice,
        Kind::Unknown => types::DescriptorType::Unknown,
    }
}
