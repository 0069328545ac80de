//! How much the tools read and say.

/// Longest text of JSON that is read, in bytes. A value takes up to sixteen times its text in memory.
pub(crate) const INPUT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Deepest nesting of a document, read or made, in levels.
pub(crate) const DEPTH_MAX: usize = 256;

/// Longest filter, in bytes.
pub(crate) const FILTER_BYTES_MAX: usize = 8 * 1024;

/// Deepest nesting of brackets in a filter, in levels.
pub(crate) const FILTER_DEPTH_MAX: usize = 64;

/// Most operators and words such as `if` and `try` in a filter: each may be a level of the parser.
pub(crate) const FILTER_OPERATORS_MAX: usize = 200;

/// Longest answer, in bytes of its JSON.
pub(crate) const OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// Values that `query` gives unless told otherwise.
pub(crate) const VALUES: usize = 100;

/// Most values that `query` gives.
pub(crate) const VALUES_MAX: usize = 1000;

/// Most named values that a filter is given.
pub(crate) const VARIABLES_MAX: usize = 32;

/// Most operations of a patch.
pub(crate) const OPERATIONS_MAX: usize = 1000;
