//! A connection whose grant is revoked by another process while a call uses it.

use crate::hostile::outcome;
use crate::support::server::{Answer, Server};
use crate::support::{Home, place};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

#[test]
fn a_revoked_connection_brings_and_takes_nothing_more() {
    let home = Arc::new(Home::new());
    let grant: Arc<OnceLock<String>> = Arc::default();
    let (revoking, id) = (Arc::clone(&home), Arc::clone(&grant));
    let server = Server::start(move |request| {
        assert_eq!(request.line, "GET /revoke");
        revoking.ok(["grant", "revoke", id.get().unwrap()]);
        Answer::ok("a secret for a plugin that may not have it")
    });
    let component = place::hostile().join("socket_revoked.wasm");
    home.policy(&format!(
        "version = 1\n[plugins.socket_revoked]\ncomponent = {component:?}\n"
    ));
    let capability = format!("tcp connect 127.0.0.1:{}", server.port);
    let added = home.json(["grant", "add", "socket_revoked", &capability]);
    let added = added.pointer("/grant/id").or_else(|| added.get("id"));
    grant
        .set(added.and_then(Value::as_str).unwrap().to_owned())
        .unwrap();
    let arguments = json!({ "port": server.port }).to_string();
    let called = home.json([
        "call",
        "socket_revoked",
        "attempt",
        "--arguments-json",
        &arguments,
    ]);
    // The libc has no word for the error of a stream.
    let said = called.pointer("/content/0/json").unwrap();
    assert_eq!(
        *said,
        json!([
            "connect: ok",
            "write: ok",
            "read: Uncategorized",
            "0 bytes",
            "write again: Uncategorized",
            "connect again: PermissionDenied"
        ])
    );
    let session = called["session"].as_str().unwrap();
    let listed = home.json(["receipt", "list", "--session", session]);
    let lines: Vec<String> = outcome::receipts(&listed)
        .iter()
        .map(outcome::line)
        .collect();
    let at = format!("127.0.0.1:{}", server.port);
    assert_eq!(
        lines,
        [
            format!("tcp.connect allowed closed failed: {at}"),
            format!("tcp.use denied revoked: {at}"),
            format!("tcp.connect denied revoked: {at}"),
        ]
    );
    assert_eq!(server.connections(), 1);
}
