//! Walks along links of its own making: long chains, circles, and detours through a parent.

use tollgate_test_guests::files;
use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

/// Links that the kernel follows in one lookup (`path_resolution(7)`).
const FOLLOWED_MAX: usize = 40;

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        let mut before = "note.txt".to_owned();
        let mut made = 0;
        for n in 1..=FOLLOWED_MAX + 1 {
            let name = format!("chain-{n}");
            made += usize::from(data.symlink_at(&before, &name).is_ok());
            before = name;
        }
        report.say(format!("links of a chain: {made}"));
    });
    let ends = [FOLLOWED_MAX, FOLLOWED_MAX + 1].map(|n| (Op::Read, format!("chain-{n}")));
    paths::all(report, "/data", ends);
    files::within(report, "/data", |data, report| {
        let removed =
            (1..=FOLLOWED_MAX + 1).filter(|n| data.unlink_file_at(&format!("chain-{n}")).is_ok());
        report.say(format!("links removed: {}", removed.count()));
    });
    paths::all(
        report,
        "/data",
        [
            (Op::Symlink("round"), "about"),
            (Op::Symlink("about"), "round"),
            (Op::Read, "round"),
            (Op::Create, "round"),
            (Op::Symlink("self/self"), "self"),
            (Op::Read, "self/x"),
            (Op::Symlink("sub/deep"), "down"),
            (Op::Read, "down/../inner.txt"),
            (Op::Read, "down/../../note.txt"),
            (Op::Read, "down/../../../outside/canary.txt"),
            (Op::Symlink("sub/../../outside"), "way"),
            (Op::Symlink("down/../../../outside"), "detour"),
            (Op::Read, "detour/canary.txt"),
            (Op::Create, "detour/new.txt"),
            (Op::Symlink(".."), "sub/up"),
            (Op::Symlink("sub/up/.."), "out"),
            (Op::Read, "out/outside/canary.txt"),
            // A link that stays inside, and then its directory moves up.
            (Op::Symlink("../../note.txt"), "sub/deep/later"),
            (Op::Rename("deep"), "sub/deep"),
            (Op::Read, "deep/later"),
            (Op::Symlink("/data/note.txt"), "absolute"),
        ],
    );
}
