//! The edge of the mount: paths and links that try to leave it, and names.

use super::*;
use std::os::fd::AsFd;

#[test]
fn names_are_relative_to_the_mount_as_the_kernel_resolved_them() {
    let w = World::new();
    assert_eq!(w.rel("f"), "f");
    assert_eq!(w.rel("."), "");
    assert_eq!(w.rel("d/"), "d");
    assert_eq!(w.rel("d//e/./../e/f"), "d/e/f");
    assert_eq!(w.read("d/../f").unwrap(), "inside");
    let d = w.find("d").unwrap();
    assert_eq!(resolve(&d.dir(), "e/f", true).unwrap().rel(), "d/e/f");
    assert_eq!(d.kind(), Kind::Directory);
}

#[test]
fn leaving_is_refused() {
    let w = World::new();
    for path in [
        "..",
        "../f",
        "../m/f",
        "d/../../f",
        "d/e/../../../out/f",
        "/",
        "/etc/passwd",
        "//f",
    ] {
        refused(w.find(path), Class::Outside);
        refused(w.itself(path), Class::Outside);
    }
    refused(w.find(w.host("m/f").to_str().unwrap()), Class::Outside);
}

#[test]
fn a_held_subdirectory_is_an_edge_too() {
    let w = World::new();
    let d = w.find("d").unwrap();
    refused(resolve(&d.dir(), "../f", true), Class::Outside);
    refused(resolve(&d.dir(), "..", false), Class::Outside);
    refused(resolve_parent(&d.dir(), "../new"), Class::Outside);
}

#[test]
fn links_inside_are_followed_and_links_outside_are_not() {
    let w = World::new();
    let link = |text: &str, at: &str| host_symlink(text, w.host(at)).unwrap();
    link("d/e", "m/in");
    link("../f", "m/d/up");
    link("../out", "m/out");
    link("../../out/f", "m/d/far");
    link(w.host("m/f").to_str().unwrap(), "m/absolute");
    link("loop2", "m/loop1");
    link("loop1", "m/loop2");
    link("nothing", "m/dangling");
    assert_eq!(w.rel("in/f"), "d/e/f");
    assert_eq!(w.rel("d/up"), "f");
    for path in ["out", "out/f", "d/far", "absolute", "out/../m/f"] {
        refused(w.find(path), Class::Outside);
    }
    refused(w.find("loop1"), Class::Loop);
    refused(w.find("dangling"), Class::NoEntry);
    let itself = w.itself("out").unwrap();
    assert_eq!((itself.kind(), itself.rel()), (Kind::Symlink, "out"));
    // A `/` at the end follows, as everywhere on this system.
    refused(w.itself("out/"), Class::Outside);
    assert_eq!(w.itself("in/").unwrap().rel(), "d/e");
}

#[test]
fn magic_links_are_not_followed() {
    let root = MountRoot::open(Path::new("/"), Arc::new(ProtectedRoots::new())).unwrap();
    let find = |path| resolve(&root.dir(), path, true);
    refused(find("proc/self/root/etc"), Class::Loop);
    refused(find("proc/self/cwd"), Class::Loop);
    refused(find("proc/self/fd/0"), Class::Loop);
    refused(find("dev/fd/0"), Class::Outside);
    assert_eq!(find("etc").unwrap().rel(), "etc");
    assert_eq!(find(".").unwrap().rel(), "");
}

