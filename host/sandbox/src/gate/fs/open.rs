//! `open-at`.

use super::fail::{self, Fail};
use super::handles::{Base, Handle, OpenFile};
use super::look::{self, Wish};
use super::os::{self, Kind, OpenHow, OsError, Resolved};
use crate::gate::decision::Basis;
use crate::gate::kinds;
use crate::gate::permit::{Permit, Trace};
use crate::gate::record;
use crate::gate::scope::CallScope;
use crate::gate::view::Gate;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tollgate_grants::{FsOp, Reason};
use tollgate_receipts::Class;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as WasiFile, FsPerms, OpenMode};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, OpenFlags};
use wasmtime_wasi::p2::{FsError, FsResult};

const IMPORT: &str = "wasi:filesystem/types.descriptor.open-at";
/// How often a creation begins again when somebody else was faster.
const CREATE_ATTEMPTS_MAX: usize = 4;

const READ: Wish = Wish {
    import: IMPORT,
    kind: kinds::FS_OPEN_READ,
    op: FsOp::Read,
};
const DIRECTORY: Wish = Wish {
    import: IMPORT,
    kind: kinds::FS_OPEN_DIR,
    op: FsOp::List,
};
const WRITE: Wish = Wish {
    import: IMPORT,
    kind: kinds::FS_OPEN_WRITE,
    op: FsOp::Write,
};
const CREATE: Wish = Wish {
    import: IMPORT,
    kind: kinds::FS_CREATE,
    op: FsOp::Create,
};

/// What `open-at` asks for.
#[derive(Clone, Copy)]
struct Asked {
    follow: bool,
    create: bool,
    exclusive: bool,
    truncate: bool,
    directory: bool,
    read: bool,
    write: bool,
}

impl Asked {
    /// The wish as far as it is known before anything is looked up.
    fn wish(self) -> Wish {
        if self.create {
            CREATE
        } else if self.write || self.truncate {
            WRITE
        } else if self.directory {
            DIRECTORY
        } else {
            READ
        }
    }
}

/// What was opened.
struct Opened {
    file: File,
    rel: String,
    directory: bool,
    op: FsOp,
    mode: OpenMode,
    basis: Basis,
    trace: Arc<Trace>,
    id: Option<os::FileId>,
    /// The call has made it.
    created: bool,
}

impl Gate<'_> {
    pub(super) async fn open(
        &mut self,
        fd: Resource<Descriptor>,
        follow: bool,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let asked = Asked {
            follow,
            create: open.contains(OpenFlags::CREATE),
            exclusive: open.contains(OpenFlags::EXCLUSIVE),
            truncate: open.contains(OpenFlags::TRUNCATE),
            directory: open.contains(OpenFlags::DIRECTORY),
            read: flags.contains(DescriptorFlags::READ),
            write: flags.contains(DescriptorFlags::WRITE),
        };
        let scope = Arc::clone(&self.state.scope);
        let Some(base) = self.base(&fd)? else {
            return Err(asked.wish().refuse_outside(&scope, &path).await.into());
        };
        if !self.state.handles.has_room(1) {
            let rel = base.lexical(&path).unwrap_or_else(|| path.clone());
            let refused = asked.wish().on(&base.mount, &rel, |attempt| {
                scope.refuse_now(attempt, Reason::LimitReached)
            });
            let _ = scope.watermark().await;
            return Err(Fail::from(refused).into());
        }
        let changes = asked.create || asked.truncate || asked.write;
        if !changes && let Some(opened) = open_now(&scope, &base, &path, asked) {
            return self.mint(&base, opened?);
        }
        let own = if changes {
            self.state.handles.all_created()
        } else {
            Vec::new()
        };
        let (work_scope, work_base) = (Arc::clone(&scope), base.clone());
        let opened = look::blocking(&scope, &base.mount, move || {
            if changes {
                return open_to_change(&work_scope, &work_base, &path, asked, &own);
            }
            let found = os::resolve(&work_base.dir(), &path, asked.follow);
            open_to_read(&work_scope, &work_base, &path, asked, found)
        })
        .await
        .map_err(FsError::trap)??;
        self.mint(&base, opened)
    }

    fn mint(&mut self, base: &Base, opened: Opened) -> FsResult<Resource<Descriptor>> {
        if let Some(id) = opened.id.filter(|_| opened.created) {
            let held = opened.file.try_clone().map_err(FsError::trap)?;
            self.state.handles.note_created(id, held.into());
        }
        if opened.directory {
            // Only listing is ever delegated on a directory, so it is minted read-only.
            let dir = Dir::new(opened.file, FsPerms::ReadOnly, OpenMode::READ, false);
            let file = Arc::clone(&dir.dir);
            let fd = self.state.table.push(Descriptor::Dir(dir))?;
            let base = Base {
                mount: Arc::clone(&base.mount),
                file: Some(file),
                rel: opened.rel,
            };
            self.state.handles.insert(
                fd.rep(),
                Handle::Dir {
                    base,
                    trace: Some(opened.trace),
                },
            );
            return Ok(fd);
        }
        let holding = opened
            .id
            .filter(|_| base.mount.may_change)
            .map(|id| base.mount.quota(&self.state.scope).hold(id));
        let perms = if opened.mode.contains(OpenMode::WRITE) {
            FsPerms::ReadWrite
        } else {
            FsPerms::ReadOnly
        };
        let file = WasiFile::new(opened.file, perms, opened.mode, false);
        let fd = self.state.table.push(Descriptor::File(file))?;
        self.state.handles.insert(
            fd.rep(),
            Handle::File(Arc::new(OpenFile {
                mount: Arc::clone(&base.mount),
                rel: opened.rel,
                op: opened.op,
                looked_at: AtomicU64::new(opened.basis.generation),
                basis: opened.basis,
                trace: opened.trace,
                holding,
            })),
        );
        Ok(fd)
    }
}

