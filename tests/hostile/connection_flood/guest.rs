//! Holds as many requests open as it can.

use tollgate_test_guests::floods::until_refused;
use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::wasi::clocks::monotonic_clock::subscribe_duration;
use tollgate_test_guests::wasi::http::outgoing_handler::handle;
use tollgate_test_guests::{Report, Scene};

const TIMES: usize = 1_100;
/// Long enough for as many connections as there may be.
const HELD_NS: u64 = 3_000_000_000;

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);
    let open = until_refused(report, "held", TIMES, |_| {
        let request = Ask::get(&granted, "/slow").build()?;
        handle(request, None).map_err(|code| http::name(&code))
    });
    subscribe_duration(HELD_NS).block();
    drop(open);
}
