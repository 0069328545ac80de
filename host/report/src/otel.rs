//! A receipt as a log record of OpenTelemetry.

use crate::levels::{Fate, Level, PRODUCT, Seat, last_heard_us, sentence};
use crate::targets::{self, Request};
use serde_json::{Value, json};
use tollgate_receipts::Receipt;

/// The semantic conventions from which names of attributes are taken.
const CONVENTIONS: &str = "https://opentelemetry.io/schemas/1.44.0";
/// The name of every event that is told here.
const EVENT: &str = "tollgate.effect";

/// `receipt` as one line of an OTLP file: a whole `LogsData` with one log record.
///
/// The form is that of the OpenTelemetry Protocol File Exporter, section JSON File serialization, and of OTLP
/// 1.10.0, section JSON Protobuf Encoding: 64-bit integers are strings, enums are integers. Names of attributes
/// are those of the semantic conventions 1.44.0 where there is one, and begin with `tollgate.` elsewhere.
pub fn otel(receipt: &Receipt, seat: &Seat) -> Value {
    let resource = Attributes::default()
        .text("service.name", Some(PRODUCT))
        .text("service.version", Some(&seat.version))
        .text("host.name", Some(&seat.host));
    json!({"resourceLogs": [{
        "resource": {"attributes": resource.0},
        "schemaUrl": CONVENTIONS,
        "scopeLogs": [{
            "scope": {"name": PRODUCT, "version": seat.version},
            "schemaUrl": CONVENTIONS,
            "logRecords": [record(receipt)],
        }],
    }]})
}

fn record(receipt: &Receipt) -> Value {
    let (severity, severity_text) = severity(Fate::of(receipt).level());
    let heard = last_heard_us(receipt).unwrap_or(receipt.time_us);
    json!({
        "timeUnixNano": nanoseconds(receipt.time_us),
        "observedTimeUnixNano": nanoseconds(heard),
        "severityNumber": severity,
        "severityText": severity_text,
        "eventName": EVENT,
        "body": {"stringValue": sentence(receipt)},
        "attributes": attributes(receipt).0,
    })
}

fn attributes(receipt: &Receipt) -> Attributes {
    let known = Attributes::default().text("session.id", Some(&receipt.session));
    let known = outside(known, receipt);
    own_outcome(own_decision(own(known, receipt), receipt), receipt)
}

/// What the semantic conventions have names for.
fn outside(list: Attributes, receipt: &Receipt) -> Attributes {
    let request = targets::request(receipt);
    let peer = targets::peer(receipt);
    let address = peer.and_then(|p| p.address.map(|a| a.to_string()));
    let connected = targets::connected(receipt);
    let settled = receipt.settled.as_ref().or(receipt.closed.as_ref());
    let question = receipt
        .target
        .as_ref()
        .filter(|_| receipt.kind == "dns.resolve");
    let other = request.filter(|r| !r.is_common());
    list.text("http.request.method", request.map(|r| method(&r)))
        .text("http.request.method_original", other.map(|r| r.method))
        .text("url.full", request.map(|r| r.url))
        .integer(
            "http.response.status_code",
            settled.and_then(|o| o.outcome.status),
        )
        .text(
            "server.address",
            peer.and_then(|p| p.name).or(address.as_deref()),
        )
        .integer("server.port", peer.and_then(|p| p.port))
        .text(
            "network.peer.address",
            connected.map(|(a, _)| a.to_string()).as_deref(),
        )
        .integer("network.peer.port", connected.and_then(|(_, port)| port))
        .text("network.transport", transport(&receipt.kind))
        .text("dns.question.name", question.map(|t| t.text.as_str()))
        .text("error.type", error(receipt))
}

