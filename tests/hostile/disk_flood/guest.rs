//! Fills the disk: with long files, with holes, by appending, with many files, and by removing what it
//! still has open.

use tollgate_test_guests::files::{self, open_to_write};
use tollgate_test_guests::wasi::filesystem::types::{Descriptor, OpenFlags, PathFlags};
use tollgate_test_guests::{Report, Scene};

/// The limits of the policy beside this file.
const BYTES_MAX: u64 = 64;
const FILES_MAX: usize = 3;

fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |out, report| {
        if let Some(file) = report.step("create", open_to_write(out, "a", OpenFlags::CREATE)) {
            report.step("a hole that is too long", file.set_size(BYTES_MAX + 1));
            report.step("a write far behind the end", file.write(b"x", BYTES_MAX));
            report.step("as much as may be", file.write(&[b'x'; 64], 0));
            report.step("the same again", file.write(&[b'y'; 64], 0));
            report.step("one byte more", file.write(b"x", BYTES_MAX));
            report.step("cut", file.set_size(BYTES_MAX / 2));
            report.step("grow again", file.set_size(BYTES_MAX));
            report.step("remove it while it is open", out.unlink_file_at("a"));
            second(out, report, "more beside what is still open");
        }
        report.step("remove that", out.unlink_file_at("b"));
        let names: Vec<String> = (0..=FILES_MAX).map(|n| format!("f{n}")).collect();
        for name in &names {
            report.step(
                &format!("file {name}"),
                open_to_write(out, name, OpenFlags::CREATE | OpenFlags::EXCLUSIVE),
            );
        }
        report.step("a directory more", out.create_directory_at("d"));
        report.step("a link more", out.symlink_at("f0", "l"));
        report.step(
            "a name more",
            out.link_at(PathFlags::empty(), "f0", out, "h"),
        );
        report.step("remove one", out.unlink_file_at("f0"));
        report.step("then a directory", out.create_directory_at("d"));
    });
    report.step(
        "a flood through the libc",
        std::fs::write("/data/f1", [b'x'; 128]),
    );
}

fn second(out: &Descriptor, report: &mut Report, what: &str) {
    if let Some(file) = report.step("create b", open_to_write(out, "b", OpenFlags::CREATE)) {
        report.step(what, file.write(b"x", 0));
    }
}

tollgate_test_guests::guest!(attempt);
