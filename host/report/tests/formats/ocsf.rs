//! Events of OCSF.

use crate::ocsf_schema::{hold, schema};
use crate::receipts::{DECIDED_US, FATES, HEARD_US, KINDS, answered, every, group, receipt, seat};
use serde_json::{Value, json};
use tollgate_report::{Seat, ocsf};

#[test]
fn every_event_is_what_the_schema_asks() {
    let schema = schema();
    for receipt in every() {
        let event = ocsf(&receipt, &seat());
        hold(&event, &schema);
        assert_eq!(event["metadata"]["version"], schema["source"]["version"]);
    }
}

#[test]
fn a_kind_is_an_activity() {
    let activity = |kind: &str| match kind {
        "fs.create" | "fs.mkdir" | "fs.link" | "fs.symlink" => 1,
        "env.read" | "fs.list" | "fs.stat" | "fs.readlink" | "fs.open.read" | "fs.open.dir" => 2,
        "kv.get" | "kv.list" | "dns.resolve" | "http.request" => 2,
        "fs.open.write" | "fs.set-times" | "fs.rename" | "kv.set" => 3,
        "fs.delete" | "kv.delete" => 4,
        _ => 99,
    };
    for (kind, target) in KINDS {
        let event = ocsf(&receipt(kind, target, "succeeded"), &seat());
        assert_eq!(event["activity_id"], activity(kind), "{kind}");
    }
    let event = ocsf(&receipt("tcp.use", "192.0.2.4:1", "succeeded"), &seat());
    assert_eq!(event["activity_name"], "tcp.use");
    for (method, id) in [
        ("HEAD", 2),
        ("PUT", 3),
        ("PATCH", 3),
        ("DELETE", 4),
        ("POST", 99),
        ("BREW", 99),
    ] {
        let event = ocsf(
            &receipt("http.request", &format!("{method} http://a/"), "open"),
            &seat(),
        );
        assert_eq!(event["activity_id"], id, "{method}");
    }
}

#[test]
fn a_fate_is_status_severity_action_and_disposition() {
    let told = FATES.map(|fate| {
        let event = ocsf(&receipt("fs.delete", "/data/a", fate), &seat());
        let ids = ["status_id", "severity_id", "action_id", "disposition_id"]
            .map(|id| event[id].as_u64().unwrap());
        (
            fate,
            ids,
            event
                .get("status_detail")
                .and_then(Value::as_str)
                .map(str::to_owned),
        )
    });
    let expected = [
        ("succeeded", [1, 1, 1, 1], None),
        ("failed", [2, 2, 1, 1], Some("no-entry")),
        ("cancelled", [99, 2, 1, 1], Some("nothing was sent")),
        ("resolved", [99, 1, 1, 1], Some("it was sent")),
        ("denied", [2, 3, 2, 2], Some("no_grant")),
        ("asked", [99, 2, 99, 99], Some("no_grant")),
        ("open", [0, 1, 1, 1], None),
        ("indeterminate", [0, 4, 1, 1], None),
    ];
    assert_eq!(
        told,
        expected.map(|(fate, ids, detail)| (fate, ids, detail.map(str::to_owned)))
    );
}

#[test]
fn who_did_what_to_what_and_when_has_its_place() {
    let event = ocsf(&receipt("fs.open.read", "/data/a", "failed"), &seat());
    assert_eq!(
        event["actor"],
        json!({
            "application": {"name": "fetch", "version": "1.2.3", "uid": "sha256:0f1e"},
            "session": {"uid": "night-build"},
        })
    );
    assert_eq!(
        event["api"],
        json!({"operation": "wasi:filesystem/types.open-at", "service": {"name": "tollgate", "version": "0.1.0"}})
    );
    assert_eq!(
        event["resources"],
        json!([{"type": "fs.open.read", "name": "/data/a"}])
    );
    assert_eq!(event["policy"], json!({"uid": "sha256:beef"}));
    assert_eq!(
        event["src_endpoint"],
        json!({"hostname": "build-7.example.net"})
    );
    assert_eq!(event["time"], DECIDED_US / 1000);
    assert_eq!(event["end_time"], HEARD_US / 1000);
    assert_eq!(
        event["metadata"]["uid"],
        "0197a1c2-0000-7000-8000-000000000001.9"
    );
    assert_eq!(event["metadata"]["correlation_uid"], "c-3");
    assert_eq!(event["message"], "fs.open.read /data/a: failed (no-entry)");
    let odd = Seat {
        host: "my_machine".into(),
        version: "0.1.0".into(),
    };
    let event = ocsf(&receipt("fs.open.read", "/data/a", "open"), &odd);
    assert_eq!(event["src_endpoint"], json!({"name": "my_machine"}));
    assert_eq!(event.get("end_time"), None);
}

