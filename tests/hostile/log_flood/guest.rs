//! Logs for ever, and in letters that run backwards.

use tollgate_sdk::log;
use tollgate_test_guests::{Report, Scene};

/// More than a call may put out.
const LINES: usize = 100_000;
const LINE_CHARS: usize = 100;

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let line = "\u{202e}".repeat(LINE_CHARS) + "\u{1b}[31m\nerror host: the ledger is lost";
    for _ in 0..LINES {
        log::error("\u{1b}[8mhidden", &line);
    }
    report.say("everything was logged");
}
