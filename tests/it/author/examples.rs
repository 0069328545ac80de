//! The examples in Python and JavaScript are built, checked and tested as their authors would.

use super::desk::Desk;
use crate::support::place;
use std::path::Path;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Built outside the repository, so that nothing is written there.
fn example(name: &str, cases: u64) -> Desk {
    let mut desk = Desk::new();
    let root = desk.home.root().join(name);
    copy(&place::repository().join("plugins").join(name), &root);
    desk.home.work_in(&root);
    desk.home.ok(["plugin", "build"]);
    desk.home.ok(["plugin", "check", "--strict"]);
    let tested = desk.home.json(["plugin", "test"]);
    assert_eq!(tested["passed"], cases, "{tested}");
    desk
}

#[test]
fn csv_in_python() {
    let desk = example("example-python", 5);
    std::fs::create_dir(desk.home.work().join("data")).unwrap();
    std::fs::write(
        desk.home.work().join("data/sales.csv"),
        "city,amount\nOslo,10\n",
    )
    .unwrap();
    // The smallest grant, as its README gives it.
    desk.home
        .ok(["grant", "add", "csv", "fs.read ./data at /data"]);
    let called = desk
        .home
        .ok(["call", ".", "summarize", "path=/data/sales.csv"]);
    assert!(called.stdout.contains("\"rows\": 1"), "{called}");
}

#[test]
fn markdown_in_javascript() {
    let desk = example("example-js", 5);
    std::fs::create_dir(desk.home.work().join("docs")).unwrap();
    std::fs::write(desk.home.work().join("docs/guide.md"), "# Guide\n").unwrap();
    desk.home
        .ok(["grant", "add", "markdown", "fs.read ./docs at /docs"]);
    let called = desk
        .home
        .ok(["call", ".", "outline", "path=/docs/guide.md"]);
    assert_eq!(called.stdout, "- Guide (line 1)\n");
}