#[test]
fn a_group_tells_its_size_and_has_no_resource() {
    let event = ocsf(&group("fs.stat", 17), &seat());
    assert_eq!(event["count"], 17);
    assert_eq!(event["api"]["operation"], "fs.stat");
    assert_eq!(event["message"], "fs.stat: denied 17 times (no_grant)");
    for absent in [
        "resources",
        "policy",
        "dst_endpoint",
        "http_request",
        "end_time",
        "duration",
    ] {
        assert_eq!(event.get(absent), None);
    }
    assert_eq!(
        event["unmapped"],
        json!({"seqs": [31], "standing": "denied", "state": "denied", "kind": "fs.stat", "boundary": "denial"})
    );
}

#[test]
fn a_request_and_its_answer_are_told() {
    let event = ocsf(
        &answered("PUT https://api.example.org/v1/items?key=…"),
        &seat(),
    );
    assert_eq!(
        event["http_request"],
        json!({"http_method": "PUT", "url": {
            "url_string": "https://api.example.org/v1/items?key=…", "scheme": "https",
            "hostname": "api.example.org", "port": 443, "path": "/v1/items",
        }})
    );
    assert_eq!(event["http_response"], json!({"code": 404}));
    assert_eq!(
        event["dst_endpoint"],
        json!({"hostname": "api.example.org", "ip": "192.0.2.9", "port": 443})
    );
    assert_eq!(event["duration"], 45);
    assert_eq!(
        event["unmapped"],
        json!({
            "seqs": [7, 9], "standing": "closed", "state": "closed", "kind": "http.request",
            "boundary": "sandbox_action", "class": "strict", "run": "r-4", "target_hmac": "ab12",
            "grant": "g-2", "generation": 5, "transport": "live", "budget_left": 41, "result": "ok",
            "bytes_in": 900, "bytes_out": 4, "peer": "192.0.2.9",
        })
    );
}

#[test]
fn whom_an_effect_would_reach_is_read_from_its_target() {
    let reached = |kind: &str, target: &str| {
        ocsf(&receipt(kind, target, "denied"), &seat())
            .get("dst_endpoint")
            .cloned()
    };
    let some = [
        (
            "http.connect",
            "a.org:443 at 10.0.0.7",
            json!({"hostname": "a.org", "ip": "10.0.0.7", "port": 443}),
        ),
        (
            "http.request",
            "GET http://[2001:db8::1]:81/",
            json!({"ip": "2001:db8::1", "port": 81}),
        ),
        (
            "http.use",
            "GET http://10.0.0.7?x=…",
            json!({"ip": "10.0.0.7", "port": 80}),
        ),
        (
            "tcp.connect",
            "192.0.2.4:6379",
            json!({"ip": "192.0.2.4", "port": 6379}),
        ),
        ("udp.send", "[::1]:53", json!({"ip": "::1", "port": 53})),
    ];
    for (kind, target, expected) in some {
        assert_eq!(reached(kind, target), Some(expected), "{kind} {target}");
    }
    let none = [
        ("http.request", "GET https://a.org/very-lo…"),
        ("http.request", "GET https://a.o…"),
        ("http.request", "GET https:///x"),
        ("http.request", "GET https://a.org:port/"),
        ("http.request", "GET https://a_b/"),
        ("http.request", "a.org"),
        ("http.connect", "a.org:443"),
        ("tcp.connect", "somewhere"),
        ("tcp.bind", "127.0.0.1:80"),
        ("dns.resolve", "a.org"),
        ("fs.open.read", "127.0.0.1:80"),
    ];
    for (kind, target) in none {
        assert_eq!(reached(kind, target), None, "{kind} {target}");
    }
}
