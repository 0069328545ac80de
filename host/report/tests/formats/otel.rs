//! Log records of OpenTelemetry.

use crate::receipts::{DECIDED_US, FATES, HEARD_US, answered, every, group, receipt, seat};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_receipts::Receipt;
use tollgate_report::otel;

fn schema() -> Value {
    serde_json::from_str(include_str!("../schemas/otlp-1.10.0-logs.json")).unwrap()
}

fn record(receipt: &Receipt) -> Value {
    otel(receipt, &seat())["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0].clone()
}

/// Keys and values of a list of `KeyValue`; panics where a key is there twice.
fn attributes(list: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for pair in list.as_array().unwrap() {
        let key = pair["key"].as_str().unwrap().to_owned();
        assert_eq!(
            found.insert(key.clone(), pair["value"].clone()),
            None,
            "{key} twice"
        );
    }
    found
}

/// Panics where `value` is no `kind` in the JSON encoding of OTLP.
fn hold(place: &str, value: &Value, kind: &str, schema: &Value) {
    if let Some(kind) = kind.strip_suffix("[]") {
        value
            .as_array()
            .unwrap()
            .iter()
            .for_each(|v| hold(place, v, kind, schema));
        return;
    }
    let good = match kind {
        "string" => value.is_string(),
        "fixed64" => value.as_str().is_some_and(|t| t.parse::<u64>().is_ok()),
        "int64" => value.as_str().is_some_and(|t| t.parse::<i64>().is_ok()),
        "SeverityNumber" => {
            let bound = |end: &str| schema["severity_number"][end].as_u64().unwrap();
            value
                .as_u64()
                .is_some_and(|n| (bound("min")..=bound("max")).contains(&n))
        }
        message => {
            let fields = schema["messages"]
                .get(message)
                .unwrap_or_else(|| panic!("{place}: no {message} expected"));
            let members = value
                .as_object()
                .unwrap_or_else(|| panic!("{place} is no {message}"));
            assert!(
                message != "AnyValue" || members.len() == 1,
                "{place} has several values"
            );
            for (name, value) in members {
                let place = format!("{place}.{name}");
                let kind = fields[name]
                    .as_str()
                    .unwrap_or_else(|| panic!("{place} is not of OTLP"));
                hold(&place, value, kind, schema);
            }
            true
        }
    };
    assert!(good, "{place} is no {kind}: {value}");
}

#[test]
fn every_line_is_logs_data() {
    let schema = schema();
    for receipt in every() {
        let line = otel(&receipt, &seat());
        hold("line", &line, "LogsData", &schema);
        assert!(!line.to_string().contains('\n'));
        for required in [
            "timeUnixNano",
            "observedTimeUnixNano",
            "severityNumber",
            "severityText",
            "body",
            "eventName",
        ] {
            assert!(record(&receipt).get(required).is_some(), "{required}");
        }
    }
}

#[test]
fn names_of_attributes_are_those_of_the_conventions_or_our_own() {
    let types = &schema()["attributes"]["types"];
    for receipt in every() {
        let line = otel(&receipt, &seat());
        let resource = attributes(&line["resourceLogs"][0]["resource"]["attributes"]);
        let own = attributes(&record(&receipt)["attributes"]);
        for (key, value) in resource.iter().chain(&own) {
            match types.get(key) {
                Some(kind) => assert!(
                    value.get(kind.as_str().unwrap()).is_some(),
                    "{key}: {value}"
                ),
                None => assert!(key.starts_with("tollgate."), "{key}"),
            }
            let within = format!("{key}.");
            assert!(
                !own.keys().any(|other| other.starts_with(&within)),
                "{key} is a namespace too"
            );
        }
    }
}

#[test]
fn a_fate_is_a_severity() {
    let told = FATES.map(|fate| {
        let record = record(&receipt("fs.delete", "/data/a", fate));
        (
            fate,
            record["severityNumber"].as_u64().unwrap(),
            record["severityText"].as_str().unwrap().to_owned(),
        )
    });
    let expected = [
        ("succeeded", 9, "INFO"),
        ("failed", 10, "INFO2"),
        ("cancelled", 10, "INFO2"),
        ("resolved", 9, "INFO"),
        ("denied", 13, "WARN"),
        ("asked", 10, "INFO2"),
        ("open", 9, "INFO"),
        ("indeterminate", 17, "ERROR"),
    ];
    assert_eq!(
        told,
        expected.map(|(fate, number, text)| (fate, number, text.to_owned()))
    );
}

#[test]
fn the_times_are_nanoseconds() {
    let settled = record(&receipt("fs.delete", "/data/a", "failed"));
    assert_eq!(settled["timeUnixNano"], format!("{DECIDED_US}000"));
    assert_eq!(settled["observedTimeUnixNano"], format!("{HEARD_US}000"));
    let mut denied = receipt("fs.delete", "/data/a", "denied");
    assert_eq!(
        record(&denied)["observedTimeUnixNano"],
        format!("{DECIDED_US}000")
    );
    denied.time_us = -1;
    assert_eq!(record(&denied)["timeUnixNano"], "0");
}

#[test]
fn a_denial_says_why() {
    let record = record(&receipt("fs.delete", "/data/a", "denied"));
    assert_eq!(
        record["body"],
        json!({"stringValue": "fs.delete /data/a: denied (no_grant)"})
    );
    assert_eq!(record["eventName"], "tollgate.effect");
    let found = attributes(&record["attributes"]);
    let text = |key: &str| found[key]["stringValue"].as_str().unwrap().to_owned();
    assert_eq!(text("error.type"), "no_grant");
    assert_eq!(text("session.id"), "night-build");
    assert_eq!(text("tollgate.decision.verdict"), "denied");
    assert_eq!(text("tollgate.decision.nearest"), "g-1: another path");
    assert_eq!(text("tollgate.policy.digest"), "sha256:beef");
    assert_eq!(text("tollgate.plugin.digest"), "sha256:0f1e");
    assert_eq!(
        found["tollgate.receipt.seqs"],
        json!({"arrayValue": {"values": [{"intValue": "7"}]}})
    );
}

#[test]
fn a_request_has_the_names_of_the_conventions() {
    let found =
        attributes(&record(&answered("PUT https://api.example.org/v1?key=…"))["attributes"]);
    let expected = [
        ("http.request.method", json!({"stringValue": "PUT"})),
        (
            "url.full",
            json!({"stringValue": "https://api.example.org/v1?key=…"}),
        ),
        ("http.response.status_code", json!({"intValue": "404"})),
        ("server.address", json!({"stringValue": "api.example.org"})),
        ("server.port", json!({"intValue": "443"})),
        ("network.peer.address", json!({"stringValue": "192.0.2.9"})),
        ("network.peer.port", json!({"intValue": "443"})),
        ("tollgate.outcome.bytes_in", json!({"intValue": "900"})),
    ];
    for (key, value) in expected {
        assert_eq!(found[key], value, "{key}");
    }
    assert!(!found.contains_key("error.type"));
    let found =
        attributes(&record(&receipt("http.request", "BREW http://a/", "failed"))["attributes"]);
    assert_eq!(
        found["http.request.method"],
        json!({"stringValue": "_OTHER"})
    );
    assert_eq!(
        found["http.request.method_original"],
        json!({"stringValue": "BREW"})
    );
    assert_eq!(found["error.type"], json!({"stringValue": "no-entry"}));
}

#[test]
fn sockets_and_names_have_the_names_of_the_conventions() {
    let found = attributes(&record(&receipt("udp.send", "[::1]:53", "succeeded"))["attributes"]);
    assert_eq!(found["network.transport"], json!({"stringValue": "udp"}));
    assert_eq!(found["server.address"], json!({"stringValue": "::1"}));
    assert_eq!(found["server.port"], json!({"intValue": "53"}));
    let found = attributes(&record(&receipt("dns.resolve", "a.org", "succeeded"))["attributes"]);
    assert_eq!(found["dns.question.name"], json!({"stringValue": "a.org"}));
    assert!(!found.contains_key("server.address") && !found.contains_key("network.transport"));
}

#[test]
fn a_group_tells_its_size() {
    let record = record(&group("fs.stat", u64::MAX));
    let found = attributes(&record["attributes"]);
    assert_eq!(
        found["tollgate.receipt.count"],
        json!({"intValue": i64::MAX.to_string()})
    );
    assert!(
        !found.contains_key("tollgate.effect.import")
            && !found.contains_key("tollgate.effect.target")
    );
}
