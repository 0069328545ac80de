//! How much the tools read and say.

/// Largest object, in bytes. One that is built from others needs up to three of its size at once.
pub(crate) const OBJECT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Longest chain of objects that are built from others.
pub(crate) const CHAIN_MAX: usize = 4096;

/// Objects that are kept for the next who needs them, in bytes.
pub(crate) const CACHE_BYTES_MAX: usize = 12 * 1024 * 1024;

/// Most packs of a repository.
pub(crate) const PACKS_MAX: usize = 64;

/// Piece of a pack that is read at once, in bytes.
pub(crate) const WINDOW_BYTES: usize = 32 * 1024;

/// Most pieces of one file that are kept.
pub(crate) const WINDOWS_MAX: usize = 16;

/// Most references, and the largest file of them, in bytes.
pub(crate) const REFS_MAX: usize = 10_000;
pub(crate) const REFS_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Deepest directory of references, and of trees.
pub(crate) const DEPTH_MAX: usize = 128;

/// Most commits that one call walks.
pub(crate) const COMMITS_MAX: usize = 20_000;

/// Commits that `log` shows unless told otherwise, and at most.
pub(crate) const LOGGED: usize = 20;
pub(crate) const LOGGED_MAX: usize = 500;

/// Most files of one comparison.
pub(crate) const CHANGES_MAX: usize = 1_000;

/// Most lines that `blame` answers for.
pub(crate) const BLAMED_MAX: usize = 2_000;

/// Largest file whose lines are compared, in bytes.
pub(crate) const LINES_BYTES_MAX: usize = 1024 * 1024;

/// References that `refs` names at most.
pub(crate) const NAMED_MAX: usize = 500;

/// Most paths that narrow a call.
pub(crate) const PATHS_MAX: usize = 100;

/// Longest answer, in bytes.
pub(crate) const OUTPUT_BYTES_MAX: usize = 128 * 1024;
