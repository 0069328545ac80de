//! Opening and creating: nothing happens before the decision, and only to what was decided on.

use super::*;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::AsFd;

#[test]
fn looking_empties_nothing_and_opening_empties_what_was_looked_at() {
    let w = World::new();
    let f = w.find("f").unwrap();
    assert_eq!(fs::read_to_string(w.host("m/f")).unwrap(), "inside");
    // Between decision and opening the name changes hands.
    fs::rename(w.host("m/f"), w.host("m/old")).unwrap();
    fs::hard_link(w.host("out/f"), w.host("m/f")).unwrap();
    reopen(
        &f,
        OpenHow {
            truncate: true,
            ..WRITE
        },
    )
    .unwrap();
    assert_eq!(fs::read_to_string(w.host("m/old")).unwrap(), "");
    assert_eq!(fs::read_to_string(w.host("out/f")).unwrap(), SECRET);
}

#[test]
fn flags_do_what_they_say() {
    let w = World::new();
    let f = w.find("f").unwrap();
    let mut file = reopen(&f, WRITE).unwrap();
    file.write_all(b"IN").unwrap();
    let mut file = reopen(
        &f,
        OpenHow {
            append: true,
            ..WRITE
        },
    )
    .unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(b"!").unwrap();
    assert_eq!(w.read("f").unwrap(), "INside!");
    let mut file = reopen(&f, READ).unwrap();
    assert!(file.write_all(b"x").is_err());
    for how in [
        OpenHow::default(),
        OpenHow {
            truncate: true,
            ..READ
        },
        OpenHow {
            append: true,
            ..READ
        },
    ] {
        refused(reopen(&f, how), Class::Invalid);
    }
    refused(
        reopen(
            &f,
            OpenHow {
                directory: true,
                ..READ
            },
        ),
        Class::NotDirectory,
    );
    refused(reopen(&w.find("d").unwrap(), WRITE), Class::IsDirectory);
    let d = reopen(
        &w.find("d").unwrap(),
        OpenHow {
            directory: true,
            ..READ
        },
    )
    .unwrap();
    assert!(d.metadata().unwrap().is_dir());
    // The directory opened so is a start for lookups, as a guest's would be.
    assert_eq!(
        resolve(&Dir::new(&w.mount, d.as_fd()), "e/f", true)
            .unwrap()
            .rel(),
        "d/e/f"
    );
}

#[test]
fn creating_makes_a_file_that_was_not_there() {
    let w = World::new();
    let mut file = create(&w.target("d/new"), FILE_MODE, true).unwrap();
    file.write_all(b"made").unwrap();
    assert_eq!(w.read("d/new").unwrap(), "made");
    let seen = observe(&w.mount, file.as_fd()).unwrap();
    assert_eq!((seen.rel.as_str(), seen.meta.size_bytes), ("d/new", 4));
    let mode = w.find("d/new").unwrap().meta().mode;
    assert_eq!(mode & !0o666, 0);
    create(&w.target("odd"), 0o7777, false).unwrap();
    assert_eq!(w.find("odd").unwrap().meta().mode & 0o7000, 0);
    refused(
        create(&w.target("dir/"), FILE_MODE, false),
        Class::IsDirectory,
    );
}

#[test]
fn creating_never_opens_what_is_there() {
    let w = World::new();
    host_symlink("../out/made", w.host("m/dangling-out")).unwrap();
    host_symlink("made", w.host("m/dangling")).unwrap();
    host_symlink("f", w.host("m/link")).unwrap();
    for name in ["f", "d", "link", "dangling", "dangling-out"] {
        refused(create(&w.target(name), FILE_MODE, false), Class::Exist);
    }
    assert!(!w.host("out/made").exists() && !w.host("m/made").exists());
    assert_eq!(w.read("f").unwrap(), "inside");
}

#[test]
fn creating_follows_the_checked_directory_not_its_name() {
    let w = World::new();
    let target = w.target("d/new");
    fs::rename(w.host("m/d"), w.host("m/moved")).unwrap();
    host_symlink("../out", w.host("m/d")).unwrap();
    let file = create(&target, FILE_MODE, false).unwrap();
    assert!(!w.host("out/new").exists());
    assert_eq!(observe(&w.mount, file.as_fd()).unwrap().rel, "moved/new");
}

#[test]
fn a_listing_comes_in_pieces() {
    let w = World::new();
    for number in 0..10 {
        fs::write(w.host(&format!("m/d/{number}")), "").unwrap();
    }
    let d = w.find("d").unwrap();
    let mut reader = Reader::open(&d.dir(), "d").unwrap();
    let mut names = Vec::new();
    for expected in [5, 5, 2, 0] {
        let piece = reader.next_entries(5).unwrap();
        assert_eq!(piece.len(), expected);
        names.extend(piece.into_iter().map(|entry| entry.name));
    }
    names.sort();
    assert_eq!(names.len(), 12);
    names.dedup();
    assert_eq!(names.len(), 12);
    let f = w.find("f").unwrap();
    assert!(Reader::open(&f.dir(), "f").is_err());
}
