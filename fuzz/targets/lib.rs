//! What the targets share: a source that gives its bytes in pieces.

use std::io::Read;

/// Gives its bytes a few at a time.
pub struct Pieces<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl<'a> Pieces<'a> {
    /// `bytes`, at most `size` of them at once.
    pub fn new(bytes: &'a [u8], size: usize) -> Self {
        Self {
            bytes,
            size: size.max(1),
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.size.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.bytes = later;
        Ok(length)
    }
}
