//! `wasi:filesystem`, function by function: those that name a path go to the gate's own code, those
//! on a minted handle to wasmtime-wasi.

use super::change::{self, Counts};
use super::handles::{Base, Handle, Mount, OpenFile};
use super::listing::kind;
use super::os::{self, NewTime};
use super::stream::{Lasting, Reading};
use super::writing::{Writing, on_file};
use crate::gate::scope::CallScope;
use crate::gate::view::Gate;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use tollgate_grants::FsAccess;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, Dir, FsPerms, OpenMode};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{FsError, FsResult};
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

use types::ErrorCode;

type Fd = Resource<Descriptor>;

impl Gate<'_> {
    /// The directory behind a descriptor; None for what is outside the mounts.
    pub(super) fn base(&self, fd: &Fd) -> FsResult<Option<Base>> {
        match self.state.handles.get(fd.rep()) {
            Some(Handle::Dir { base, .. }) => Ok(Some(base.clone())),
            Some(Handle::Outside) => Ok(None),
            Some(Handle::File(_)) => Err(ErrorCode::NotDirectory.into()),
            None => Err(FsError::trap(wasmtime::format_err!(
                "a descriptor that the gate did not mint"
            ))),
        }
    }

    fn open_file(&self, fd: &Fd) -> FsResult<Arc<OpenFile>> {
        match self.state.handles.get(fd.rep()) {
            Some(Handle::File(file)) => Ok(Arc::clone(file)),
            Some(Handle::Dir { .. } | Handle::Outside) => Err(ErrorCode::IsDirectory.into()),
            None => Err(FsError::trap(wasmtime::format_err!(
                "a descriptor that the gate did not mint"
            ))),
        }
    }

    fn lasting(&self, fd: &Fd) -> FsResult<Lasting> {
        let file = self.open_file(fd)?;
        Ok(Lasting::new(Arc::clone(&self.state.scope), file))
    }

    fn wasi_file(&self, fd: &Fd) -> FsResult<wasmtime_wasi::filesystem::File> {
        match self.state.table.get(fd)? {
            Descriptor::File(file) => Ok(file.clone()),
            Descriptor::Dir(_) => Err(ErrorCode::IsDirectory.into()),
        }
    }

    fn scope(&self) -> Arc<CallScope> {
        Arc::clone(&self.state.scope)
    }

    fn preopen(
        &mut self,
        guest: String,
        file: File,
        handle: Handle,
    ) -> wasmtime::Result<(Fd, String)> {
        let dir = Dir::new(file, FsPerms::ReadOnly, OpenMode::READ, false);
        let fd = self.state.table.push(Descriptor::Dir(dir))?;
        self.state.handles.insert(fd.rep(), handle);
        Ok((fd, guest))
    }
}

fn lies_in(root: &os::MountRoot, edge: &std::path::Path) -> bool {
    use std::os::fd::AsRawFd as _;
    let opened = std::fs::read_link(format!("/proc/self/fd/{}", root.as_fd().as_raw_fd()));
    match (opened, edge.canonicalize()) {
        (Ok(opened), Ok(edge)) => opened.starts_with(edge),
        _ => false,
    }
}

fn directory(fd: std::os::fd::BorrowedFd<'_>) -> wasmtime::Result<File> {
    Ok(File::from(fd.try_clone_to_owned()?))
}

impl preopens::Host for Gate<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let scope = self.scope();
        let mut all = Vec::new();
        let mut root_is_granted = false;
        let mounts = match scope.authority() {
            Some(authority) if !scope.caller.bare => authority.mounts().to_vec(),
            _ => Vec::new(),
        };
        if !self.state.handles.has_room(mounts.len() + 1) {
            return Err(wasmtime::format_err!(
                "the plugin asks for its mounts while it has too many files open"
            ));
        }
        for granted in mounts {
            // A mount whose directory is missing is not there; attempts below it are refused as
            // outside, and `doctor` names it.
            let Ok(root) =
                os::MountRoot::open(&granted.host, Arc::clone(&scope.host.files.protected))
            else {
                continue;
            };
            // A project's mount must lie in the project, whatever its path leads through.
            if let Some(edge) = &granted.confined_to
                && !lies_in(&root, edge)
            {
                continue;
            }
            // Where the file system folds case, a rule on names could be spelled around.
            if granted.has_except && root.folds_case() {
                continue;
            }
            // A grant that was changed meanwhile does not change what the call has open.
            if !scope.mount(&granted.guest, &granted.host) {
                continue;
            }
            root_is_granted |= granted.guest == "/";
            let mut mount = Mount::new(granted.guest.clone(), root);
            mount.has_except = granted.has_except;
            mount.may_change = granted.access > FsAccess::Read;
            let mount = Arc::new(mount);
            let file = directory(mount.root.as_fd())?;
            let base = Base {
                mount,
                file: None,
                rel: String::new(),
            };
            all.push(self.preopen(granted.guest, file, Handle::Dir { base, trace: None })?);
        }
        if !root_is_granted {
            // Without it libc answers attempts outside every mount by itself, and nobody sees them.
            let file = File::open(&scope.host.files.nowhere)?;
            all.push(self.preopen("/".into(), file, Handle::Outside)?);
        }
        Ok(all)
    }
}

