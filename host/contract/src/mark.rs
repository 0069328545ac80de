//! Marks for a test that watches this process's system calls and matches them with its receipts.
//!
//! With `TOLLGATE_TEST_MARKS` in the environment of a build with debug assertions, the gate asks the kernel
//! for a file that is not there, `/tollgate/WORD/ID`, on the thread that is about to act: the one system call
//! that carries a text and changes nothing. Any other build has no marks in it.

/// The variable that switches marks on.
pub const MARKS_VARIABLE: &str = "TOLLGATE_TEST_MARKS";

/// Leaves a mark. `word` says what happens to what `id` names.
#[cfg(all(unix, debug_assertions))]
pub fn mark(word: &str, id: &str) {
    use std::sync::OnceLock;
    static WANTED: OnceLock<bool> = OnceLock::new();
    let wanted = || std::env::var_os(MARKS_VARIABLE).is_some_and(|value| !value.is_empty());
    if *WANTED.get_or_init(wanted) {
        let path = format!("/tollgate/{word}/{id}");
        // That it is not there is known; that it was asked for is all.
        let _ = rustix::fs::access(path, rustix::fs::Access::EXISTS);
    }
}

/// Leaves no mark.
#[cfg(not(all(unix, debug_assertions)))]
pub fn mark(_word: &str, _id: &str) {}
