//! What the server received, compared to the byte with what was matched and recorded: method, host, path and
//! query, and how long the body was. Where a receipt shows less, its keyed hash must be of what arrived.

use super::outcome::receipts;
use super::scene::Scene;
use crate::support::ledger;
use crate::support::server::Request;
use serde_json::Value;
use std::collections::BTreeSet;
use tollgate_receipts::{SESSION_KEY_BYTES, SessionKey, escape};

/// A request as its receipt has it.
struct Recorded {
    key: SessionKey,
    receipt: Value,
}

impl Recorded {
    fn text(&self, pointer: &str) -> Option<&str> {
        self.receipt.pointer(pointer).and_then(Value::as_str)
    }

    /// A field of the last outcome that has it.
    fn outcome(&self, field: &str) -> Option<&Value> {
        ["closed", "settled"]
            .iter()
            .find_map(|stage| self.receipt.pointer(&format!("/{stage}/outcome/{field}")))
    }

    fn answered(&self) -> bool {
        self.outcome("status").is_some()
    }

    /// Whether it may have been sent at all.
    fn sent(&self) -> bool {
        let detail = self.outcome("detail").and_then(Value::as_str);
        self.text("/decision/verdict") == Some("allowed")
            && !detail.is_some_and(|detail| detail.starts_with("not "))
    }

    /// Whether so many bytes of a body were sent. One that was given up says it in words.
    fn has_length(&self, bytes: usize) -> bool {
        let detail = self.outcome("detail").and_then(Value::as_str);
        let words = format!("may have been sent, with {bytes} bytes of its body");
        match self.outcome("bytes_out").and_then(Value::as_u64) {
            Some(sent) => sent == bytes as u64,
            None => detail.is_some_and(|detail| detail.ends_with(&words)),
        }
    }

    /// Whether this is what arrived.
    fn is(&self, request: &Request) -> bool {
        let whole = whole(request);
        let same = match self.text("/target/hmac") {
            Some(hash) => hash == self.key.hash(&whole),
            None => self.text("/target/text") == Some(&escape(&whole)),
        };
        same && self.has_length(request.body.len())
    }
}

/// A request as a receipt's target has it.
fn whole(request: &Request) -> String {
    let (method, path) = request.line.split_once(' ').unwrap();
    let host = request.header("host").unwrap_or_default();
    format!("{method} http://{host}{path}")
}

/// Panics unless every request of the gate's that arrived has a receipt of its own that is of it and of no other, and every
/// receipt of an answer a request that arrived.
#[track_caller]
pub(super) fn as_recorded(scene: &Scene) {
    let mut recorded = recorded(scene);
    // Those that must have arrived are found first.
    recorded.sort_by_key(|recorded| !recorded.answered());
    // The gate always names the host; a guest that writes into a socket of its own is not looked at here.
    let of_gate = |request: &Request| request.header("host").is_some();
    for request in scene.server.seen().into_iter().filter(of_gate) {
        let own = recorded.iter().position(|one| one.is(&request));
        let own = own.unwrap_or_else(|| {
            let targets: Vec<String> = recorded.iter().map(shown).collect();
            panic!(
                "no receipt is of {:?} with a body of {} bytes: {targets:#?}",
                whole(&request),
                request.body.len()
            )
        });
        recorded.remove(own);
    }
    let answered = recorded.iter().find(|one| one.answered());
    if let Some(one) = answered {
        panic!("an answer to what never arrived: {}", shown(one));
    }
}

fn shown(recorded: &Recorded) -> String {
    let outcome = recorded.outcome("bytes_out");
    format!("{} {outcome:?}", recorded.receipt["target"])
}

/// The requests of every session of the guest that may have been sent.
fn recorded(scene: &Scene) -> Vec<Recorded> {
    let entries = ledger::read(&scene.home.own());
    let of_guest = entries
        .iter()
        .filter(|entry| entry.kind() == "call" && entry.text("/plugin/name") == scene.name);
    let sessions: BTreeSet<&str> = of_guest.map(|entry| entry.session.as_str()).collect();
    let mut all = Vec::new();
    for session in sessions {
        let words = ["receipt", "list", "--session", session];
        let more = ["--kind", "http.request", "--limit", "10000"];
        let listed = scene.home.json(words.iter().chain(&more));
        let of_session = receipts(&listed);
        if of_session.is_empty() {
            continue;
        }
        let key = key(scene, session);
        all.extend(of_session.into_iter().map(|receipt| Recorded {
            key: key.clone(),
            receipt,
        }));
    }
    all.retain(Recorded::sent);
    all
}

fn key(scene: &Scene, session: &str) -> SessionKey {
    let path = scene.path(&format!("home/state/store/session-keys/{session}.key"));
    let bytes: [u8; SESSION_KEY_BYTES] = std::fs::read(path).unwrap().try_into().unwrap();
    SessionKey::new(bytes)
}
