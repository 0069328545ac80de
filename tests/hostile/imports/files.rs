//! Files and directories that are open.

use super::{streams, told, tried};
use tollgate_test_guests::Report;
use tollgate_test_guests::files::{mount, open_to_write};
use tollgate_test_guests::wasi::filesystem::types::{
    Advice, Descriptor, DirectoryEntryStream, NewTimestamp, OpenFlags, filesystem_error_code,
};
use tollgate_test_guests::wasi::http::types::http_error_code;
use tollgate_test_guests::wasi::io::error::Error;
use tollgate_test_guests::wasi::io::streams::{InputStream, OutputStream, StreamError};

/// A place in a file that no file has.
const BEYOND: u64 = u64::MAX - 1;

/// What was opened.
pub(super) struct Opened {
    entries: Option<DirectoryEntryStream>,
    input: Option<InputStream>,
    output: Option<OutputStream>,
    error: Option<Error>,
    file: Option<Descriptor>,
}

impl Opened {
    pub(super) fn open() -> Self {
        let data = mount("/data");
        let data = data.as_ref();
        let file = data.and_then(|data| open_to_write(data, "note.txt", OpenFlags::empty()).ok());
        let of = file.as_ref();
        Self {
            entries: data.and_then(|data| data.read_directory().ok()),
            input: of.and_then(|file| file.read_via_stream(0).ok()),
            output: of.and_then(|file| file.append_via_stream().ok()),
            error: of.and_then(failure),
            file,
        }
    }

    pub(super) fn attempt(self, report: &mut Report) {
        let file = self.file.as_ref();
        attempt_streams(report, file);
        attempt_file(report, file);
        let entries = self.entries.as_ref();
        tried(
            report,
            "directory-entry-stream.read-directory-entry",
            entries,
            DirectoryEntryStream::read_directory_entry,
        );
        let error = self.error.as_ref();
        // In the words that it has: none of them may be of the host.
        tried(report, "error.to-debug-string", error, |error| {
            Err::<(), _>(error.to_debug_string())
        });
        told(report, "types.filesystem-error-code", error, |error| {
            filesystem_error_code(error)
        });
        told(report, "types.http-error-code", error, |error| {
            http_error_code(error)
        });
        streams::attempt(report, "fs.use", self.input.as_ref(), self.output.as_ref());
    }
}

/// Why a write at a place that no file has fails.
fn failure(file: &Descriptor) -> Option<Error> {
    let output = file.write_via_stream(BEYOND).ok()?;
    match output.blocking_write_and_flush(b"far") {
        Err(StreamError::LastOperationFailed(error)) => Some(error),
        _ => None,
    }
}

fn attempt_streams(report: &mut Report, file: Option<&Descriptor>) {
    tried(report, "descriptor.read-via-stream fs.use", file, |file| {
        file.read_via_stream(0)
    });
    tried(report, "descriptor.write-via-stream fs.use", file, |file| {
        file.write_via_stream(0)
    });
    tried(
        report,
        "descriptor.append-via-stream fs.use",
        file,
        Descriptor::append_via_stream,
    );
}

fn attempt_file(report: &mut Report, file: Option<&Descriptor>) {
    let same = NewTimestamp::NoChange;
    tried(report, "descriptor.advise fs.use", file, |file| {
        file.advise(0, 1, Advice::Normal)
    });
    tried(
        report,
        "descriptor.sync-data fs.use",
        file,
        Descriptor::sync_data,
    );
    tried(report, "descriptor.get-flags", file, Descriptor::get_flags);
    tried(report, "descriptor.get-type", file, Descriptor::get_type);
    tried(report, "descriptor.set-size fs.use", file, |file| {
        file.set_size(40)
    });
    tried(report, "descriptor.set-times fs.use", file, |file| {
        file.set_times(same, same)
    });
    tried(report, "descriptor.read fs.use", file, |file| {
        file.read(1, 0)
    });
    tried(report, "descriptor.write fs.use", file, |file| {
        file.write(b"w", 0)
    });
    tried(report, "descriptor.sync fs.use", file, Descriptor::sync);
    tried(report, "descriptor.stat fs.use", file, Descriptor::stat);
    told(report, "descriptor.is-same-object", file, |file| {
        file.is_same_object(file)
    });
    tried(
        report,
        "descriptor.metadata-hash fs.use",
        file,
        Descriptor::metadata_hash,
    );
}
