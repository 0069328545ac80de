//! Calls every import that is no effect of its own: handles of files, exchanges and sockets, and what only
//! builds or counts.
//!
//! Not hostile: the test calls it with everything granted and with nothing granted, and with the grants
//! revoked or the ledger lost between the opening of the handles and their use. The write of a key in
//! between is the mark at which the test does so.

mod ends;
mod files;
mod http;
mod plain;
mod sockets;
mod streams;

use tollgate_test_guests::report::Said;
use tollgate_test_guests::wasi::keyvalue::store;
use tollgate_test_guests::{Report, Scene};

fn attempt(scene: &Scene, report: &mut Report) {
    ends::at(&scene.guest);
    let files = files::Opened::open();
    let exchanges = http::Opened::open(scene);
    let sockets = sockets::Opened::open();
    if let Ok(bucket) = store::open("notes") {
        drop(bucket.set("mark", b"now"));
    }
    plain::attempt(report);
    files.attempt(report);
    exchanges.attempt(report);
    sockets.attempt(report);
}

/// Says how a function that can fail answered; without the handle that it needs it is out of reach.
fn tried<H, T, E: Said>(
    report: &mut Report,
    what: &str,
    handle: Option<H>,
    ask: impl FnOnce(H) -> Result<T, E>,
) -> Option<T> {
    let Some(handle) = handle else {
        report.say(format!("{what}: out of reach"));
        return None;
    };
    report.step(what, ask(handle))
}

/// Says that a function that cannot fail answered.
fn told<H, T>(
    report: &mut Report,
    what: &str,
    handle: Option<H>,
    ask: impl FnOnce(H) -> T,
) -> Option<T> {
    tried(report, what, handle, |handle| Ok::<T, String>(ask(handle)))
}

tollgate_test_guests::guest!(attempt);
