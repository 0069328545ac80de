//! Reaches private addresses: literally, in the clothes of IPv6, in odd spellings, and by a name that
//! is granted but leads to one.

use tollgate_test_guests::{Report, Scene, http};

fn attempt(scene: &Scene, report: &mut Report) {
    let port = scene.canary_port;
    for host in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "[::ffff:10.0.0.1]",
        "2130706433",
        "0x7f.1",
        "127.1",
        "017700000001",
        "127.0.0.1.",
    ] {
        http::attempt(report, &format!("{host}:{port}"), "/canary");
    }
    http::attempt(report, &format!("{}:{port}", scene.private_name), "/canary");
}

tollgate_test_guests::guest!(attempt);
