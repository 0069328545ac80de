//! Writes to its standard output for ever.

use std::io::Write;
use tollgate_test_guests::{Report, Scene};

fn attempt(_: &Scene, report: &mut Report) {
    let line = [b'x'; 4096];
    let mut out = std::io::stdout().lock();
    while out.write_all(&line).is_ok() {}
    report.say("the output was closed");
}

tollgate_test_guests::guest!(attempt);
