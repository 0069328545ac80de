//! One mount lies in another and may less, or more: what may be done goes by the mount that is used.

use tollgate_test_guests::files::{self, mount};
use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::wasi::filesystem::types::PathFlags;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let table = [
        (Op::Read, "inner.txt"),
        (Op::Truncate, "inner.txt"),
        (Op::Create, "new.txt"),
        (Op::Read, "deep/.env"),
        (Op::Unlink, "inner.txt"),
        (Op::Read, "../note.txt"),
    ];
    paths::all(
        report,
        "/data",
        table.map(|(op, path)| (op, format!("sub/{path}"))),
    );
    paths::all(report, "/sub", table);
    files::within(report, "/sub", |sub, report| {
        let Some(data) = mount("/data") else {
            return report.say("no mount /data");
        };
        let none = PathFlags::empty();
        report.step("move up", sub.rename_at("new.txt", &data, "new.txt"));
        report.step("move down", data.rename_at("note.txt", sub, "note.txt"));
        report.step("link down", data.link_at(none, "note.txt", sub, "note.txt"));
        report.step(
            "move within by both",
            data.rename_at("sub/new.txt", sub, "newer.txt"),
        );
        report.step(
            "move out of the exclusion",
            data.rename_at("sub/deep", sub, "open"),
        );
    });
}
