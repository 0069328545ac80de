//! Writes to its standard error for ever, in pieces that would clear a screen.

use std::io::Write;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let mut out = std::io::stderr().lock();
    while out.write_all(b"\x1b[2J\x1b]0;title\x07words ").is_ok() {}
    report.say("the output was closed");
}
