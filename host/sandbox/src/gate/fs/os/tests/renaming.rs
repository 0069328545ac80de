//! Directories: make, remove, rename, link, and what a rename could smuggle.

use super::*;

fn move_to(w: &World, from: &str, to: &str, replace: Replace) -> Result<Observed, OsError> {
    let from = w.target(from);
    let checked = from.look()?;
    rename(&from, &checked, &w.target(to), replace)
}

#[test]
fn directories_are_made_and_removed() {
    let w = World::new();
    let target = w.target("d/new/");
    mkdir(&target, DIRECTORY_MODE).unwrap();
    assert_eq!(target.look().unwrap().rel(), "d/new");
    refused(mkdir(&target, DIRECTORY_MODE), Class::Exist);
    refused(unlink(&w.target("d/new")), Class::IsDirectory);
    rmdir(&target).unwrap();
    refused(target.look(), Class::NoEntry);
    refused(rmdir(&w.target("d")), Class::NotEmpty);
    refused(rmdir(&w.target("f")), Class::NotDirectory);
    refused(unlink(&w.target("f/")), Class::NotDirectory);
    refused(w.target("f/").look(), Class::NotDirectory);
    unlink(&w.target("f")).unwrap();
}

#[test]
fn unlinking_a_link_leaves_what_it_leads_to() {
    let w = World::new();
    host_symlink("../out/f", w.host("m/link")).unwrap();
    unlink(&w.target("link")).unwrap();
    assert!(w.host("out/f").exists());
}

#[test]
fn renaming_replaces_only_where_allowed() {
    let w = World::new();
    fs::write(w.host("m/g"), "g").unwrap();
    refused(move_to(&w, "g", "f", Replace::Never), Class::Exist);
    assert_eq!(w.read("f").unwrap(), "inside");
    assert_eq!(move_to(&w, "g", "d/g", Replace::Never).unwrap().rel, "d/g");
    assert_eq!(move_to(&w, "d/g", "f", Replace::Allowed).unwrap().rel, "f");
    assert_eq!(w.read("f").unwrap(), "g");
    refused(move_to(&w, "f", "d", Replace::Allowed), Class::IsDirectory);
    refused(
        move_to(&w, "f", "new/", Replace::Never),
        Class::NotDirectory,
    );
    refused(
        move_to(&w, "d", "d/e/inside", Replace::Never),
        Class::Invalid,
    );
    assert_eq!(move_to(&w, "d", "c/", Replace::Never).unwrap().rel, "c");
}

#[test]
fn only_what_was_decided_on_is_renamed() {
    let w = World::new();
    let from = w.target("f");
    let checked = from.look().unwrap();
    fs::rename(w.host("m/f"), w.host("m/mine")).unwrap();
    fs::write(w.host("m/f"), "other").unwrap();
    let result = rename(&from, &checked, &w.target("g"), Replace::Never);
    assert!(
        matches!(result, Err(OsError::Changed { undone: true, .. })),
        "{result:?}"
    );
    assert_eq!(w.read("f").unwrap(), "other");
    refused(w.find("g"), Class::NoEntry);
}

#[test]
fn a_file_gets_a_second_name_and_a_directory_does_not() {
    let w = World::new();
    let f = w.find("f").unwrap();
    link(&f, &w.target("d/again")).unwrap();
    assert_eq!(w.find("d/again").unwrap().meta().id, f.meta().id);
    assert_eq!(f.observe().unwrap().meta.nlink, 2);
    refused(link(&f, &w.target("d/again")), Class::Exist);
    refused(
        link(&w.find("d").unwrap(), &w.target("second")),
        Class::NotPermitted,
    );
    host_symlink("f", w.host("m/link")).unwrap();
    refused(
        link(&w.itself("link").unwrap(), &w.target("second")),
        Class::NotFileOrDirectory,
    );
}

#[test]
fn links_that_lead_out_are_not_made() {
    let w = World::new();
    for text in [
        "/", "/etc", "..", "../f", "./../f", "d/../..", "f/..", "d/../f",
    ] {
        refused(symlink(text, &w.target("link")), Class::Outside);
    }
    for text in ["../../f", "../../../f", "./.././../f"] {
        refused(symlink(text, &w.target("d/link")), Class::Outside);
    }
    refused(symlink("", &w.target("link")), Class::NoEntry);
    refused(symlink("a\0b", &w.target("link")), Class::Invalid);
    symlink("../../f", &w.target("d/e/up")).unwrap();
    symlink(".././f", &w.target("d/up")).unwrap();
    symlink("d//e/", &w.target("down")).unwrap();
    symlink("nothing/yet", &w.target("later")).unwrap();
    assert_eq!(
        (w.rel("d/e/up"), w.rel("d/up"), w.rel("down/f")),
        ("f".into(), "f".into(), "d/e/f".into())
    );
    assert_eq!(read_link(&w.itself("d/up").unwrap()).unwrap(), ".././f");
    // A link that is fine where it is and leads out from where it would go.
    refused(move_to(&w, "d/up", "up", Replace::Never), Class::Outside);
    assert_eq!(
        move_to(&w, "d/e/up", "d/up2", Replace::Never)
            .map(|o| o.rel)
            .map_err(|e| e.class()),
        Err(Class::Outside)
    );
    assert_eq!(
        move_to(&w, "down", "down2", Replace::Never).unwrap().rel,
        "down2"
    );
}

#[test]
fn excluded_names_below_a_directory_are_found() {
    let w = World::new();
    fs::write(w.host("m/d/e/.env"), SECRET).unwrap();
    host_symlink("../../out", w.host("m/d/e/link")).unwrap();
    let d = w.find("d").unwrap();
    let env = |path: &str| path == ".env" || path.ends_with("/.env");
    assert_eq!(
        find_excluded(&d, &env, 100).unwrap().as_deref(),
        Some("e/.env")
    );
    // The caller can ask for the old and the new name.
    let moved = |path: &str| format!("new/{path}") == "new/e/f";
    assert_eq!(
        find_excluded(&d, &moved, 100).unwrap().as_deref(),
        Some("e/f")
    );
    assert_eq!(
        find_excluded(&d, &|path| path.contains("link/"), 100).unwrap(),
        None
    );
    refused(find_excluded(&d, &|_| false, 3), Class::Limit);
    assert_eq!(find_excluded(&d, &|_| false, 5).unwrap(), None);
    refused(
        find_excluded(&w.find("f").unwrap(), &env, 3),
        Class::NotDirectory,
    );
}

#[test]
fn an_excluded_search_refuses_what_it_cannot_name() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let w = World::new();
    fs::write(w.host("m/d").join(OsStr::from_bytes(b"\xff")), "").unwrap();
    refused(
        find_excluded(&w.find("d").unwrap(), &|_| false, 100),
        Class::IllegalBytes,
    );
}
