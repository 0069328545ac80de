//! A file that is read in pieces from anywhere, the last pieces kept.

use crate::bounds::{WINDOW_BYTES, WINDOWS_MAX};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

/// An open file.
#[derive(Debug)]
pub(crate) struct Windowed {
    file: RefCell<File>,
    bytes: u64,
    /// Where each piece begins, in windows, and the piece; the last used at the end.
    pieces: RefCell<VecDeque<(u64, Rc<Vec<u8>>)>>,
}

impl Windowed {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            file: RefCell::new(file),
            bytes,
            pieces: RefCell::default(),
        })
    }

    /// The file's size.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Fills the buffer.
    pub(crate) fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.from(at).read_exact(buffer)
    }

    /// A number of four bytes, the highest first.
    pub(crate) fn u32_at(&self, at: u64) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.read_at(at, &mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    /// Reads on from a place.
    pub(crate) fn from(&self, at: u64) -> Reader<'_> {
        Reader { file: self, at }
    }

    fn piece(&self, number: u64) -> io::Result<Rc<Vec<u8>>> {
        let mut pieces = self.pieces.borrow_mut();
        if let Some(at) = pieces.iter().position(|(other, _)| *other == number)
            && let Some((_, piece)) = pieces.remove(at)
        {
            pieces.push_back((number, Rc::clone(&piece)));
            return Ok(piece);
        }
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(number.saturating_mul(window())))?;
        let mut piece = Vec::with_capacity(WINDOW_BYTES);
        Read::by_ref(&mut *file)
            .take(window())
            .read_to_end(&mut piece)?;
        let piece = Rc::new(piece);
        if pieces.len() >= WINDOWS_MAX {
            pieces.pop_front();
        }
        pieces.push_back((number, Rc::clone(&piece)));
        Ok(piece)
    }
}

fn window() -> u64 {
    u64::try_from(WINDOW_BYTES).unwrap_or(u64::MAX)
}

/// A place in a file.
pub(crate) struct Reader<'a> {
    file: &'a Windowed,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.file.piece(self.at / window())?;
        let within = usize::try_from(self.at % window()).unwrap_or(usize::MAX);
        let mut rest = piece.get(within..).unwrap_or_default();
        let count = rest.read(buffer)?;
        self.at = self
            .at
            .saturating_add(u64::try_from(count).unwrap_or_default());
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_in_pieces() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..WINDOW_BYTES * (WINDOWS_MAX + 3) + 5)
            .map(|n| (n % 251) as u8)
            .collect();
        std::fs::write(file.path(), &bytes).unwrap();
        let windowed = Windowed::open(file.path()).unwrap();
        let mut all = Vec::new();
        windowed.from(0).read_to_end(&mut all).unwrap();
        assert!(all == bytes && windowed.bytes() == bytes.len() as u64);
        let mut some = [0; 100];
        let at = WINDOW_BYTES - 50;
        windowed.read_at(at as u64, &mut some).unwrap();
        assert_eq!(some, bytes[at..at + 100]);
        assert!(windowed.read_at(bytes.len() as u64 - 1, &mut some).is_err());
    }
}
