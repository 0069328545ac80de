//! The objects of which an OCSF event is made.

use super::SCHEMA;
use crate::levels::{PRODUCT, Seat, object};
use crate::targets::{self, is_host_name};
use serde_json::{Value, json};
use tollgate_receipts::{Receipt, Target};

/// Object `metadata`: which product tells, and which event this is.
///
/// A receipt grows, so the event has the receipt and its last sequence as its own id.
pub(super) fn metadata(receipt: &Receipt, seat: &Seat) -> Value {
    let last = receipt.seqs.last().copied().unwrap_or_default();
    json!({
        "version": SCHEMA,
        "profiles": ["security_control"],
        "product": {"name": PRODUCT, "vendor_name": PRODUCT, "version": seat.version},
        "uid": format!("{}.{last}", receipt.id),
        "original_event_uid": receipt.id,
        "correlation_uid": receipt.call,
    })
}

/// Object `actor`: the plugin, in its session.
pub(super) fn actor(receipt: &Receipt) -> Value {
    json!({
        "application": {
            "name": receipt.plugin.name,
            "version": receipt.plugin.version,
            "uid": receipt.plugin.digest,
        },
        "session": {"uid": receipt.session},
    })
}

/// Object `api`: the import; for a counted group, which has none, the kind.
pub(super) fn api(receipt: &Receipt, seat: &Seat) -> Value {
    json!({
        "operation": receipt.import.as_ref().unwrap_or(&receipt.kind),
        "service": {"name": PRODUCT, "version": seat.version},
    })
}

/// Object `network_endpoint` of the machine.
pub(super) fn source(seat: &Seat) -> Value {
    let named = is_host_name(&seat.host);
    let host = || Some(Value::from(seat.host.as_str()));
    object([
        ("hostname", host().filter(|_| named)),
        ("name", host().filter(|_| !named)),
    ])
}

/// Object `network_endpoint` of whom the effect would reach.
pub(super) fn destination(receipt: &Receipt) -> Option<Value> {
    let peer = targets::peer(receipt)?;
    let name = peer.name.filter(|name| is_host_name(name));
    if name.is_none() && peer.address.is_none() {
        return None;
    }
    Some(object([
        ("hostname", name.map(Value::from)),
        ("ip", peer.address.map(|a| a.to_string().into())),
        ("port", peer.port.map(Value::from)),
    ]))
}

/// Object `http_request`.
pub(super) fn http_request(receipt: &Receipt) -> Option<Value> {
    let request = targets::request(receipt)?;
    let host = Some(request.host).filter(|host| is_host_name(host));
    let path = Some(request.path).filter(|path| !path.is_empty());
    let url = object([
        ("url_string", Some(request.url.into())),
        ("scheme", Some(request.scheme.into())),
        ("hostname", host.map(Value::from)),
        ("port", request.port.map(Value::from)),
        ("path", path.map(Value::from)),
    ]);
    let method = Some(request.method).filter(|_| request.is_common());
    Some(object([
        ("http_method", method.map(Value::from)),
        ("url", Some(url)),
    ]))
}

/// Object `http_response`.
pub(super) fn http_response(receipt: &Receipt) -> Option<Value> {
    let outcomes = [&receipt.settled, &receipt.closed];
    let mut codes = outcomes
        .into_iter()
        .flatten()
        .filter_map(|o| o.outcome.status);
    Some(json!({"code": codes.next()?}))
}

/// Objects `resource_details`: the target by its kind; none for a counted group, which has many.
pub(super) fn resources(receipt: &Receipt) -> Option<Value> {
    let target = receipt.target.as_ref()?;
    Some(json!([{"type": receipt.kind, "name": target.text}]))
}

/// What the schema has no place for.
pub(super) fn unmapped(receipt: &Receipt) -> Value {
    let outcome = receipt.outcome();
    let decision = &receipt.decision;
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    object([
        ("seqs", Some(receipt.seqs.clone().into())),
        ("standing", Some(receipt.standing.label().into())),
        ("state", Some(receipt.state.label().into())),
        ("kind", Some(receipt.kind.as_str().into())),
        ("boundary", Some(receipt.action.label().into())),
        ("class", receipt.class.map(|c| c.label().into())),
        ("run", text(&receipt.run)),
        (
            "target_hmac",
            receipt.target.as_ref().and_then(|t: &Target| text(&t.hmac)),
        ),
        ("grant", text(&decision.grant)),
        ("nearest", text(&decision.nearest)),
        ("command", text(&decision.command)),
        ("generation", receipt.generation.map(Value::from)),
        ("transport", receipt.transport.map(|t| t.label().into())),
        ("budget_left", receipt.budget_left.map(Value::from)),
        ("result", outcome.map(|o| o.result.label().into())),
        ("detail", outcome.and_then(|o| text(&o.detail))),
        ("bytes_in", receipt.bytes_in().map(Value::from)),
        ("bytes_out", receipt.bytes_out().map(Value::from)),
        (
            "peer",
            targets::connected(receipt).map(|(address, _)| address.to_string().into()),
        ),
    ])
}
