//! Goes on using a connection whose grant is revoked by the server that it is connected to.
//!
//! The test calls it, since revoking is more than a policy can say.

use std::io::{Read, Write};
use std::net::TcpStream;
use tollgate_test_guests::{Report, Scene};

fn attempt(scene: &Scene, report: &mut Report) {
    let connected = TcpStream::connect(("127.0.0.1", scene.port));
    let Some(mut stream) = report.step("connect", connected) else {
        return;
    };
    report.step("write", stream.write_all(b"GET /revoke HTTP/1.1\r\n\r\n"));
    // The answer comes when the grant is gone.
    let mut answer = Vec::new();
    report.step("read", stream.read_to_end(&mut answer));
    report.say(format!("{} bytes", answer.len()));
    report.step("write again", stream.write_all(b"secret"));
    let again = TcpStream::connect(("127.0.0.1", scene.port));
    report.step("connect again", again);
}

tollgate_test_guests::guest!(attempt);
