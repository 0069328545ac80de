//! Sends a credential of its own where the gate adds one: in its header, in other letters, twice, and by a grant without one.

use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    let own = "x-vault-token";
    let (upper, forged) = ("X-VAULT-TOKEN", "Token forged");
    for (what, path, headers) in [
        ("none", "/vault/headers", &[][..]),
        ("its header", "/vault/headers", &[(own, forged)][..]),
        (
            "in capitals, twice",
            "/vault/headers",
            &[(upper, forged), (own, "Token again")][..],
        ),
        (
            "another header",
            "/vault/headers",
            &[("authorization", forged)][..],
        ),
        (
            "named by connection",
            "/vault/headers",
            &[("connection", own)][..],
        ),
        ("as a trailer", "/vault/headers", &[("trailer", own)][..]),
        (
            "encoded, please",
            "/vault/headers",
            &[("accept-encoding", "gzip")][..],
        ),
        (
            "where none is added",
            "/public/headers",
            &[(own, forged)][..],
        ),
    ] {
        let ask = Ask {
            headers,
            ..Ask::get(&granted, path)
        };
        http::say(report, what, &ask.send());
    }
}
