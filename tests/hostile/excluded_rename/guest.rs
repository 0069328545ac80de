//! Reaches a name that the grant excludes by renaming: it, its directory, or something onto it.

use tollgate_test_guests::files::{self, open_to_write, read};
use tollgate_test_guests::wasi::filesystem::types::OpenFlags;
use tollgate_test_guests::{Report, Scene};

fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        report.step("read it", read(data, "secret.env"));
        report.step("rename it", data.rename_at("secret.env", data, "plain.txt"));
        report.step("read it under the new name", read(data, "plain.txt"));
        report.step("rename its directory", data.rename_at("keys", data, "open"));
        report.step(
            "rename a directory that holds one",
            data.rename_at("sub", data, "moved"),
        );
        report.step(
            "rename onto it",
            data.rename_at("note.txt", data, "secret.env"),
        );
        report.step(
            "create another",
            open_to_write(data, "sub/new.env", OpenFlags::CREATE),
        );
        report.step(
            "make a directory of that name",
            data.create_directory_at("keys"),
        );
        report.step("unlink it", data.unlink_file_at("secret.env"));
        if let Some(names) = report.step("list", files::names(data, ".")) {
            report.say(format!("listed: {}", names.join(" ")));
        }
        report.step(
            "rename what may be renamed",
            data.rename_at("note.txt", data, "n.txt"),
        );
    });
}

tollgate_test_guests::guest!(attempt);