/// What the receipt is, and of what.
fn own(list: Attributes, receipt: &Receipt) -> Attributes {
    let target = receipt.target.as_ref();
    list.text("tollgate.receipt.id", Some(&receipt.id))
        .text("tollgate.receipt.standing", Some(receipt.standing.label()))
        .text("tollgate.receipt.state", Some(receipt.state.label()))
        .integers("tollgate.receipt.seqs", &receipt.seqs)
        .integer("tollgate.receipt.count", Some(receipt.count))
        .text("tollgate.run.id", receipt.run.as_deref())
        .text("tollgate.call.id", Some(&receipt.call))
        .text("tollgate.plugin.name", Some(&receipt.plugin.name))
        .text("tollgate.plugin.version", Some(&receipt.plugin.version))
        .text("tollgate.plugin.digest", Some(&receipt.plugin.digest))
        .text("tollgate.effect.kind", Some(&receipt.kind))
        .text("tollgate.effect.import", receipt.import.as_deref())
        .text("tollgate.effect.class", receipt.class.map(|c| c.label()))
        .text("tollgate.effect.boundary", Some(receipt.action.label()))
        .text("tollgate.effect.target", target.map(|t| t.text.as_str()))
        .text(
            "tollgate.effect.target_hmac",
            target.and_then(|t| t.hmac.as_deref()),
        )
        .text(
            "tollgate.effect.transport",
            receipt.transport.map(|t| t.label()),
        )
}

/// How it was decided.
fn own_decision(list: Attributes, receipt: &Receipt) -> Attributes {
    let decision = &receipt.decision;
    list.text("tollgate.decision.verdict", Some(decision.verdict.label()))
        .text("tollgate.decision.grant", decision.grant.as_deref())
        .text("tollgate.decision.reason", decision.reason.as_deref())
        .text("tollgate.decision.nearest", decision.nearest.as_deref())
        .text("tollgate.decision.command", decision.command.as_deref())
        .text("tollgate.policy.digest", receipt.policy.as_deref())
        .integer("tollgate.policy.generation", receipt.generation)
        .integer("tollgate.call.budget_left", receipt.budget_left)
}

/// What came of it.
fn own_outcome(list: Attributes, receipt: &Receipt) -> Attributes {
    let outcome = receipt.outcome();
    list.text("tollgate.outcome.result", outcome.map(|o| o.result.label()))
        .text(
            "tollgate.outcome.detail",
            outcome.and_then(|o| o.detail.as_deref()),
        )
        .integer(
            "tollgate.outcome.duration_us",
            outcome.map(|o| o.duration_us),
        )
        .integer("tollgate.outcome.bytes_in", receipt.bytes_in())
        .integer("tollgate.outcome.bytes_out", receipt.bytes_out())
}

/// The method, or `_OTHER` as the conventions have it for one that they do not know.
fn method<'a>(request: &Request<'a>) -> &'a str {
    if request.is_common() {
        request.method
    } else {
        "_OTHER"
    }
}

fn transport(kind: &str) -> Option<&'static str> {
    match kind.split('.').next() {
        Some("tcp") => Some("tcp"),
        Some("udp") => Some("udp"),
        _ => None,
    }
}

/// The error, or the reason of a denial.
fn error(receipt: &Receipt) -> Option<&str> {
    match Fate::of(receipt) {
        Fate::Denied => receipt.decision.reason.as_deref(),
        _ => receipt.outcome().and_then(|o| o.error.as_deref()),
    }
}

/// Severity by the Log Data Model, field SeverityNumber: a notice is `INFO2`.
const fn severity(level: Level) -> (u64, &'static str) {
    match level {
        Level::Informational => (9, "INFO"),
        Level::Low => (10, "INFO2"),
        Level::Medium => (13, "WARN"),
        Level::High => (17, "ERROR"),
    }
}

/// Nanoseconds since the Unix epoch, as text; 0, which means unknown, for a time before it.
fn nanoseconds(time_us: i64) -> String {
    let time_us = u64::try_from(time_us).unwrap_or(0);
    time_us.saturating_mul(1000).to_string()
}

/// A list of messages `KeyValue`. What has no value is left out.
#[derive(Default)]
struct Attributes(Vec<Value>);

impl Attributes {
    fn text(mut self, key: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.0
                .push(json!({"key": key, "value": {"stringValue": value}}));
        }
        self
    }

    fn integer(mut self, key: &str, value: Option<impl Into<u64>>) -> Self {
        if let Some(value) = value {
            self.0.push(json!({"key": key, "value": integer(value)}));
        }
        self
    }

    fn integers(mut self, key: &str, values: &[u64]) -> Self {
        let values: Vec<Value> = values.iter().map(|value| integer(*value)).collect();
        self.0
            .push(json!({"key": key, "value": {"arrayValue": {"values": values}}}));
        self
    }
}

/// A message `AnyValue` of an integer. It is of 63 bits: what is more is the most that there is.
fn integer(value: impl Into<u64>) -> Value {
    let value = i64::try_from(value.into()).unwrap_or(i64::MAX);
    json!({"intValue": value.to_string()})
}