/// Opens what is to be changed, or makes it. `own` are the files that the call has made itself.
fn open_to_change(
    scope: &Arc<CallScope>,
    base: &Base,
    path: &str,
    asked: Asked,
    own: &[os::FileId],
) -> Result<Opened, Fail> {
    if asked.create && asked.directory {
        // No directory is made by opening it. That it was tried is on record.
        let error = OsError::os("create", path, rustix::io::Errno::INVAL);
        return Err(CREATE.miss_here(scope, base, path, error));
    }
    for _ in 0..CREATE_ATTEMPTS_MAX {
        if !(asked.create && asked.exclusive) {
            match os::resolve(&base.dir(), path, asked.follow) {
                Ok(found) => return open_existing(scope, base, found, asked, own),
                Err(error) if error.class() == os::Class::NoEntry && asked.create => {}
                Err(error) => {
                    let wish = if asked.create { CREATE } else { WRITE };
                    return Err(wish.miss_here(scope, base, path, error));
                }
            }
        }
        match create(scope, base, path, asked) {
            Err(Fail::Os(error)) if error.class() == os::Class::Exist && !asked.exclusive => {
                // What came in between is looked at again; a link that leads to nothing stays one.
                let there = os::resolve(&base.dir(), path, false);
                if there.is_ok_and(|found| found.kind() == Kind::Symlink) {
                    break;
                }
            }
            made => return made,
        }
    }
    Err(Fail::Os(OsError::os(
        "create",
        path,
        rustix::io::Errno::LOOP,
    )))
}

fn create(scope: &Arc<CallScope>, base: &Base, path: &str, asked: Asked) -> Result<Opened, Fail> {
    let mount = &base.mount;
    let target = match os::resolve_parent(&base.dir(), path) {
        Ok(target) => target,
        Err(error) => return Err(CREATE.miss_here(scope, base, path, error)),
    };
    let Some(place) = mount.quota(scope).place() else {
        return Err(CREATE.on(mount, target.rel(), |attempt| {
            look::refuse_full_here(scope, attempt)
        }));
    };
    let permit = CREATE.permit_here(scope, mount, target.rel())?;
    let basis = permit.basis().clone();
    tollgate_contract::stop_point("gate.before_effect");
    let made = scope
        .host
        .files
        .keep_floor(&mount.root)
        .and_then(|()| os::create(&target, os::FILE_MODE, asked.read));
    tollgate_contract::stop_point("gate.after_effect");
    match made {
        Ok(file) => {
            place.keep();
            let seen = os::observe(&mount.root, std::os::fd::AsFd::as_fd(&file)).ok();
            let id = seen.map(|seen| seen.meta.id);
            Ok(Opened {
                file,
                rel: target.rel().to_owned(),
                directory: false,
                op: FsOp::Create,
                mode: if asked.read {
                    OpenMode::READ | OpenMode::WRITE
                } else {
                    OpenMode::WRITE
                },
                basis,
                trace: permit.open(record::ok()),
                id,
                created: true,
            })
        }
        Err(error) => {
            permit.settle(record::failed(fail::label(&error)));
            Err(Fail::Os(error))
        }
    }
}

