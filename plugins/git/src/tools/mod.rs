//! The tools and their arguments.

pub(crate) mod blame;
pub(crate) mod diff;
pub(crate) mod log;
pub(crate) mod refs;
pub(crate) mod show;

/// The revision where none is named.
fn head() -> String {
    "HEAD".into()
}

/// Lines around a change where no number is named.
fn context_lines() -> usize {
    3
}
