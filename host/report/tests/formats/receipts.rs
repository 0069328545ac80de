//! Receipts of every kind and of every fate.

use serde_json::{Value, json};
use tollgate_receipts::Receipt;
use tollgate_report::Seat;

/// When every receipt was decided.
pub(crate) const DECIDED_US: i64 = 1_764_000_000_123_456;
/// When every outcome was recorded.
pub(crate) const HEARD_US: i64 = DECIDED_US + 7_000_000;

/// Every kind, as the gate makes them, with a target of its form.
pub(crate) const KINDS: [(&str, &str); 33] = [
    ("env.read", "HOME"),
    ("fs.list", "/data"),
    ("fs.stat", "/data/a"),
    ("fs.readlink", "/data/l"),
    ("fs.open.read", "/data/a"),
    ("fs.open.dir", "/data"),
    ("fs.open.write", "/data/a"),
    ("fs.create", "/data/new"),
    ("fs.mkdir", "/data/dir"),
    ("fs.set-times", "/data/a"),
    ("fs.delete", "/data/a"),
    ("fs.link", "/data/a -> /data/b"),
    ("fs.symlink", "/data/l"),
    ("fs.rename", "/data/a -> /data/b"),
    ("fs.use", "/data/a"),
    ("http.request", "GET https://api.example.org/v1/items?key=…"),
    ("http.connect", "api.example.org:443 at 10.0.0.7"),
    ("http.use", "POST http://[2001:db8::1]:8080"),
    ("kv.open", "cache"),
    ("kv.get", "cache/a"),
    ("kv.set", "cache/a"),
    ("kv.delete", "cache/a"),
    ("kv.list", "cache"),
    ("dns.resolve", "api.example.org"),
    ("tcp.bind", "127.0.0.1:0"),
    ("tcp.connect", "192.0.2.4:6379"),
    ("tcp.listen", "127.0.0.1:0"),
    ("tcp.accept", "127.0.0.1:9000"),
    ("tcp.use", "192.0.2.4:6379"),
    ("udp.bind", "[::1]:0"),
    ("udp.connect", "[2001:db8::2]:53"),
    ("udp.send", "192.0.2.5:53"),
    ("udp.use", "192.0.2.5:53"),
];

/// Every fate, in the words of the ledger.
pub(crate) const FATES: [&str; 8] = [
    "succeeded",
    "failed",
    "cancelled",
    "resolved",
    "denied",
    "asked",
    "open",
    "indeterminate",
];

pub(crate) fn seat() -> Seat {
    Seat {
        host: "build-7.example.net".into(),
        version: "0.1.0".into(),
    }
}

/// A receipt of `kind` on `target` that fared like `fate`.
pub(crate) fn receipt(kind: &str, target: &str, fate: &str) -> Receipt {
    let mut value = allowed(kind, target);
    match fate {
        "succeeded" => settle(
            &mut value,
            json!({"result": "ok", "bytes_in": 12, "duration_us": 2500}),
        ),
        "failed" => settle(
            &mut value,
            json!({"result": "failed", "error": "no-entry", "detail": "the disk said so", "duration_us": 90}),
        ),
        "cancelled" => settle(
            &mut value,
            json!({"result": "cancelled", "detail": "nothing was sent", "duration_us": 5}),
        ),
        "denied" => decide(&mut value, "denied"),
        "asked" => decide(&mut value, "asked"),
        "open" => set(&mut value, "state", json!("intended"), "open"),
        "indeterminate" => lose(&mut value),
        "resolved" => {
            lose(&mut value);
            set(&mut value, "state", json!("settled"), "settled");
            value["resolved"] =
                observed(json!({"result": "resolved", "detail": "it was sent", "duration_us": 0}));
            value["seqs"] = json!([7, 9, 12]);
        }
        other => panic!("no such fate: {other}"),
    }
    read(value)
}

/// A counted group of denials.
pub(crate) fn group(kind: &str, count: u64) -> Receipt {
    read(json!({
        "id": "0197a1c2-0000-7000-8000-0000000000ff",
        "session": "night-build",
        "seqs": [31],
        "time_us": DECIDED_US,
        "call": "c-9",
        "plugin": plugin(),
        "kind": kind,
        "action": "denial",
        "decision": {"verdict": "denied", "reason": "no_grant"},
        "state": "denied",
        "standing": "denied",
        "count": count,
    }))
}

/// A request that was answered, over a connection that was seen, and whose body was read to its end.
pub(crate) fn answered(target: &str) -> Receipt {
    let mut value = allowed("http.request", target);
    settle(
        &mut value,
        json!({"result": "ok", "status": 404, "address": "192.0.2.9:443", "duration_us": 31_000}),
    );
    set(&mut value, "state", json!("closed"), "closed");
    value["closed"] =
        observed(json!({"result": "ok", "bytes_in": 900, "bytes_out": 4, "duration_us": 45_000}));
    value["run"] = json!("r-4");
    value["target"]["hmac"] = json!("ab12");
    read(value)
}

/// Receipts of every kind and every fate, and groups.
pub(crate) fn every() -> Vec<Receipt> {
    let single = KINDS
        .iter()
        .flat_map(|(kind, target)| FATES.iter().map(|fate| receipt(kind, target, fate)));
    let groups = KINDS.iter().map(|(kind, _)| group(kind, 17));
    let odd = [
        answered("DELETE https://a.example.org:8443/x"),
        answered("BREW coffee://pot"),
        answered("no target of HTTP"),
    ];
    single.chain(groups).chain(odd).collect()
}

fn read(value: Value) -> Receipt {
    serde_json::from_value(value).unwrap()
}

fn plugin() -> Value {
    json!({"name": "fetch", "version": "1.2.3", "digest": "sha256:0f1e"})
}

fn allowed(kind: &str, target: &str) -> Value {
    json!({
        "id": "0197a1c2-0000-7000-8000-000000000001",
        "session": "night-build",
        "seqs": [7],
        "time_us": DECIDED_US,
        "call": "c-3",
        "plugin": plugin(),
        "import": "wasi:filesystem/types.open-at",
        "kind": kind,
        "class": "strict",
        "action": "sandbox_action",
        "target": {"text": target},
        "decision": {"verdict": "allowed", "grant": "g-2"},
        "policy": "sha256:beef",
        "generation": 5,
        "transport": "live",
        "budget_left": 41,
        "count": 1,
    })
}

fn observed(outcome: Value) -> Value {
    json!({"seq": 9, "time_us": HEARD_US, "outcome": outcome})
}

fn set(value: &mut Value, member: &str, to: Value, standing: &str) {
    value[member] = to;
    value["standing"] = json!(standing);
}

fn settle(value: &mut Value, outcome: Value) {
    set(value, "state", json!("settled"), "settled");
    value["settled"] = observed(outcome);
    value["seqs"] = json!([7, 9]);
}

fn lose(value: &mut Value) {
    settle(value, json!({"result": "indeterminate", "duration_us": 0}));
    value["standing"] = json!("indeterminate");
}

fn decide(value: &mut Value, verdict: &str) {
    set(value, "state", json!(verdict), verdict);
    value["decision"] = json!({
        "verdict": verdict,
        "reason": "no_grant",
        "nearest": "g-1: another path",
        "command": "tollgate grant add …",
    });
}
