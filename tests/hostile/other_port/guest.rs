//! A granted host at other ports: the canary's, the scheme's own, none.

use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    let canary = scene.canary_port;
    for authority in [
        format!("127.0.0.1:{canary}"),
        "127.0.0.1:80".into(),
        "127.0.0.1:443".into(),
        "127.0.0.1".into(),
        format!("127.0.0.1:{canary}:{}", scene.port),
    ] {
        http::all(
            report,
            [(authority.as_str(), Ask::get(&authority, "/public/page"))],
        );
    }
    http::all(
        report,
        [("the granted one", Ask::get(&granted, "/public/page"))],
    );
}
