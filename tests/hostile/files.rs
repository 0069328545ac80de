//! Short forms of the raw file imports.

use crate::wasi::filesystem::preopens::get_directories;
use crate::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};

/// The most bytes that [`read`] reads.
const READ_BYTES_MAX: u64 = 4096;

/// The mount of this name, exactly as the host hands it out.
pub fn mount(name: &str) -> Option<Descriptor> {
    get_directories()
        .into_iter()
        .find(|(_, at)| at == name)
        .map(|(descriptor, _)| descriptor)
}

/// Runs `attempt` on a mount; says so if it is not there.
pub fn within(
    report: &mut crate::Report,
    name: &str,
    attempt: impl FnOnce(&Descriptor, &mut crate::Report),
) {
    match mount(name) {
        Some(mount) => attempt(&mount, report),
        None => report.say(format!("no mount {name}")),
    }
}

/// Opens a file for reading.
///
/// # Errors
/// As `open-at`.
pub fn open(dir: &Descriptor, path: &str) -> Result<Descriptor, ErrorCode> {
    let (none, read) = (OpenFlags::empty(), DescriptorFlags::READ);
    dir.open_at(PathFlags::SYMLINK_FOLLOW, path, none, read)
}

/// Opens a file with `how`, for writing too.
///
/// # Errors
/// As `open-at`.
pub fn open_to_write(
    dir: &Descriptor,
    path: &str,
    how: OpenFlags,
) -> Result<Descriptor, ErrorCode> {
    let both = DescriptorFlags::READ | DescriptorFlags::WRITE;
    dir.open_at(PathFlags::SYMLINK_FOLLOW, path, how, both)
}

/// Opens a directory.
///
/// # Errors
/// As `open-at`.
pub fn open_dir(dir: &Descriptor, path: &str) -> Result<Descriptor, ErrorCode> {
    let read = DescriptorFlags::READ;
    dir.open_at(PathFlags::SYMLINK_FOLLOW, path, OpenFlags::DIRECTORY, read)
}

/// The beginning of a file as text.
///
/// # Errors
/// As `open-at` and `read`.
pub fn read(dir: &Descriptor, path: &str) -> Result<String, ErrorCode> {
    let (bytes, _) = open(dir, path)?.read(READ_BYTES_MAX, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Creates or replaces a file.
///
/// # Errors
/// As `open-at` and `write`.
pub fn write(dir: &Descriptor, path: &str, text: &str) -> Result<(), ErrorCode> {
    let file = open_to_write(dir, path, OpenFlags::CREATE | OpenFlags::TRUNCATE)?;
    file.write(text.as_bytes(), 0).map(drop)
}

/// Sets the modification time of a name.
///
/// # Errors
/// As `set-times-at`.
pub fn touch(dir: &Descriptor, path: &str) -> Result<(), ErrorCode> {
    let follow = PathFlags::SYMLINK_FOLLOW;
    dir.set_times_at(follow, path, NewTimestamp::NoChange, NewTimestamp::Now)
}

/// The names in a directory, in order.
///
/// # Errors
/// As `open-at`, `read-directory` and `read-directory-entry`.
pub fn names(dir: &Descriptor, path: &str) -> Result<Vec<String>, ErrorCode> {
    let entries = open_dir(dir, path)?.read_directory()?;
    let mut names = Vec::new();
    while let Some(entry) = entries.read_directory_entry()? {
        names.push(entry.name);
    }
    names.sort();
    Ok(names)
}
