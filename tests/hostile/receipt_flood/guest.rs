//! Attempts so much that the evidence would fill the disk.

use tollgate_test_guests::files::{self, open_to_write};
use tollgate_test_guests::wasi::filesystem::types::{OpenFlags, PathFlags};
use tollgate_test_guests::{Report, Scene};

/// Attempts of each kind; more than a call may have strict ones.
const ATTEMPTS: usize = 3_000;

fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        let mut denied = [0_usize; 4];
        for n in 0..ATTEMPTS {
            // A name of its own for each, so that no two are alike.
            let name = format!("../outside/{n}");
            denied[0] += usize::from(data.stat_at(PathFlags::empty(), &name).is_err());
            denied[1] += usize::from(files::open(data, &name).is_err());
            let how = OpenFlags::CREATE;
            denied[2] += usize::from(open_to_write(data, &format!("new-{n}"), how).is_err());
            denied[3] += usize::from(data.unlink_file_at(&format!("sub/{n}")).is_err());
        }
        report.say(format!("refused of {ATTEMPTS} each: {denied:?}"));
    });
}

tollgate_test_guests::guest!(attempt);
