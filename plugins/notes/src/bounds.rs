//! How much the tools keep, read and say.

/// Most notes of the namespace. Adding counts first, so notes that are added at once may exceed it by a few.
pub(crate) const NOTES_MAX: usize = 2_000;

/// Longest text of a note, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Longest title, in bytes.
pub(crate) const TITLE_BYTES_MAX: usize = 200;

/// Most tags of a note.
pub(crate) const TAGS_MAX: usize = 16;

/// Longest tag, in bytes.
pub(crate) const TAG_BYTES_MAX: usize = 64;

/// Longest query of a search, in bytes.
pub(crate) const QUERY_BYTES_MAX: usize = 500;

/// Most notes that one answer names.
pub(crate) const LISTED_MAX: usize = 200;

/// Notes that an answer names unless told otherwise.
pub(crate) const LISTED: usize = 50;

/// Longest excerpt of a note that a search shows, in bytes.
pub(crate) const EXCERPT_BYTES_MAX: usize = 200;