fn open_existing(
    scope: &Arc<CallScope>,
    base: &Base,
    found: Resolved,
    asked: Asked,
    own: &[os::FileId],
) -> Result<Opened, Fail> {
    let mount = &base.mount;
    let wish = match found.kind() {
        Kind::Directory => DIRECTORY,
        _ if !asked.write && !asked.truncate => READ,
        _ if own.contains(&found.meta().id) => Wish {
            op: FsOp::Create,
            ..WRITE
        },
        _ => WRITE,
    };
    if let Some(reason) = look::unfit(mount, &found) {
        return Err(wish.refuse_here(scope, mount, found.rel(), reason));
    }
    let permit = wish.permit_here(scope, mount, found.rel())?;
    let basis = permit.basis().clone();
    let strict = wish.kind.class == Class::Strict;
    let floor = if strict {
        tollgate_contract::stop_point("gate.before_effect");
        scope.host.files.keep_floor(&mount.root)
    } else {
        Ok(())
    };
    let made = floor.and_then(|()| {
        if asked.truncate {
            let length =
                || os::Metadata::of(found.as_fd(), found.rel()).map_or(0, |now| now.size_bytes);
            mount
                .quota(scope)
                .emptying(length, || reopen(&found, asked))
        } else {
            reopen(&found, asked)
        }
    });
    if strict {
        tollgate_contract::stop_point("gate.after_effect");
    }
    opened(found, asked, wish.op, basis, permit, made)
}

/// Opens for reading on the guest's own thread, where that cannot wait: the file system is this
/// machine's and every part of the path is in the kernel's cache. None where it could.
fn open_now(
    scope: &Arc<CallScope>,
    base: &Base,
    path: &str,
    asked: Asked,
) -> Option<Result<Opened, Fail>> {
    if !base.mount.root.local() {
        return None;
    }
    let found = os::resolve_now(&base.dir(), path, asked.follow).transpose()?;
    Some(open_to_read(scope, base, path, asked, found))
}

fn open_to_read(
    scope: &Arc<CallScope>,
    base: &Base,
    path: &str,
    asked: Asked,
    found: Result<Resolved, OsError>,
) -> Result<Opened, Fail> {
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let wish = if asked.directory { DIRECTORY } else { READ };
            return Err(wish.miss_now(scope, base, path, error));
        }
    };
    let wish = if found.kind() == Kind::Directory {
        DIRECTORY
    } else {
        READ
    };
    let permit = wish.on(&base.mount, found.rel(), |attempt| {
        match look::unfit(&base.mount, &found) {
            Some(reason) => Err(Fail::from(scope.refuse_now(attempt, reason))),
            None => scope.permit_buffered(attempt).map_err(Fail::from),
        }
    })?;
    let basis = permit.basis().clone();
    let made = reopen(&found, asked);
    opened(found, asked, wish.op, basis, permit, made)
}

/// Writes what came of opening something that exists.
fn opened(
    found: Resolved,
    asked: Asked,
    op: FsOp,
    basis: Basis,
    permit: Permit,
    made: Result<File, OsError>,
) -> Result<Opened, Fail> {
    match made {
        Ok(file) => Ok(Opened {
            file,
            rel: found.rel().to_owned(),
            directory: found.kind() == Kind::Directory,
            op,
            mode: mode(asked, found.kind()),
            basis,
            trace: permit.open(record::ok()),
            id: Some(found.meta().id),
            created: false,
        }),
        Err(error) => {
            permit.settle(record::failed(fail::label(&error)));
            Err(Fail::Os(error))
        }
    }
}

fn reopen(found: &Resolved, asked: Asked) -> Result<File, OsError> {
    let directory = found.kind() == Kind::Directory;
    os::reopen(
        found,
        OpenHow {
            read: asked.read || directory || !asked.write,
            write: asked.write && !directory,
            truncate: asked.truncate,
            append: false,
            directory: asked.directory || directory,
        },
    )
}

fn mode(asked: Asked, kind: Kind) -> OpenMode {
    let mut mode = OpenMode::empty();
    if asked.read || kind == Kind::Directory || !asked.write {
        mode |= OpenMode::READ;
    }
    if asked.write && kind != Kind::Directory {
        mode |= OpenMode::WRITE;
    }
    mode
}
