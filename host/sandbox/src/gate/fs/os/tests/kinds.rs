//! What is not a file or a directory, and what a file's metadata tells.

use super::*;
use rustix::fs::{CWD, FileType, Mode};

#[test]
fn fifos_and_sockets_are_found_and_never_opened() {
    let w = World::new();
    rustix::fs::mknodat(
        CWD,
        w.host("m/fifo"),
        FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(w.host("m/socket")).unwrap();
    for (name, kind) in [("fifo", Kind::Fifo), ("socket", Kind::Socket)] {
        let found = w.find(name).unwrap();
        assert_eq!((found.kind(), found.rel()), (kind, name));
        refused(reopen(&found, READ), Class::NotFileOrDirectory);
        refused(reopen(&found, WRITE), Class::NotFileOrDirectory);
        refused(link(&found, &w.target("second")), Class::NotFileOrDirectory);
        refused(
            set_times(&found, NewTime::Now, NewTime::Now),
            Class::NotFileOrDirectory,
        );
        unlink(&w.target(name)).unwrap();
        refused(w.find(name), Class::NoEntry);
    }
}

#[test]
fn devices_are_found_and_never_opened() {
    let dev = MountRoot::open(Path::new("/dev"), Arc::new(ProtectedRoots::new())).unwrap();
    let null = resolve(&dev.dir(), "null", true).unwrap();
    assert_eq!(null.kind(), Kind::CharacterDevice);
    refused(reopen(&null, READ), Class::NotFileOrDirectory);
    let error = reopen(&null, WRITE).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#""null" is a character device, and only regular files and directories are opened"#
    );
}

#[test]
fn a_link_itself_is_never_opened() {
    let w = World::new();
    host_symlink("f", w.host("m/link")).unwrap();
    refused(reopen(&w.itself("link").unwrap(), READ), Class::Loop);
    assert_eq!(read_link(&w.itself("link").unwrap()).unwrap(), "f");
    refused(read_link(&w.find("f").unwrap()), Class::Invalid);
    host_symlink("/etc/passwd", w.host("m/absolute")).unwrap();
    refused(read_link(&w.itself("absolute").unwrap()), Class::Outside);
}

#[test]
fn hard_links_are_counted_by_any_name() {
    let w = World::new();
    assert_eq!(w.find("f").unwrap().nlink(), 1);
    fs::hard_link(w.host("out/f"), w.host("m/innocent")).unwrap();
    let found = w.find("innocent").unwrap();
    assert_eq!((found.nlink(), found.rel()), (2, "innocent"));
}

#[test]
fn metadata_agrees_with_the_standard_library() {
    use std::os::unix::fs::MetadataExt;
    let w = World::new();
    for path in ["f", "d", "d/e/f"] {
        let theirs = fs::metadata(w.host("m").join(path)).unwrap();
        let found = w.find(path).unwrap();
        let ours = found.meta();
        assert_eq!((ours.id.dev, ours.id.ino), (theirs.dev(), theirs.ino()));
        assert_eq!(
            (ours.size_bytes, u64::from(ours.nlink)),
            (theirs.len(), theirs.nlink())
        );
        assert_eq!(ours.modified.seconds, theirs.mtime());
        assert_eq!(i64::from(ours.modified.nanoseconds), theirs.mtime_nsec());
        assert_eq!(u32::from(ours.mode), theirs.mode() & 0o7777);
    }
}

#[test]
fn times_are_set_on_what_was_checked() {
    let w = World::new();
    host_symlink("f", w.host("m/link")).unwrap();
    let at = |seconds| {
        NewTime::At(Timestamp {
            seconds,
            nanoseconds: 5,
        })
    };
    let modified = |path| w.itself(path).unwrap().meta().modified.seconds;
    set_times(&w.find("f").unwrap(), NewTime::Keep, at(1000)).unwrap();
    set_times(&w.itself("link").unwrap(), at(7), at(2000)).unwrap();
    set_times(&w.find("d").unwrap(), NewTime::Now, at(-3000)).unwrap();
    assert_eq!(
        (modified("f"), modified("link"), modified("d")),
        (1000, 2000, -3000)
    );
    // The kernel's words for "now" and "keep" cannot be said in nanoseconds.
    for nanoseconds in [1_000_000_000, (1 << 30) - 1, (1 << 30) - 2] {
        let odd = NewTime::At(Timestamp {
            seconds: 0,
            nanoseconds,
        });
        refused(
            set_times(&w.find("f").unwrap(), NewTime::Keep, odd),
            Class::Invalid,
        );
    }
}

#[test]
fn a_floor_of_free_space_is_kept() {
    let w = World::new();
    keep_floor(w.mount.as_fd(), 1).unwrap();
    refused(keep_floor(w.mount.as_fd(), u64::MAX), Class::NoSpace);
}
