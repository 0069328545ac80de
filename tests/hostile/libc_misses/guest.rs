//! What a libc would answer by itself, and nobody would see: paths outside every mount, through the
//! standard library.

use std::fs;
use std::path::Path;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    for path in [
        "/etc/passwd",
        "/data2/note.txt",
        "/dat/note.txt",
        "/",
        "note.txt",
        "../note.txt",
        "",
    ] {
        report.step(&format!("read {path:?}"), fs::read(path));
    }
    for path in ["/", "/data2", ".", "/etc"] {
        report.step(
            &format!("list {path:?}"),
            fs::read_dir(path).and_then(|all| all.collect::<Result<Vec<_>, _>>()),
        );
    }
    let outside = |name: &str| format!("{}/outside/{name}", scene.root);
    let canary = outside("canary.txt");
    report.step("write", fs::write(outside("new.txt"), "x"));
    report.step("make directories", fs::create_dir_all("/x/y/z"));
    report.step("make one in the root", fs::create_dir("/new"));
    report.step("canonicalize", fs::canonicalize("/etc"));
    report.step("metadata", fs::metadata("/usr/bin"));
    report.step("symlink metadata", fs::symlink_metadata("/bin"));
    report.step("read a link", fs::read_link("/proc/self/exe"));
    report.step(
        "rename out",
        fs::rename("/data/note.txt", outside("note.txt")),
    );
    report.step("rename in", fs::rename(&canary, "/data/canary.txt"));
    report.step("copy out", fs::copy("/data/note.txt", outside("note.txt")));
    report.step("link in", fs::hard_link(&canary, "/data/canary.txt"));
    report.step("remove", fs::remove_file(&canary));
    report.step("remove a directory", fs::remove_dir(outside("")));
    report.step("remove all", fs::remove_dir_all(outside("")));
    report.say(format!("exists: {}", Path::new("/etc/passwd").exists()));
    report.say(format!(
        "working directory: {:?}",
        std::env::current_dir().ok()
    ));
}
