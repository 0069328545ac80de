//! Nothing is granted: everything of files, values, variables and requests is tried all the same.

use tollgate_test_guests::http;
use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::wasi::keyvalue::store;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    for mount in ["/data", "/"] {
        let ops = [
            Op::Read,
            Op::Write,
            Op::Create,
            Op::Mkdir,
            Op::Stat,
            Op::Unlink,
            Op::List,
            Op::Readlink,
        ];
        paths::all(report, mount, ops.map(|op| (op, "note.txt")));
    }
    for name in ["", "notes", "*", "empty_list"] {
        report.step(&format!("open {name:?}"), store::open(name));
    }
    for name in ["HOSTILE_PLAIN", "HOSTILE_CREDENTIAL", "PATH"] {
        report.say(format!("{name}: {:?}", std::env::var(name).ok()));
    }
    http::attempt(report, &format!("127.0.0.1:{}", scene.port), "/public/page");
    report.say(format!(
        "configuration: {:?}",
        tollgate_sdk::config::get("key").ok()
    ));
}
