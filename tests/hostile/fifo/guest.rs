//! Opens a FIFO, which would hold a thread of the host until somebody opens its other end.

use tollgate_test_guests::files::{self, open_to_write, read, touch};
use tollgate_test_guests::wasi::filesystem::types::{OpenFlags, PathFlags};
use tollgate_test_guests::{Report, Scene};

fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        report.step("read", read(data, "pipe"));
        report.step("write", open_to_write(data, "pipe", OpenFlags::empty()));
        report.step("truncate", open_to_write(data, "pipe", OpenFlags::TRUNCATE));
        report.step("create", open_to_write(data, "pipe", OpenFlags::CREATE));
        report.step("set times", touch(data, "pipe"));
        report.step("stat", data.stat_at(PathFlags::empty(), "pipe"));
    });
    report.step("read through the libc", std::fs::read("/data/pipe"));
}

tollgate_test_guests::guest!(attempt);
