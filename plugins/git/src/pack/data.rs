//! The objects of a pack: whole, or as the difference to another one.

use crate::bounds::OBJECT_BYTES_MAX;
use crate::id::{ID_BYTES, Id};
use crate::object::Kind;
use crate::window::{Reader, Windowed};
use flate2::read::ZlibDecoder;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tollgate_sdk::ToolError;

/// The pack's own bytes.
#[derive(Debug)]
pub(super) struct Data {
    path: PathBuf,
    file: Windowed,
}

/// What is stored at a place.
#[derive(Debug)]
pub(crate) enum Found {
    /// A whole object.
    Whole(Kind, Vec<u8>),
    /// A difference to what is at another place of this pack.
    ToPlace(u64, Vec<u8>),
    /// A difference to an object.
    ToObject(Id, Vec<u8>),
}

impl Data {
    pub(super) fn open(path: &Path) -> Result<Self, ToolError> {
        let error = |e: io::Error| ToolError::io("read", path, &e);
        let file = Windowed::open(path).map_err(error)?;
        let head = (
            file.u32_at(0).map_err(error)?,
            file.u32_at(4).map_err(error)?,
        );
        if !matches!(head, (0x5041_434b, 2 | 3)) {
            return Err(ToolError::failed(format!(
                "{} is no pack of version 2 or 3",
                path.display()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    pub(super) fn read(&self, at: u64) -> Result<Found, ToolError> {
        self.stored(at).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => ToolError::failed(format!(
                "what {} has at {at} is damaged or too large: {error}",
                self.path.display()
            )),
            _ => ToolError::io("read", &self.path, &error),
        })
    }

    fn stored(&self, at: u64) -> io::Result<Found> {
        if at >= self.file.bytes() {
            return Err(invalid("it is beyond the end"));
        }
        let mut source = self.file.from(at);
        let (kind, bytes) = head(&mut source)?;
        let found = match kind {
            6 => {
                let back = distance(&mut source)?;
                let base = at.checked_sub(back).filter(|base| *base < at);
                let base = base.ok_or_else(|| invalid("its base is not before it"))?;
                Found::ToPlace(base, inflate(source, bytes)?)
            }
            7 => {
                let mut id = [0; ID_BYTES];
                source.read_exact(&mut id)?;
                let id = Id::from_bytes(&id).ok_or_else(|| invalid("its base has no name"))?;
                Found::ToObject(id, inflate(source, bytes)?)
            }
            kind => {
                let kind = match kind {
                    1 => Kind::Commit,
                    2 => Kind::Tree,
                    3 => Kind::Blob,
                    4 => Kind::Tag,
                    _ => return Err(invalid("its kind is unknown")),
                };
                Found::Whole(kind, inflate(source, bytes)?)
            }
        };
        Ok(found)
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn byte(source: &mut Reader<'_>) -> io::Result<u8> {
    let mut byte = [0; 1];
    source.read_exact(&mut byte)?;
    let [byte] = byte;
    Ok(byte)
}

/// The kind in three bits and the size in the others, seven more with each byte.
fn head(source: &mut Reader<'_>) -> io::Result<(u8, u64)> {
    let first = byte(source)?;
    let mut size = u64::from(first & 15);
    let mut shift = 4_u32;
    let mut more = first & 128 != 0;
    while more {
        let next = byte(source)?;
        let part = u64::from(next & 127).checked_shl(shift).unwrap_or(0);
        size |= part;
        shift = shift.saturating_add(7);
        more = next & 128 != 0;
        if shift > 60 {
            return Err(invalid("its size is not one"));
        }
    }
    Ok((first >> 4 & 7, size))
}

/// How far before the difference its base is; each further byte adds one to what was read.
fn distance(source: &mut Reader<'_>) -> io::Result<u64> {
    let mut next = byte(source)?;
    let mut distance = u64::from(next & 127);
    while next & 128 != 0 {
        next = byte(source)?;
        if distance >= 1 << 56 {
            return Err(invalid("its base is too far away"));
        }
        distance = distance.saturating_add(1) << 7 | u64::from(next & 127);
    }
    Ok(distance)
}

fn inflate(source: Reader<'_>, bytes: u64) -> io::Result<Vec<u8>> {
    if bytes > OBJECT_BYTES_MAX {
        return Err(invalid("it exceeds the largest object"));
    }
    let mut data = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    ZlibDecoder::new(source)
        .take(bytes.saturating_add(1))
        .read_to_end(&mut data)?;
    match u64::try_from(data.len()) {
        Ok(length) if length == bytes => Ok(data),
        _ => Err(invalid("its size is another")),
    }
}

/// Makes an object of its base and a difference: pieces of the base, and new bytes.
pub(crate) fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta.iter().copied();
    if number(&mut rest)? != u64::try_from(base.len()).ok()? {
        return None;
    }
    let bytes = number(&mut rest)?;
    if bytes > OBJECT_BYTES_MAX {
        return None;
    }
    let bytes = usize::try_from(bytes).ok()?;
    let mut made = Vec::with_capacity(bytes);
    while let Some(command) = rest.next() {
        if command & 128 != 0 {
            let (mut from, mut length) = (0_usize, 0_usize);
            for bit in 0..4_u32 {
                if command >> bit & 1 != 0 {
                    from |= usize::from(rest.next()?).checked_shl(bit.saturating_mul(8))?;
                }
            }
            for bit in 0..3_u32 {
                if command >> bit.saturating_add(4) & 1 != 0 {
                    length |= usize::from(rest.next()?).checked_shl(bit.saturating_mul(8))?;
                }
            }
            if length == 0 {
                length = 0x1_0000;
            }
            made.extend_from_slice(base.get(from..from.checked_add(length)?)?);
        } else if command == 0 {
            return None;
        } else {
            for _ in 0..command {
                made.push(rest.next()?);
            }
        }
        if made.len() > bytes {
            return None;
        }
    }
    (made.len() == bytes).then_some(made)
}

/// A size, seven bits with each byte, the lowest first.
fn number(rest: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let (mut value, mut shift) = (0, 0_u32);
    loop {
        let byte = rest.next()?;
        value |= u64::from(byte & 127).checked_shl(shift)?;
        if byte & 128 == 0 {
            return Some(value);
        }
        shift = shift.saturating_add(7);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_copies_and_adds() {
        // Base of 5 bytes, result of 6: copy 3 from 1, add "xyz".
        let delta = [5, 6, 0b1001_0001, 1, 3, 3, b'x', b'y', b'z'];
        assert_eq!(apply(b"abcde", &delta).unwrap(), b"bcdxyz");
    }

    #[test]
    fn a_difference_that_does_not_fit_is_refused() {
        for delta in [
            &[4, 6, 0b1001_0001, 1, 3][..],
            &[5, 3, 0b1001_0001, 4, 3],
            &[5, 9, 0b1001_0001, 1, 3],
            &[5, 1, 0],
            &[5, 3, 3, b'x'],
            &[5, 0x80],
            &[5, 1, 0b1001_0001, 1, 3],
        ] {
            assert!(apply(b"abcde", delta).is_none(), "{delta:?}");
        }
    }
}
