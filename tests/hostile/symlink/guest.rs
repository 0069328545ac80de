//! Walks out of a mount through symbolic links: those that lie there, and one of its own making.

use tollgate_test_guests::files::{self, read};
use tollgate_test_guests::wasi::filesystem::types::OpenFlags;
use tollgate_test_guests::{Report, Scene};

fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        report.step("read through a link to a file", read(data, "link-file"));
        report.step(
            "read through a link to a directory",
            read(data, "link-dir/canary.txt"),
        );
        report.step("read through an absolute link", read(data, "link-absolute"));
        report.step("list through a link", files::open_dir(data, "link-dir"));
        report.step(
            "write through a link",
            files::open_to_write(data, "link-file", OpenFlags::TRUNCATE),
        );
        report.step(
            "create through a link",
            files::open_to_write(data, "link-dir/new.txt", OpenFlags::CREATE),
        );
        report.step(
            "create behind a dangling link",
            files::open_to_write(data, "link-nowhere", OpenFlags::CREATE),
        );
        report.step(
            "unlink through a link",
            data.unlink_file_at("link-dir/canary.txt"),
        );
        report.step(
            "rename through a link",
            data.rename_at("note.txt", data, "link-dir/note.txt"),
        );
        report.step("make a link out", data.symlink_at("../outside", "own-link"));
        report.step(
            "read through the own link",
            read(data, "own-link/canary.txt"),
        );
        report.step(
            "make an absolute link",
            data.symlink_at("/etc", "own-absolute"),
        );
        report.step(
            "read through the own absolute link",
            read(data, "own-absolute/passwd"),
        );
        report.step(
            "read through a link that stays inside",
            read(data, "link-inside"),
        );
    });
}

tollgate_test_guests::guest!(attempt);