impl types::Host for Gate<'_> {
    fn convert_error_code(&mut self, err: FsError) -> wasmtime::Result<ErrorCode> {
        err.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        err: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        if let Ok(error) = self.state.table.get(&err)
            && let Some(io) = error.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::QuotaExceeded
        {
            return Ok(Some(ErrorCode::Quota));
        }
        types::Host::filesystem_error_code(&mut self.minted_files(), err)
    }
}

impl types::HostDescriptor for Gate<'_> {
    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: types::PathFlags,
        path: String,
        open_flags: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> FsResult<Fd> {
        self.open(fd, follows(path_flags), path, open_flags, flags)
            .await
    }

    async fn stat_at(
        &mut self,
        fd: Fd,
        path_flags: types::PathFlags,
        path: String,
    ) -> FsResult<types::DescriptorStat> {
        let scope = self.scope();
        let Some(base) = self.base(&fd)? else {
            return Err(change::STAT.refuse_outside(&scope, &path).await.into());
        };
        let meta = change::inspect(
            &scope,
            change::STAT,
            &base,
            &path,
            follows(path_flags),
            |found| Ok(*found.meta()),
        )
        .await?;
        Ok(stat(&meta))
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        path_flags: types::PathFlags,
        path: String,
    ) -> FsResult<types::MetadataHashValue> {
        let scope = self.scope();
        let Some(base) = self.base(&fd)? else {
            return Err(change::HASH.refuse_outside(&scope, &path).await.into());
        };
        let id = change::inspect(
            &scope,
            change::HASH,
            &base,
            &path,
            follows(path_flags),
            |found| Ok(found.meta().id),
        )
        .await?;
        Ok(identity(id))
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        let scope = self.scope();
        let Some(base) = self.base(&fd)? else {
            return Err(change::READLINK.refuse_outside(&scope, &path).await.into());
        };
        change::inspect(&scope, change::READLINK, &base, &path, false, os::read_link).await
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let scope = self.scope();
        let Some(base) = self.base(&fd)? else {
            return Err(change::MKDIR.refuse_outside(&scope, &path).await.into());
        };
        change::one(&scope, change::MKDIR, &base, path, Counts::Adds, |target| {
            os::mkdir(target, os::DIRECTORY_MODE)
        })
        .await
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let scope = self.scope();
        let Some(base) = self.base(&fd)? else {
            return Err(change::UNLINK.refuse_outside(&scope, &path).await.into());
        };
        change::one(
            &scope,
            change::UNLINK,
            &base,
            path,
            Counts::Removes,
            os::unlink,
        )
        .await
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let scope = self.scope();
        let Some(base) = self.base(&fd)? else {
            return Err(change::RMDIR.refuse_outside(&scope, &path).await.into());
        };
        change::one(
            &scope,
            change::RMDIR,
            &base,
            path,
            Counts::Removes,
            os::rmdir,
        )
        .await
    }

    async fn symlink_at(&mut self, fd: Fd, text: String, path: String) -> FsResult<()> {
        let scope = self.scope();
        let Some(base) = self.base(&fd)? else {
            return Err(change::SYMLINK.refuse_outside(&scope, &path).await.into());
        };
        change::one(
            &scope,
            change::SYMLINK,
            &base,
            path,
            Counts::Adds,
            move |target| os::symlink(&text, target),
        )
        .await
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        path_flags: types::PathFlags,
        path: String,
        accessed: types::NewTimestamp,
        modified: types::NewTimestamp,
    ) -> FsResult<()> {
        let scope = self.scope();
        let Some(base) = self.base(&fd)? else {
            return Err(change::SET_TIMES.refuse_outside(&scope, &path).await.into());
        };
        let times = new_time(accessed).zip(new_time(modified));
        change::set_times(&scope, &base, path, follows(path_flags), times).await
    }

    async fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let scope = self.scope();
        let (from, to) = (self.base(&fd)?, self.base(&new_fd)?);
        match (from, to) {
            (Some(from), Some(to)) => change::rename(&scope, (&from, old), (&to, new)).await,
            (None, _) => Err(change::RENAME_FROM
                .refuse_outside(&scope, &old)
                .await
                .into()),
            (_, None) => Err(change::RENAME_FROM
                .refuse_outside(&scope, &new)
                .await
                .into()),
        }
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        path_flags: types::PathFlags,
        old: String,
        new_fd: Fd,
        new: String,
    ) -> FsResult<()> {
        let scope = self.scope();
        let (from, to) = (self.base(&fd)?, self.base(&new_fd)?);
        match (from, to) {
            (Some(from), Some(to)) => {
                change::link(&scope, (&from, old), follows(path_flags), (&to, new)).await
            }
            (None, _) => Err(change::LINK_FROM.refuse_outside(&scope, &old).await.into()),
            (_, None) => Err(change::LINK_FROM.refuse_outside(&scope, &new).await.into()),
        }
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<types::DirectoryEntryStream>> {
        self.list(fd).await
    }

    fn read_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynInputStream>> {
        let lasting = self.still(&fd)?;
        let file = self.wasi_file(&fd)?;
        if !file.open_mode.contains(OpenMode::READ) {
            return Err(ErrorCode::BadDescriptor.into());
        }
        let stream: DynInputStream =
            Box::new(Reading::new(Arc::clone(&file.file), offset, lasting));
        Ok(self.state.table.push(stream)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynOutputStream>> {
        self.writing(&fd, Some(offset))
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        self.writing(&fd, None)
    }

    async fn read(&mut self, fd: Fd, length: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        let lasting = self.still(&fd)?;
        let (bytes, end) = self.minted_files().read(fd, length, offset).await?;
        lasting.count_in(bytes.len());
        Ok((bytes, end))
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        let lasting = self.writable(&fd, ErrorCode::NotPermitted)?;
        lasting.keep_floor().map_err(super::fail::Fail::Os)?;
        let file = self.wasi_file(&fd)?.file;
        let written = on_file(file, lasting, "a write failed", move |file, lasting| {
            let end = offset.saturating_add(bytes.len() as u64);
            let quota = lasting.quota();
            let written = quota.growing(file, |_| end, || file.write_at(&bytes, offset))?;
            lasting.count_out(written);
            Ok(written)
        });
        Ok(written.await.map_err(quota)? as u64)
    }

    async fn set_size(&mut self, fd: Fd, size: u64) -> FsResult<()> {
        let lasting = self.writable(&fd, ErrorCode::NotPermitted)?;
        let file = self.wasi_file(&fd)?.file;
        let sized = on_file(
            file,
            lasting,
            "setting the size failed",
            move |file, lasting| {
                let quota = lasting.quota();
                quota.growing(file, |_| size, || file.set_len(size))
            },
        );
        sized.await.map_err(quota)
    }

    async fn set_times(
        &mut self,
        fd: Fd,
        accessed: types::NewTimestamp,
        modified: types::NewTimestamp,
    ) -> FsResult<()> {
        self.writable(&fd, ErrorCode::BadDescriptor)?;
        self.minted_files().set_times(fd, accessed, modified).await
    }

    async fn advise(
        &mut self,
        fd: Fd,
        at: u64,
        length: u64,
        advice: types::Advice,
    ) -> FsResult<()> {
        self.kept(&fd)?;
        self.minted_files().advise(fd, at, length, advice).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.kept(&fd)?;
        self.minted_files().sync_data(fd).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.kept(&fd)?;
        self.minted_files().sync(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<types::DescriptorFlags> {
        self.minted_files().get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<types::DescriptorType> {
        match self.state.handles.get(fd.rep()) {
            // Only these two kinds are ever opened.
            Some(Handle::File(_)) => Ok(types::DescriptorType::RegularFile),
            Some(Handle::Dir { .. } | Handle::Outside) => Ok(types::DescriptorType::Directory),
            None => self.minted_files().get_type(fd).await,
        }
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<types::DescriptorStat> {
        self.kept(&fd)?;
        if let Some(Handle::File(open)) = self.state.handles.get(fd.rep())
            && open.mount.root.local()
        {
            let file = self.wasi_file(&fd)?;
            let meta =
                os::Metadata::of(&file.file, "an open file").map_err(super::fail::Fail::Os)?;
            return Ok(stat(&meta));
        }
        self.minted_files().stat(fd).await
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> wasmtime::Result<bool> {
        self.minted_files().is_same_object(a, b).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<types::MetadataHashValue> {
        self.kept(&fd)?;
        let file = match self.state.table.get(&fd)? {
            Descriptor::File(file) => Arc::clone(&file.file),
            Descriptor::Dir(dir) => Arc::clone(&dir.dir),
        };
        let meta = os::Metadata::of(&*file, "an open file").map_err(super::fail::Fail::Os)?;
        Ok(identity(meta.id))
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        // The handle goes first: its trace closes when the last stream on it is gone, too.
        self.state.handles.remove(fd.rep());
        self.minted_files().drop(fd)
    }
}

impl Gate<'_> {
    fn still(&self, fd: &Fd) -> FsResult<Lasting> {
        let lasting = self.lasting(fd)?;
        if lasting.holds() {
            Ok(lasting)
        } else {
            Err(ErrorCode::NotPermitted.into())
        }
    }

    /// [`Gate::still`] for what may also be a directory, each use of which is decided by itself.
    fn kept(&self, fd: &Fd) -> FsResult<()> {
        match self.state.handles.get(fd.rep()) {
            Some(Handle::File(_)) => self.still(fd).map(drop),
            _ => Ok(()),
        }
    }

    fn writing(&mut self, fd: &Fd, position: Option<u64>) -> FsResult<Resource<DynOutputStream>> {
        let lasting = self.writable(fd, ErrorCode::BadDescriptor)?;
        let file = self.wasi_file(fd)?.file;
        let stream: DynOutputStream = Box::new(Writing::new(file, position, lasting));
        Ok(self.state.table.push(stream)?)
    }

    /// What may be written; `otherwise` where it was not opened for that.
    fn writable(&self, fd: &Fd, otherwise: ErrorCode) -> FsResult<Lasting> {
        let lasting = self.still(fd)?;
        let file = self.wasi_file(fd)?;
        if !file.open_mode.contains(OpenMode::WRITE) {
            return Err(otherwise.into());
        }
        Ok(lasting)
    }
}

/// A quota that is reached, in the words of WASI; other failures keep theirs.
fn quota(error: std::io::Error) -> FsError {
    if error.kind() == std::io::ErrorKind::QuotaExceeded {
        ErrorCode::Quota.into()
    } else {
        error.into()
    }
}

fn follows(flags: types::PathFlags) -> bool {
    flags.contains(types::PathFlags::SYMLINK_FOLLOW)
}

fn stat(meta: &os::Metadata) -> types::DescriptorStat {
    types::DescriptorStat {
        type_: kind(meta.kind),
        link_count: meta.nlink.into(),
        size: meta.size_bytes,
        data_access_timestamp: datetime(meta.accessed),
        data_modification_timestamp: datetime(meta.modified),
        status_change_timestamp: datetime(meta.changed),
    }
}

fn identity(id: os::FileId) -> types::MetadataHashValue {
    types::MetadataHashValue {
        lower: id.ino,
        upper: id.dev,
    }
}

fn datetime(time: os::Timestamp) -> Option<Datetime> {
    Some(Datetime {
        seconds: u64::try_from(time.seconds).ok()?,
        nanoseconds: time.nanoseconds,
    })
}

/// None for a time that the system cannot hold.
fn new_time(time: types::NewTimestamp) -> Option<NewTime> {
    Some(match time {
        types::NewTimestamp::NoChange => NewTime::Keep,
        types::NewTimestamp::Now => NewTime::Now,
        types::NewTimestamp::Timestamp(at) => NewTime::At(os::Timestamp {
            seconds: i64::try_from(at.seconds).ok()?,
            nanoseconds: at.nanoseconds,
        }),
    })
}
