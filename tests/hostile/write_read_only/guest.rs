//! Writes where only reading is granted: by every call that changes something, by every kind of open,
//! and through a handle that was opened for reading.

use tollgate_test_guests::files::{self, open_to_write, touch};
use tollgate_test_guests::wasi::filesystem::types::{
    DescriptorFlags, NewTimestamp, OpenFlags, PathFlags,
};
use tollgate_test_guests::{Report, Scene};

fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        report.step(
            "open to write",
            open_to_write(data, "note.txt", OpenFlags::empty()),
        );
        report.step(
            "open to truncate",
            open_to_write(data, "note.txt", OpenFlags::TRUNCATE),
        );
        let (none, read) = (PathFlags::empty(), DescriptorFlags::READ);
        report.step(
            "truncate while opened to read",
            data.open_at(none, "note.txt", OpenFlags::TRUNCATE, read),
        );
        report.step("create", open_to_write(data, "new.txt", OpenFlags::CREATE));
        report.step("mkdir", data.create_directory_at("new"));
        report.step("unlink", data.unlink_file_at("note.txt"));
        report.step("rmdir", data.remove_directory_at("sub"));
        report.step("rename", data.rename_at("note.txt", data, "other.txt"));
        report.step("set times", touch(data, "note.txt"));
        report.step("link", data.link_at(none, "note.txt", data, "second.txt"));
        report.step("symlink", data.symlink_at("note.txt", "new-link"));
        if let Some(file) = report.step("open to read", files::open(data, "note.txt")) {
            report.step("write on it", file.write(b"overwritten", 0));
            report.step("write a stream on it", file.write_via_stream(0));
            report.step("append a stream to it", file.append_via_stream());
            report.step("cut it", file.set_size(0));
            let now = NewTimestamp::Now;
            report.step("set times of it", file.set_times(now, now));
        }
    });
    report.step(
        "write through the libc",
        std::fs::write("/data/note.txt", "overwritten"),
    );
}

tollgate_test_guests::guest!(attempt);
