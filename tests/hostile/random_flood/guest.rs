//! Takes randomness: as much as is given at once, and a byte more.

use tollgate_test_guests::wasi::random::random::get_random_bytes;
use tollgate_test_guests::{Report, Scene};

/// As much as is given at once.
const BYTES_MAX: u64 = 64 * 1024;

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let taken: usize = (0..16).map(|_| get_random_bytes(BYTES_MAX).len()).sum();
    report.say(format!("{taken} bytes"));
    let more = get_random_bytes(BYTES_MAX + 1).len();
    report.say(format!("{more} bytes at once"));
}
