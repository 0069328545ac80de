//! Objects in files of their own.

use crate::bounds::OBJECT_BYTES_MAX;
use crate::id::{Id, Prefix};
use crate::object::{Kind, Object};
use flate2::read::ZlibDecoder;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tollgate_sdk::{ToolError, io_kind};

/// Longest head of an object: its kind and size, in bytes.
const HEAD_BYTES_MAX: u64 = 64;

/// The object of that name, if it has a file.
pub(crate) fn find(objects: &Path, id: &Id) -> Result<Option<Object>, ToolError> {
    let path = path(objects, id);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if io_kind(&error) == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ToolError::io("read", &path, &error)),
    };
    let mut bytes = Vec::new();
    let most = OBJECT_BYTES_MAX.saturating_add(HEAD_BYTES_MAX);
    let read = ZlibDecoder::new(file)
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes);
    if let Err(error) = read {
        return Err(match io_kind(&error) {
            ErrorKind::PermissionDenied => ToolError::io("read", &path, &error),
            _ => ToolError::failed(format!("the object {id} is damaged: {error}")),
        });
    }
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        return Err(too_large(id));
    }
    let object = parse(bytes).ok_or_else(|| {
        ToolError::failed(format!("the object {id} is damaged: its head is not one"))
    })?;
    Ok(Some(object))
}

/// Names that begin so, among the files.
pub(crate) fn with_prefix(objects: &Path, prefix: &Prefix) -> Result<Vec<Id>, ToolError> {
    let (first, _) = prefix.bounds();
    let directory = objects.join(format!("{:02x}", first.first()));
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if io_kind(&error) == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ToolError::io("list", &directory, &error)),
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let digits = format!(
            "{:02x}{}",
            first.first(),
            entry.file_name().to_string_lossy()
        );
        found.extend(Id::from_hex(digits.as_bytes()).filter(|id| prefix.matches(id)));
    }
    Ok(found)
}

/// What is said of an object that exceeds the bound.
pub(crate) fn too_large(id: &Id) -> ToolError {
    ToolError::failed(format!(
        "the object {id} is larger than {OBJECT_BYTES_MAX} bytes"
    ))
}

fn path(objects: &Path, id: &Id) -> PathBuf {
    let digits = id.to_string();
    let (directory, name) = digits.split_at(2);
    objects.join(directory).join(name)
}

fn parse(mut bytes: Vec<u8>) -> Option<Object> {
    let end = bytes.iter().position(|b| *b == 0)?;
    let head = bytes.get(..end)?;
    let space = head.iter().position(|b| *b == b' ')?;
    let (kind, size) = head.split_at(space);
    let kind = Kind::of(kind)?;
    let size: usize = std::str::from_utf8(size.get(1..)?).ok()?.parse().ok()?;
    bytes.drain(..=end);
    (bytes.len() == size).then(|| Object {
        kind,
        data: Rc::new(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_must_fit_the_content() {
        let object = parse(b"blob 3\0abc".to_vec()).unwrap();
        assert_eq!(
            (object.kind, object.data.as_slice()),
            (Kind::Blob, &b"abc"[..])
        );
        for bad in [
            &b"blob 4\0abc"[..],
            b"blub 3\0abc",
            b"blob 3abc",
            b"blob\0abc",
        ] {
            assert!(parse(bad.to_vec()).is_none());
        }
    }
}
