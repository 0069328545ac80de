//! Makes handles for ever: each is little for the guest and much for the host.

use tollgate_test_guests::wasi::http::types::Fields;
use tollgate_test_guests::{Report, Scene};

/// More than a call may hold.
const TIMES: usize = 10_000;

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let mut kept = Vec::new();
    while kept.len() < TIMES {
        let fields = Fields::new();
        let _ = fields.append("x", &[b'x'; 1024]);
        kept.push(fields);
    }
    report.say(format!("{} handles", kept.len()));
}
