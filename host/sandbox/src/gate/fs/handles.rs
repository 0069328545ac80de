//! What the descriptors of one call stand for.

use super::listing::Listing;
use super::os::{self, FileId};
use super::quota::{Holding, Quota};
use crate::gate::decision::Basis;
use crate::gate::permit::Trace;
use crate::gate::scope::CallScope;
use crate::services::{Amount, QuotaKey};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
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
    /// Whether something in it may be changed.
    pub(super) may_change: bool,
    quota: OnceLock<Quota>,
}

impl Mount {
    /// A mount without exceptions that may be changed.
    pub(super) fn new(guest: String, root: Arc<os::MountRoot>) -> Self {
        Self {
            guest,
            holds_protected: root.holds_protected(),
            root,
            has_except: false,
            may_change: true,
            quota: OnceLock::new(),
        }
    }

    /// How much the call may add below it.
    pub(super) fn quota(&self, scope: &CallScope) -> &Quota {
        self.quota.get_or_init(|| {
            let caller = &scope.caller;
            let quotas = &scope.host.files.quotas;
            let id = self.root.id();
            let key = QuotaKey {
                session: caller.session.clone(),
                plugin: caller.plugin.name.clone(),
                directory: (id.dev, id.ino),
            };
            let max = Amount {
                bytes: scope.bounds.disk_bytes,
                files: scope.bounds.disk_files,
            };
            // A session without a lease ends with its process.
            let book = caller.fence.as_ref().map(|_| &scope.host.quotas);
            quotas.open(key, max, book)
        })
    }

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

    /// The path below the mount of a name in this directory.
    pub(super) fn below(&self, name: &str) -> String {
        match self.rel.as_str() {
            "" => name.to_owned(),
            rel => format!("{rel}/{name}"),
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
    /// In a mount that may be changed: its bytes are in use while it is open.
    #[expect(dead_code, reason = "held for its drop")]
    pub(super) holding: Option<Holding>,
}

/// The descriptors of one call by the number of their resource.
#[derive(Default)]
pub(crate) struct Handles {
    by_rep: HashMap<u32, Handle>,
    /// Files that this call created itself: it may write them with the access `create`. Each is held
    /// open, so that its inode cannot come to name another file.
    created: VecDeque<(FileId, OwnedFd)>,
    /// Directories whose entries are being read, by the number of their stream.
    pub(super) listings: HashMap<u32, Listing>,
}

impl Handles {
    /// Whether `more` files, directories or listings may be opened.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.by_rep.len() + self.listings.len() + more <= OPEN_FILES_MAX
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

    /// The files that the call has made itself.
    pub(super) fn all_created(&self) -> Vec<FileId> {
        self.created.iter().map(|(id, _)| *id).collect()
    }
}
