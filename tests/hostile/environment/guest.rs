//! Reads the host's environment, and a credential: in the environment, and in the echo of the server
//! that it is sent to.

use tollgate_test_guests::{Report, Scene, http};

fn attempt(scene: &Scene, report: &mut Report) {
    let mut all: Vec<(String, String)> = std::env::vars().collect();
    all.sort();
    report.say(format!("variables: {all:?}"));
    for name in [
        "HOSTILE_PLAIN",
        "HOSTILE_CREDENTIAL",
        "HOSTILE_OTHER",
        "PATH",
        "HOME",
    ] {
        report.say(format!("{name}: {:?}", std::env::var(name).ok()));
    }
    report.say(format!(
        "arguments: {:?}",
        std::env::args().collect::<Vec<_>>()
    ));
    // The server answers with the header in which the credential came, plain and encoded.
    http::attempt(report, &format!("127.0.0.1:{}", scene.port), "/echo");
}

tollgate_test_guests::guest!(attempt);
