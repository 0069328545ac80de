//! Carries between two mounts, one to read and one in full, and climbs from one into the other.

use tollgate_test_guests::files::{self, mount};
use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::wasi::filesystem::types::PathFlags;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let none = PathFlags::empty();
    files::within(report, "/near", |near, report| {
        let Some(data) = mount("/data") else {
            return report.say("no mount /data");
        };
        report.step(
            "link into the other",
            near.link_at(none, "note.txt", &data, "linked.txt"),
        );
        report.step(
            "move into the other",
            near.rename_at("note.txt", &data, "moved.txt"),
        );
        report.step(
            "link back",
            data.link_at(none, "note.txt", near, "linked.txt"),
        );
        report.step("move back", data.rename_at("note.txt", near, "moved.txt"));
        report.step(
            "move over what is there",
            data.rename_at("note.txt", near, "note.txt"),
        );
        report.step("move a directory", data.rename_at("sub", near, "sub"));
    });
    paths::all(
        report,
        "/data",
        [
            (Op::Read, "../near/note.txt"),
            (Op::Create, "../near/new.txt"),
            (Op::Rename("../near/moved.txt"), "note.txt"),
            (Op::Link("../near/linked.txt"), "note.txt"),
            (Op::Symlink("../near/note.txt"), "near-link"),
        ],
    );
    paths::all(
        report,
        "/near",
        [
            (Op::Create, "../mount/new.txt"),
            (Op::Read, "../mount/note.txt"),
        ],
    );
}
