//! What the descriptors of one call stand for.

use super::os::{self, FileId};
use crate::gate::permit::Trace;
use crate::gate::scope::Basis;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tollgate_grants::FsOp;

/// Files and directories that one call may have open at once: the descriptors of the process are
/// everybody's.
const OPEN_FILES_MAX: usize = 256;
/// Files of its own that a call may write again after closing them, the latest.
const CREATED_KEPT_MAX: usize = 64;

/// A granted directory, opened for this call.
pub(super) struct Mount {
    /// Where the guest sees it.
    pub(super) guest: String,
    pub(super) root: Arc<os::MountRoot>,
    /// Whether any grant excludes names below it.
    pub(super) has_except: bool,
    /// Whether something of Tollgate's own may be below it.
    pub(super) holds_protected: bool,
}

impl Mount {
    /// A path below the mount as records show it.
    pub(super) fn show(&self, rel: &str) -> String {
        let guest = self.guest.trim_end_matches('/');
        if rel.is_empty() {
            self.guest.clone()
        } else {
            format!("{guest}/{rel}")
        }
    }
}

/// A directory from which lookups start.
#[derive(Clone)]
pub(super) struct Base {
    pub(super) mount: Arc<Mount>,
    /// None for the mount's root.
    pub(super) file: Option<Arc<File>>,
    /// Its name below the mount when it was opened.
    pub(super) rel: String,
}

impl Base {
    /// The directory as the lookup takes it.
    pub(super) fn dir(&self) -> os::Dir<'_> {
        match &self.file {
            Some(file) => os::Dir::new(&self.mount.root, file.as_fd()),
            None => self.mount.root.dir(),
        }
    }

    /// Whether the name in this directory is of Tollgate's own.
    pub(super) fn protects(&self, name: &str) -> bool {
        self.mount.holds_protected
            && os::resolve(&self.dir(), name, false)
                .is_err_and(|error| error.class() == os::Class::Protected)
    }

    /// What `path` would be below the mount if nothing on the way were a link. None when it leads out.
    pub(super) fn lexical(&self, path: &str) -> Option<String> {
        if path.starts_with('/') {
            return None;
        }
        let mut parts: Vec<&str> = self
            .rel
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(part),
            }
        }
        Some(parts.join("/"))
    }
}

/// What one descriptor stands for.
pub(super) enum Handle {
    /// The directory that stands for everything outside the mounts.
    Outside,
    Dir {
        base: Base,
        #[expect(dead_code, reason = "held for its drop, which writes the close")]
        trace: Option<Arc<Trace>>,
    },
    File(Arc<OpenFile>),
}

/// An open file.
pub(super) struct OpenFile {
    pub(super) mount: Arc<Mount>,
    pub(super) rel: String,
    /// What was granted: reading or writing.
    pub(super) op: FsOp,
    /// On what it was granted.
    pub(super) basis: Basis,
    /// The grants generation at which it was last found to be granted.
    pub(super) looked_at: AtomicU64,
    pub(super) trace: Arc<Trace>,
}

/// The descriptors of one call by the number of their resource.
#[derive(Default)]
pub(crate) struct Handles {
    by_rep: HashMap<u32, Handle>,
    /// Files that this call created itself: it may write them with the access `create`. Each is held
    /// open, so that its inode cannot come to name another file.
    created: VecDeque<(FileId, OwnedFd)>,
    /// Directories whose entries are being read.
    listings: HashMap<u32, Base>,
}

impl Handles {
    /// Whether `more` files or directories may be opened.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.by_rep.len() + more <= OPEN_FILES_MAX
    }

    pub(super) fn insert(&mut self, rep: u32, handle: Handle) {
        self.by_rep.insert(rep, handle);
    }

    pub(super) fn get(&self, rep: u32) -> Option<&Handle> {
        self.by_rep.get(&rep)
    }

    pub(super) fn remove(&mut self, rep: u32) -> Option<Handle> {
        self.by_rep.remove(&rep)
    }

    pub(super) fn note_created(&mut self, id: FileId, held: OwnedFd) {
        if self.created.len() >= CREATED_KEPT_MAX {
            self.created.pop_front();
        }
        self.created.push_back((id, held));
    }

    pub(super) fn created(&self, id: FileId) -> bool {
        self.created.iter().any(|(own, _)| *own == id)
    }

    pub(super) fn note_listing(&mut self, rep: u32, base: Base) {
        self.listings.insert(rep, base);
    }

    pub(super) fn listing(&self, rep: u32) -> Option<&Base> {
        self.listings.get(&rep)
    }

    pub(super) fn end_listing(&mut self, rep: u32) {
        self.listings.remove(&rep);
    }
}
