//! How much the tool sends and takes.

/// Longest answer that is taken unless told otherwise, in bytes.
pub(crate) const ANSWER_BYTES: u64 = 1024 * 1024;

/// Longest answer that is taken, in bytes.
pub(crate) const ANSWER_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Longest body that is sent, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Most header fields of a call.
pub(crate) const HEADERS_MAX: usize = 32;

/// Redirects that are followed unless told otherwise.
pub(crate) const REDIRECTS: usize = 5;

/// Most redirects that are followed.
pub(crate) const REDIRECTS_MAX: usize = 10;

/// Longest value of a header field that an answer repeats, in bytes.
pub(crate) const FIELD_BYTES_MAX: usize = 1024;

/// How wide the text of a page is set, in columns.
pub(crate) const COLUMNS: usize = 100;

/// Deepest nesting of a page's elements.
pub(crate) const ELEMENTS_DEPTH_MAX: usize = 400;

/// Most elements of a page that are set as text; a page may take 2.5 KiB of memory for each.
pub(crate) const ELEMENTS_MAX: usize = 25_000;
