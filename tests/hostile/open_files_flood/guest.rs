//! Opens files, directories and listings, and keeps them.

use tollgate_test_guests::files;
use tollgate_test_guests::floods::until_refused;
use tollgate_test_guests::wasi::filesystem::types::OpenFlags;
use tollgate_test_guests::{Report, Scene};

/// More than a call may have open.
const TIMES: usize = 300;

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        let open = until_refused(report, "files", TIMES, |_| files::open(data, "note.txt"));
        until_refused(report, "one more directory", 1, |_| {
            files::open_dir(data, "sub")
        });
        until_refused(report, "one more listing", 1, |_| data.read_directory());
        let more = |n| files::open_to_write(data, &format!("new-{n}"), OpenFlags::CREATE);
        until_refused(report, "one more to write", 1, more);
        drop(open);
        until_refused(report, "after closing", 1, |_| {
            files::open(data, "note.txt")
        });
        until_refused(report, "listings", TIMES, |_| data.read_directory());
    });
}