#[test]
fn odd_paths() {
    let w = World::new();
    refused(w.find(""), Class::NoEntry);
    refused(w.find("f/"), Class::NotDirectory);
    refused(w.find("f/."), Class::NotDirectory);
    refused(w.find("a\0b"), Class::Invalid);
    refused(w.find(&"x".repeat(256)), Class::NameTooLong);
    refused(w.find(&"d/../".repeat(2000)), Class::NameTooLong);
    refused(w.find("none"), Class::NoEntry);
    let parent = |path: &str| resolve_parent(&w.mount.dir(), path);
    refused(parent(""), Class::NoEntry);
    refused(parent("/"), Class::Outside);
    refused(parent("/x"), Class::Outside);
    refused(parent("../x"), Class::Outside);
    refused(parent("d/.."), Class::Invalid);
    refused(parent("f/x"), Class::NotDirectory);
    refused(parent("none/x"), Class::NoEntry);
    refused(
        parent(&format!("d/{}", "x".repeat(256))),
        Class::NameTooLong,
    );
    let target = parent("d/../d/new/").unwrap();
    assert_eq!((target.rel(), target.must_be_directory), ("d/new", true));
}

#[test]
fn a_name_that_is_not_utf8_has_no_rule() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let w = World::new();
    let odd = w.host("m").join(OsStr::from_bytes(b"odd\xff"));
    fs::write(&odd, "x").unwrap();
    host_symlink(OsStr::from_bytes(b"odd\xff"), w.host("m/link")).unwrap();
    refused(w.find("link"), Class::IllegalBytes);
    let listing = Reader::open(&w.mount.dir(), "")
        .and_then(|mut reader| reader.next_entries(100))
        .unwrap();
    let mut names: Vec<_> = listing.into_iter().map(|e| (e.name, e.kind)).collect();
    names.sort_by(|a, b| a.0.cmp(&b.0));
    let kinds = [
        ("d", Kind::Directory),
        ("f", Kind::Regular),
        ("link", Kind::Symlink),
    ];
    assert_eq!(names, kinds.map(|(name, kind)| (name.to_owned(), kind)));
}

#[test]
fn a_renamed_root_changes_no_name() {
    let w = World::new();
    let f = w.find("d/f").unwrap();
    fs::rename(w.host("m"), w.host("elsewhere")).unwrap();
    assert_eq!(f.observe().unwrap().rel, "d/f");
    assert_eq!(w.rel("d/e/f"), "d/e/f");
    assert_eq!(w.mount.id(), w.find(".").unwrap().meta().id);
    assert!(
        !w.mount.folds_case(),
        "the temporary directory compares names without case"
    );
}

#[test]
fn what_was_moved_out_of_the_mount_is_outside() {
    let w = World::new();
    let d = w.find("d").unwrap();
    fs::rename(w.host("m/d"), w.host("out/d")).unwrap();
    refused(d.observe(), Class::Outside);
    refused(resolve(&d.dir(), "f", true), Class::Outside);
    refused(resolve(&d.dir(), ".", true), Class::Outside);
    refused(resolve_parent(&d.dir(), "new"), Class::Outside);
    // A neighbour whose name begins like the mount's is not in it.
    fs::create_dir(w.host("m2")).unwrap();
    fs::rename(w.host("out/d"), w.host("m2/d")).unwrap();
    refused(d.observe(), Class::Outside);
}

#[test]
fn removed_entries_are_gone_and_names_that_look_removed_are_not() {
    let w = World::new();
    let f = w.find("f").unwrap();
    fs::remove_file(w.host("m/f")).unwrap();
    refused(f.observe(), Class::NoEntry);
    fs::write(w.host("m/x (deleted)"), "inside").unwrap();
    assert_eq!(w.rel("x (deleted)"), "x (deleted)");
    // A removed `y` with another file at the name that the kernel tells.
    fs::write(w.host("m/y"), "1").unwrap();
    fs::write(w.host("m/y (deleted)"), "2").unwrap();
    let y = w.find("y").unwrap();
    fs::remove_file(w.host("m/y")).unwrap();
    refused(y.observe(), Class::NoEntry);
    fs::remove_dir_all(w.host("m")).unwrap();
    refused(w.find("."), Class::NoEntry);
}

#[test]
fn a_directory_of_another_place_is_no_start() {
    let w = World::new();
    let out = fs::File::open(w.host("out")).unwrap();
    refused(
        resolve(&Dir::new(&w.mount, out.as_fd()), "f", true),
        Class::Outside,
    );
}
