//! Everything is granted for reading: Tollgate's own files stay closed, under their names and through
//! links that lie elsewhere.

use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let root = scene.root.trim_start_matches('/');
    let own = [
        "home/config/tollgate.toml",
        "home/state/store/store.db",
        "home/state/session-keys",
    ];
    let through = [
        "mount/to-policy",
        "mount/to-state/store/store.db",
        "mount/to-root/home/config/tollgate.toml",
    ];
    for path in own.into_iter().chain(through) {
        let path = format!("{root}/{path}");
        paths::all(
            report,
            "/all",
            [Op::Read, Op::Stat, Op::Hash].map(|op| (op, &path)),
        );
    }
    let path = |name: &str| format!("{root}/{name}");
    paths::all(
        report,
        "/all",
        [
            (Op::List, path("home/state")),
            (Op::List, path("mount/to-state")),
            (Op::List, path("home/cache")),
            (Op::Write, path("home/config/tollgate.toml")),
            (Op::Read, path("outside/canary.txt")),
        ],
    );
}
