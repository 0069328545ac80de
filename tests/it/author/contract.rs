//! What CONTRACT.md promises: a component of 0.1.0 runs as it did, one of a newer contract is refused
//! with words.

use crate::support::server::{Answer, Server};
use crate::support::{Home, place};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// The components as they were built; they never change.
const TOOLS: &str = "d9fa1fdf4d3d39995a1ada8e9b1e05fb72d7e8cc27942f8f10799c5f27f44585";
const PROVIDER: &str = "eec7bae10c1620a8aca5989cecc4f7213c4e555ca7137c4d1ef0e84ee5428133";

fn old(name: &str, digest: &str) -> PathBuf {
    let path = place::repository().join("tests/contract/0.1.0").join(name);
    let found = hex::encode(Sha256::digest(std::fs::read(&path).unwrap()));
    assert_eq!(found, digest, "{name} is never built again");
    path
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn tools_of_0_1_0_run_as_they_did() {
    let server = Server::start(|_| Answer::ok("from afar"));
    let mut home = Home::new();
    home.set("CONTRACT_VALUE", "a value");
    std::fs::write(home.work().join("a.txt"), "a text").unwrap();
    let path = old("tools.wasm", TOOLS);
    home.policy("version = 1\n[plugins.old]\nconfig = { language = \"en\" }\n");
    let added = home.json(["plugin", "add", text(&path), "--name", "old"]);
    assert_eq!(added["tools"].as_array().unwrap().len(), 7);
    let url = format!("http://127.0.0.1:{}/x", server.port);
    for grant in [
        "fs.write . at /data".to_owned(),
        "kv contract".into(),
        "env CONTRACT_VALUE".into(),
        format!("http GET {url}"),
        format!("tcp connect 127.0.0.1:{}", server.port),
    ] {
        home.ok(["grant", "add", "old", &grant]);
    }
    let call = |tool: &str, of: &str| home.ok(["call", "old", tool, &format!("of={of}")]).stdout;
    assert_eq!(call("echo", "words"), "words true\n");
    assert_eq!(call("read", "/data/a.txt"), "a text\n");
    assert_eq!(call("write", "/data/b.txt"), "written\n");
    assert_eq!(
        std::fs::read_to_string(home.work().join("b.txt")).unwrap(),
        "written"
    );
    assert_eq!(call("fetch", &url), "200 from afar\n");
    assert_eq!(call("remember", "one").trim(), "");
    assert_eq!(call("remember", "two").trim(), "one");
    assert_eq!(call("setting", "language"), "{\"value\":\"en\"}\n");
    let blob = home.json(["call", "old", "variable", "of=CONTRACT_VALUE"]);
    assert_eq!(blob["content"][0]["media_type"], "text/plain");
    assert_eq!(blob["content"][0]["data_base64"], "YSB2YWx1ZQ==");
    let denied = home.run(["call", "old", "read", "of=/other/a.txt"]);
    assert_ne!(denied.code, Some(0), "{denied}");
    let checked = home.json(["plugin", "check", text(&path)]);
    assert_eq!(checked["contract"], "0.1.0");
}

#[test]
fn a_provider_of_0_1_0_runs_as_it_did() {
    let home = Home::new();
    let path = old("provider.wasm", PROVIDER);
    home.ok(["auth", "login"]);
    home.ok(["plugin", "add", text(&path), "--name", "old-provider"]);
    home.ok([
        "agent",
        "launch",
        "--session-id",
        "s",
        "--project-id",
        "p",
        "--provider-id",
        "old-provider",
    ]);
    let ran = home.ok(["agent", "prompt", "s", "hello"]);
    assert!(ran.stdout.contains("you said: hello"), "{ran}");
}

#[test]
fn a_component_of_a_newer_contract_is_refused_with_both_versions() {
    let home = Home::new();
    let bytes = std::fs::read(old("tools.wasm", TOOLS)).unwrap();
    for (from, to, says) in [
        (
            "tollgate:plugin/tool@0.1.0",
            "tollgate:plugin/tool@0.2.0",
            "tollgate:plugin/tool@0.2.0",
        ),
        (
            "\"contract\":\"0.1.0\"",
            "\"contract\":\"9.1.0\"",
            "says its metadata",
        ),
    ] {
        let path = home.work().join("newer.wasm");
        std::fs::write(&path, replaced(&bytes, from.as_bytes(), to.as_bytes())).unwrap();
        for arguments in [
            &["plugin", "add", text(&path)][..],
            &["call", text(&path), "echo", "of=a"],
        ] {
            let ran = home.run(arguments);
            assert_eq!(ran.code, Some(2), "{ran}");
            assert!(ran.stderr.contains(says), "{says}: {ran}");
            assert!(ran.stderr.contains("this Tollgate knows 0.1.2"), "{ran}");
        }
        let checked = home.run(["plugin", "check", text(&path)]);
        assert_eq!(checked.code, Some(1), "{checked}");
        assert!(checked.stdout.contains("error (contract)"), "{checked}");
    }
    // A newer patch version may ask for nothing that is not here.
    let path = home.work().join("patch.wasm");
    let patch = replaced(&bytes, b"\"contract\":\"0.1.0\"", b"\"contract\":\"0.1.9\"");
    std::fs::write(&path, patch).unwrap();
    home.ok(["call", text(&path), "echo", "of=a"]);
}

/// Every occurrence replaced by as many bytes, so that no length changes.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut out = bytes.to_vec();
    let mut found = 0;
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from)
        .map(|(at, _)| at)
        .collect();
    for at in places {
        out[at..at + to.len()].copy_from_slice(to);
        found += 1;
    }
    assert!(found > 0, "nothing to replace");
    out
}
