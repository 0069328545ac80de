//! Excluded names in other Unicode forms, and names that show as something else.

use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    paths::all(
        report,
        "/data",
        [
            // As it is excluded: `é` is one character. Then the letter and an accent.
            (Op::Read, "caf\u{e9}.txt"),
            (Op::Read, "cafe\u{301}.txt"),
            (Op::Create, "cafe\u{301}.txt"),
            // Full-width and other dots and slashes are letters.
            (Op::Read, "\u{ff0e}\u{ff0e}/outside/canary.txt"),
            (Op::Read, "..\u{2215}outside\u{2215}canary.txt"),
            (Op::Read, "..\u{2044}outside\u{2044}canary.txt"),
            (Op::Read, "\u{2025}/outside/canary.txt"),
            (Op::Read, "secret\u{ff0e}env"),
            // Invisible characters make another name, and hide in no record.
            (Op::Read, "secret.e\u{200d}nv"),
            (Op::Read, "secret.env\u{200b}"),
            (Op::Read, "\u{feff}secret.env"),
            (Op::Create, "\u{202e}gnp.exe"),
            (Op::Create, "\u{1b}[31mred"),
            (Op::Create, "two\nlines"),
            (Op::Mkdir, "\u{2066}isolated\u{2069}"),
            (Op::Rename("\u{202d}moved\r.txt"), "note.txt"),
        ],
    );
}
