//! Computes for ever.

use std::hint::black_box;
use tollgate_test_guests::{Report, Scene};

fn attempt(_: &Scene, report: &mut Report) {
    let mut turns = 0_u64;
    while black_box(turns) != u64::MAX {
        turns = black_box(turns).wrapping_mul(3) / 2;
    }
    report.say("the loop has ended");
}

tollgate_test_guests::guest!(attempt);
