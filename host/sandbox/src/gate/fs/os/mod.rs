//! The operating-system half of the file gate: Linux's `openat2` and /proc, nothing of wasmtime.
//!
//! One order of work, and the types leave no other:
//!
//! ```text
//! read, write  resolve(dir, path) → Resolved ─ decide on rel(), nlink() ─ reopen(how) → File
//! make, change resolve_parent(dir, path) → Target ─ decide on rel() ─ create, mkdir, rename, …
//! afterwards   observe(fd) → what there is now, which is what the record says
//! ```
//!
//! Invariant: nothing is opened, emptied or made before the decision, and what was decided on is
//! what is acted on: an inode held by a descriptor, or one name in a directory held by one.
//! Invariant: only regular files and directories are opened, so no guest waits on a FIFO.
//! Invariant: every lookup passes [`ProtectedRoots`]; a mount cannot be opened without them.
//!
//! To create without `O_EXCL`: `resolve`, and on `NoEntry` `resolve_parent` and `create`; when that
//! says `Exist`, someone was faster: begin again, a bounded number of times (a dangling link says
//! `NoEntry` and `Exist` for ever, and is refused in this way).
//!
//! Not here: rules, records, and any fallback. Functions block; they belong on the guests' bounded
//! thread pool. Where [`support`] fails, no mount can be opened.

mod change;
mod error;
mod list;
mod meta;
mod mount;
mod name;
mod open;
mod proc;
mod protect;
mod resolve;
mod space;
mod times;

pub(crate) use change::{Replace, link, mkdir, read_link, rename, rmdir, symlink, unlink};
pub(crate) use error::{Class, OsError};
pub(crate) use list::{Entry, Reader, find_excluded};
pub(crate) use meta::{FileId, Kind, Metadata, Timestamp};
pub(crate) use mount::{Dir, MountRoot};
pub(crate) use open::{DIRECTORY_MODE, FILE_MODE, OpenHow, create, reopen};
pub(crate) use proc::support;
pub(crate) use protect::ProtectedRoots;
pub(crate) use resolve::{Resolved, Target, observe, resolve, resolve_now, resolve_parent};
pub(crate) use space::keep_floor;
pub(crate) use times::{NewTime, set_times};

#[cfg(test)]
mod tests;
