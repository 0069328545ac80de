//! Everything is granted for reading: Tollgate's own files stay closed, under their names and through
//! links that lie elsewhere.

use tollgate_test_guests::files;
use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let own = [
        "home/config/tollgate.toml",
        "home/state/store/store.db",
        "home/state/store/session-keys",
        "mount/to-policy",
        "mount/to-state/store/store.db",
        "mount/to-root/home/config/tollgate.toml",
        "mount/to-home/config/tollgate.toml",
    ];
    files::within(report, "/all", |all, report| {
        let here = files::open_dir(all, scene.root.trim_start_matches('/'));
        let Some(here) = report.step("open the directory of it all", here) else {
            return;
        };
        for path in own {
            for op in [Op::Read, Op::Stat, Op::Hash] {
                paths::one(report, &here, op, path);
            }
        }
        for (op, path) in [
            (Op::List, "home/state"),
            (Op::List, "mount/to-state"),
            (Op::List, "home/cache"),
            (Op::Write, "home/config/tollgate.toml"),
            (Op::Read, "outside/canary.txt"),
        ] {
            paths::one(report, &here, op, path);
        }
    });
}
