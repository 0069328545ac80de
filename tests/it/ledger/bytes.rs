//! An outcome counts what went through: a disk that is full in the middle of a file, a server that closes in the
//! middle of a body.

use crate::support::server::{Answer, Server};
use crate::support::{Home, Ran};
use serde_json::Value;
use std::io::Write;
use std::process::Command;

/// What fits on the disk, bytes: two pages.
const DISK_BYTES: u64 = 8192;
/// What the server sends of the 10,000 bytes that it has promised.
const SENT_BYTES: u64 = 5000;

/// The last outcome of the newest receipt of a kind.
fn closed(listed: &Value) -> Value {
    let receipts = listed["receipts"].as_array().unwrap();
    receipts.last().unwrap()["closed"]["outcome"].clone()
}

#[test]
fn a_disk_that_fills_up_in_the_middle_of_a_file() {
    let home = Home::new();
    let small = home.root().join("small");
    std::fs::create_dir(&small).unwrap();
    let grant = format!("fs.create {} at /out", small.display());
    let content = format!("content={}", "x".repeat(20_000));
    let call = home.command([
        "call",
        "files",
        "write",
        "path=/out/a",
        &content,
        "--grant",
        &grant,
    ]);
    let script = format!(
        "mount -t tmpfs -o size={DISK_BYTES} tmpfs '{}' && exec \"$@\"",
        small.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command.arg(call.get_program()).args(call.get_args());
    for (name, value) in call.get_envs() {
        command.env(name, value.unwrap());
    }
    let ran = Ran::of(command);
    if ran.stderr.contains("Operation not permitted") {
        eprintln!("skipped: this machine forbids mount namespaces");
        return;
    }
    assert_eq!(ran.code, Some(1), "{ran}");
    let outcome = closed(&home.json(["receipt", "list", "--kind", "fs.create"]));
    assert_eq!(outcome["result"], "failed", "{outcome}");
    assert_eq!(outcome["bytes_out"], DISK_BYTES, "{outcome}");
    assert!(
        outcome["detail"].as_str().unwrap().contains("storage"),
        "{outcome}"
    );
}

#[test]
fn a_server_that_closes_in_the_middle_of_a_body() {
    let server = Server::start(|_| {
        Answer::raw(|stream| {
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 10000\r\n\r\n";
            stream.write_all(head.as_bytes())?;
            stream.write_all(&[b'y'; SENT_BYTES as usize])
        })
    });
    let home = Home::new();
    let base = format!("http://127.0.0.1:{}", server.port);
    let (url, grant) = (format!("url={base}/x"), format!("http GET {base}/**"));
    let ran = home.run(["call", "fetch", "fetch", &url, "--grant", &grant]);
    assert_eq!(ran.code, Some(1), "{ran}");
    let outcome = closed(&home.json(["receipt", "list", "--kind", "http.request"]));
    assert_eq!(outcome["result"], "failed", "{outcome}");
    assert_eq!(outcome["bytes_in"], SENT_BYTES, "{outcome}");
    assert!(
        outcome["detail"].as_str().unwrap().contains("broke off"),
        "{outcome}"
    );
}
