//! Takes memory for ever.

use tollgate_test_guests::{Report, Scene};

/// Bytes of one piece.
const PIECE_BYTES: usize = 1 << 20;

fn attempt(_: &Scene, report: &mut Report) {
    let mut kept = Vec::new();
    loop {
        let mut piece = Vec::new();
        if piece.try_reserve_exact(PIECE_BYTES).is_err() {
            std::process::abort();
        }
        piece.resize(PIECE_BYTES, 1_u8);
        kept.push(piece);
        if kept.len() == usize::MAX {
            return report.say("the memory has no end");
        }
    }
}

tollgate_test_guests::guest!(attempt);
