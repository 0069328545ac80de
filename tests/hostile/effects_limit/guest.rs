//! Attempts more than its limit of effects: of every class, granted and not.

use tollgate_test_guests::http;
use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::wasi::keyvalue::store;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let table = [
        (Op::Read, "note.txt"),
        (Op::Create, "new.txt"),
        (Op::Read, "../outside/canary.txt"),
        (Op::Mkdir, "made"),
        (Op::Stat, "note.txt"),
        (Op::Read, "note.txt"),
        (Op::Unlink, "note.txt"),
        (Op::Read, "../outside/canary.txt"),
        (Op::List, "."),
    ];
    paths::all(report, "/data", table);
    report.step("open a namespace", store::open("notes"));
    http::attempt(report, &format!("127.0.0.1:{}", scene.port), "/public/page");
    report.say(format!("variables: {:?}", std::env::vars().count()));
}
