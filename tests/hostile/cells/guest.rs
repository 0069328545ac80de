//! Tries every operation on files, each in a directory of its own, so that none changes what another finds.
//!
//! The test calls it once under each access and prints what came of every cell.

use tollgate_test_guests::files::{self, open, open_to_write, touch};
use tollgate_test_guests::wasi::filesystem::types::{
    Descriptor, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};
use tollgate_test_guests::{Report, Scene};

type Tried = Result<(), ErrorCode>;

/// The names of what an operation finds, below its directory.
struct At<'a> {
    dir: &'a Descriptor,
    below: String,
}

impl At<'_> {
    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.below)
    }

    fn opened(&self, name: &str, how: OpenFlags) -> Result<Descriptor, ErrorCode> {
        open_to_write(self.dir, &self.path(name), how)
    }

    /// Opens a file, as it is or however it is said, and puts `NEW` at its beginning.
    fn written(&self, name: &str, how: OpenFlags) -> Tried {
        self.opened(name, how)?.write(b"NEW", 0).map(drop)
    }

    /// A file that this call makes.
    fn own(&self) -> Result<Descriptor, ErrorCode> {
        let file = self.opened("own.txt", OpenFlags::CREATE | OpenFlags::EXCLUSIVE)?;
        file.write(b"own words", 0)?;
        Ok(file)
    }

    fn renamed(&self, from: &str, to: &str) -> Tried {
        self.dir
            .rename_at(&self.path(from), self.dir, &self.path(to))
    }
}

fn none() -> PathFlags {
    PathFlags::empty()
}

fn as_it_is() -> OpenFlags {
    OpenFlags::empty()
}

/// The name of an operation, and what it does.
type Operation = (&'static str, fn(&At<'_>) -> Tried);

const CREATE: OpenFlags = OpenFlags::CREATE;
const EXCLUSIVE: OpenFlags = OpenFlags::EXCLUSIVE;
const TRUNCATE: OpenFlags = OpenFlags::TRUNCATE;

const OPERATIONS: [Operation; 38] = [
    ("look", |at| {
        at.dir.stat_at(none(), &at.path("note.txt")).map(drop)
    }),
    ("identify", |at| {
        at.dir
            .metadata_hash_at(none(), &at.path("note.txt"))
            .map(drop)
    }),
    ("read_link", |at| {
        at.dir.readlink_at(&at.path("link")).map(drop)
    }),
    ("list", |at| files::names(at.dir, &at.below).map(drop)),
    ("read", |at| {
        files::read(at.dir, &at.path("note.txt")).map(drop)
    }),
    ("read_through_link", |at| {
        files::read(at.dir, &at.path("link")).map(drop)
    }),
    ("create", |at| at.written("new.txt", CREATE)),
    ("create_new", |at| at.written("new.txt", CREATE | EXCLUSIVE)),
    ("create_new_over", |at| {
        at.written("note.txt", CREATE | EXCLUSIVE)
    }),
    ("make_directory", |at| {
        at.dir.create_directory_at(&at.path("new"))
    }),
    ("make_link", |at| {
        at.dir.symlink_at("note.txt", &at.path("new-link"))
    }),
    ("make_link_over", |at| {
        at.dir.symlink_at("other.txt", &at.path("note.txt"))
    }),
    ("second_name", |at| {
        let (from, to) = (at.path("note.txt"), at.path("second.txt"));
        at.dir.link_at(none(), &from, at.dir, &to)
    }),
    ("second_name_over", |at| {
        let (from, to) = (at.path("note.txt"), at.path("other.txt"));
        at.dir.link_at(none(), &from, at.dir, &to)
    }),
    ("write", |at| at.written("note.txt", as_it_is())),
    ("write_or_create", |at| at.written("note.txt", CREATE)),
    ("write_through_link", |at| at.written("link", as_it_is())),
    ("append", |at| {
        let file = at.opened("note.txt", as_it_is())?;
        let stream = file.append_via_stream()?;
        let written = stream.blocking_write_and_flush(b" NEW");
        written.map_err(|_| ErrorCode::Io)
    }),
    ("truncate", |at| at.opened("note.txt", TRUNCATE).map(drop)),
    ("set_size", |at| {
        at.opened("note.txt", as_it_is())?.set_size(1)
    }),
    ("set_size_of_one_read", |at| {
        open(at.dir, &at.path("note.txt"))?.set_size(1)
    }),
    ("write_to_one_read", |at| {
        let file = open(at.dir, &at.path("note.txt"))?;
        file.write(b"NEW", 0).map(drop)
    }),
    ("set_times", |at| touch(at.dir, &at.path("note.txt"))),
    ("set_times_of_open", |at| {
        let file = at.opened("note.txt", as_it_is())?;
        file.set_times(NewTimestamp::NoChange, NewTimestamp::Now)
    }),
    ("set_times_of_one_read", |at| {
        let file = open(at.dir, &at.path("note.txt"))?;
        file.set_times(NewTimestamp::NoChange, NewTimestamp::Now)
    }),
    ("delete", |at| at.dir.unlink_file_at(&at.path("note.txt"))),
    ("delete_link", |at| at.dir.unlink_file_at(&at.path("link"))),
    ("remove_directory", |at| {
        at.dir.remove_directory_at(&at.path("empty"))
    }),
    ("rename", |at| at.renamed("note.txt", "moved.txt")),
    ("rename_over", |at| at.renamed("note.txt", "other.txt")),
    ("rename_directory", |at| at.renamed("sub", "moved")),
    ("rename_directory_over", |at| at.renamed("sub", "empty")),
    ("own_write", |at| at.own()?.write(b"OWN", 0).map(drop)),
    ("own_truncate", |at| {
        let _file = at.own()?;
        at.opened("own.txt", TRUNCATE).map(drop)
    }),
    ("own_set_size", |at| at.own()?.set_size(3)),
    ("own_rename", |at| {
        at.own()?;
        at.renamed("own.txt", "moved.txt")
    }),
    ("own_rename_over", |at| {
        at.own()?;
        at.renamed("own.txt", "note.txt")
    }),
    ("own_delete", |at| {
        at.own()?;
        at.dir.unlink_file_at(&at.path("own.txt"))
    }),
];

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    // Where nothing is mounted, the empty directory that stands for everything outside is.
    let (dir, above) = match (files::mount("/data"), files::mount("/")) {
        (Some(dir), _) => (dir, ""),
        (None, Some(dir)) => (dir, "data/"),
        (None, None) => return report.say("no mount at all"),
    };
    for (name, operation) in OPERATIONS {
        let at = At {
            dir: &dir,
            below: format!("{above}{name}"),
        };
        report.step(name, operation(&at));
    }
}
