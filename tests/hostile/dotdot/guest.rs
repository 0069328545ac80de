//! Climbs out of a mount by `..`, through every call that takes a path, raw and through the libc.

use tollgate_test_guests::files::{self, open_to_write, read, touch};
use tollgate_test_guests::wasi::filesystem::types::{OpenFlags, PathFlags};
use tollgate_test_guests::{Report, Scene};

const OUTSIDE: &str = "../outside/canary.txt";

fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        report.step("read", read(data, OUTSIDE));
        report.step(
            "read by a detour",
            read(data, "sub/../../outside/canary.txt"),
        );
        report.step("read an absolute path", read(data, "/etc/passwd"));
        report.step(
            "truncate",
            open_to_write(data, OUTSIDE, OpenFlags::TRUNCATE),
        );
        report.step(
            "create",
            open_to_write(data, "../outside/new.txt", OpenFlags::CREATE),
        );
        report.step("mkdir", data.create_directory_at("../outside/new"));
        report.step("stat", data.stat_at(PathFlags::empty(), OUTSIDE));
        report.step("hash", data.metadata_hash_at(PathFlags::empty(), OUTSIDE));
        report.step("set times", touch(data, OUTSIDE));
        report.step("unlink", data.unlink_file_at(OUTSIDE));
        report.step("rmdir", data.remove_directory_at("../outside"));
        report.step("bring in", data.rename_at(OUTSIDE, data, "stolen.txt"));
        report.step(
            "carry out",
            data.rename_at("note.txt", data, "../outside/note.txt"),
        );
        report.step(
            "link in",
            data.link_at(PathFlags::empty(), OUTSIDE, data, "stolen.txt"),
        );
        report.step(
            "symlink out",
            data.symlink_at("note.txt", "../outside/link"),
        );
        report.step("readlink", data.readlink_at(OUTSIDE));
        report.step("list", files::open_dir(data, "../outside"));
    });
    report.step(
        "read through the libc",
        std::fs::read_to_string("/data/../outside/canary.txt"),
    );
    report.step(
        "read /etc/passwd through the libc",
        std::fs::read("/etc/passwd"),
    );
}

tollgate_test_guests::guest!(attempt);
