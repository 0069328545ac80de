//! Makes handles for ever: each is little for the guest and much for the host.

use tollgate_test_guests::wasi::http::types::Fields;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let kept: Vec<Fields> = (0..usize::MAX)
        .map(|_| {
            let fields = Fields::new();
            let _ = fields.append("x", &[b'x'; 1024]);
            fields
        })
        .collect();
    report.say(format!("{} handles", kept.len()));
}
