//! `open-at`.

use super::fail::{self, Fail};
use super::handles::{Base, Handle, OpenFile};
use super::look::{self, Wish};
use super::os::{self, Kind, OpenHow, OsError, Resolved};
use crate::gate::permit::Trace;
use crate::gate::record;
use crate::gate::scope::{Basis, CallScope};
use crate::gate::view::Gate;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tollgate_grants::{FsOp, Reason};
use tollgate_receipts::Class;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as WasiFile, FsPerms, OpenMode};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags};
use wasmtime_wasi::p2::{FsError, FsResult};

const IMPORT: &str = "wasi:filesystem/types.descriptor.open-at";
/// How often a creation begins again when somebody else was faster.
const CREATE_ATTEMPTS_MAX: usize = 4;

const READ: Wish = Wish {
    import: IMPORT,
    kind: "fs.open.read",
    class: Class::Buffered,
    op: FsOp::Read,
};
const DIRECTORY: Wish = Wish {
    import: IMPORT,
    kind: "fs.open.dir",
    class: Class::Buffered,
    op: FsOp::List,
};
const WRITE: Wish = Wish {
    import: IMPORT,
    kind: "fs.open.write",
    class: Class::Strict,
    op: FsOp::Write,
};
const CREATE: Wish = Wish {
    import: IMPORT,
    kind: "fs.create",
    class: Class::Strict,
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
    created: Option<os::FileId>,
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
        if asked.create && asked.directory {
            return Err(ErrorCode::Invalid.into());
        }
        let changes = asked.create || asked.truncate || asked.write;
        let opened = if changes {
            self.open_to_change(&scope, &base, &path, asked).await?
        } else if let Some(opened) = open_now(&scope, &base, &path, asked) {
            opened?
        } else {
            let (work_scope, work_base) = (Arc::clone(&scope), base.clone());
            look::blocking(&scope, move || {
                let found = os::resolve(&work_base.dir(), &path, asked.follow);
                open_to_read(&work_scope, &work_base, &path, asked, found)
            })
            .await
            .map_err(FsError::trap)??
        };
        self.mint(&base, opened)
    }

    async fn open_to_change(
        &mut self,
        scope: &Arc<CallScope>,
        base: &Base,
        path: &str,
        asked: Asked,
    ) -> FsResult<Opened> {
        let trap = FsError::trap;
        for _ in 0..CREATE_ATTEMPTS_MAX {
            if !(asked.create && asked.exclusive) {
                let found = look::lookup(scope, base, path, asked.follow)
                    .await
                    .map_err(trap)?;
                match found {
                    Ok(found) => return self.open_existing(scope, base, found, asked).await,
                    Err(error) if error.class() == os::Class::NoEntry && asked.create => {}
                    Err(error) => {
                        let wish = if asked.create { CREATE } else { WRITE };
                        return Err(wish.miss(scope, base, path, error).await.into());
                    }
                }
            }
            match self.create(scope, base, path, asked).await? {
                Err(Fail::Os(error)) if error.class() == os::Class::Exist && !asked.exclusive => {}
                Err(fail) => return Err(fail.into()),
                Ok(opened) => return Ok(opened),
            }
        }
        Err(ErrorCode::Loop.into())
    }

    async fn create(
        &mut self,
        scope: &Arc<CallScope>,
        base: &Base,
        path: &str,
        asked: Asked,
    ) -> FsResult<Result<Opened, Fail>> {
        let trap = FsError::trap;
        let target = match look::lookup_parent(scope, base, path).await.map_err(trap)? {
            Ok(target) => target,
            Err(error) => return Ok(Err(CREATE.miss(scope, base, path, error).await)),
        };
        let permit = match CREATE.permit(scope, &base.mount, target.rel()).await {
            Ok(permit) => permit,
            Err(fail) => return Ok(Err(fail)),
        };
        let basis = permit.basis().clone();
        let (work_scope, mount) = (Arc::clone(scope), Arc::clone(&base.mount));
        look::blocking(scope, move || {
            tollgate_contract::stop_point("gate.before_effect");
            let made = work_scope
                .host
                .files
                .keep_floor(&mount.root)
                .and_then(|()| os::create(&target, os::FILE_MODE, asked.read));
            tollgate_contract::stop_point("gate.after_effect");
            match made {
                Ok(file) => {
                    let seen = os::observe(&mount.root, std::os::fd::AsFd::as_fd(&file)).ok();
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
                        created: seen.map(|seen| seen.meta.id),
                    })
                }
                Err(error) => {
                    permit.settle(record::failed(fail::label(&error)));
                    Err(Fail::Os(error))
                }
            }
        })
        .await
        .map_err(trap)
    }

    async fn open_existing(
        &mut self,
        scope: &Arc<CallScope>,
        base: &Base,
        found: Resolved,
        asked: Asked,
    ) -> FsResult<Opened> {
        let own = self.state.handles.created(found.meta().id);
        let wish = match found.kind() {
            Kind::Directory => DIRECTORY,
            _ if !asked.write && !asked.truncate => READ,
            _ if own => Wish {
                op: FsOp::Create,
                ..WRITE
            },
            _ => WRITE,
        };
        if let Some(reason) = look::unfit(&base.mount, &found) {
            let refused = wish.on(&base.mount, found.rel(), |attempt| {
                scope.refuse_now(attempt, reason)
            });
            let _ = scope.watermark().await;
            return Err(Fail::from(refused).into());
        }
        let permit = wish.permit(scope, &base.mount, found.rel()).await?;
        let basis = permit.basis().clone();
        let (work_scope, mount) = (Arc::clone(scope), Arc::clone(&base.mount));
        let opened = look::blocking(scope, move || {
            let strict = wish.class == Class::Strict;
            let floor = if strict {
                tollgate_contract::stop_point("gate.before_effect");
                work_scope.host.files.keep_floor(&mount.root)
            } else {
                Ok(())
            };
            let made = floor.and_then(|()| reopen(&found, asked));
            if strict {
                tollgate_contract::stop_point("gate.after_effect");
            }
            match made {
                Ok(file) => Ok(Opened {
                    file,
                    rel: found.rel().to_owned(),
                    directory: found.kind() == Kind::Directory,
                    op: wish.op,
                    mode: mode(asked, found.kind()),
                    basis,
                    trace: permit.open(record::ok()),
                    created: None,
                }),
                Err(error) => {
                    permit.settle(record::failed(fail::label(&error)));
                    Err(Fail::Os(error))
                }
            }
        })
        .await
        .map_err(FsError::trap)?;
        Ok(opened?)
    }

    fn mint(&mut self, base: &Base, opened: Opened) -> FsResult<Resource<Descriptor>> {
        if let Some(id) = opened.created {
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
            })),
        );
        Ok(fd)
    }
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
    match reopen(&found, asked) {
        Ok(file) => Ok(Opened {
            file,
            rel: found.rel().to_owned(),
            directory: found.kind() == Kind::Directory,
            op: wish.op,
            mode: OpenMode::READ,
            basis,
            trace: permit.open(record::ok()),
            created: None,
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
