//! Names, keys and values that are too long, empty, of others, or spelled as paths.

use tollgate_test_guests::floods::until_refused;
use tollgate_test_guests::wasi::keyvalue::store;
use tollgate_test_guests::{Report, Scene};

/// Bounds of the host.
const KEY_BYTES_MAX: usize = 512;
const VALUE_BYTES_MAX: usize = 1024 * 1024;

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    for name in [
        "",
        ".",
        "..",
        "notes/../other",
        "NOTES",
        "notes ",
        "other",
        "notes\0",
        "\u{202e}seton",
        &"n".repeat(5_000),
    ] {
        report.step(
            &format!("open {:?}", name.chars().take(20).collect::<String>()),
            store::open(name),
        );
    }
    let Some(notes) = report.step("open", store::open("notes")) else {
        return;
    };
    let long = "k".repeat(KEY_BYTES_MAX + 1);
    let most = vec![0; VALUE_BYTES_MAX];
    let large = vec![0; VALUE_BYTES_MAX + 1];
    for (what, key) in [
        ("empty", ""),
        ("long", &long),
        ("a path", "../other/key"),
        ("escapes", "\u{1b}[31m\u{202e}\n"),
    ] {
        report.step(&format!("set {what}"), notes.set(key, b"value"));
        report.step(&format!("get {what}"), notes.get(key));
        report.step(&format!("has {what}"), notes.exists(key));
        report.step(&format!("delete {what}"), notes.delete(key));
    }
    report.step("set too much", notes.set("key", &large));
    report.step("set as much as may be", notes.set("key", &most));
    report.step("list from far behind", notes.list_keys(Some(u64::MAX)));
    until_refused(report, "fill", 12, |n| notes.set(&n.to_string(), &most));
}
