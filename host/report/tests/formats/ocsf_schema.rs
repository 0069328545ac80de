//! Holds an event to the extract of the OCSF schema.

use serde_json::Value;
use std::net::IpAddr;

/// The extract; its member `source` says whence it is.
pub(crate) fn schema() -> Value {
    serde_json::from_str(include_str!("../schemas/ocsf-1.9.0-api-activity.json")).unwrap()
}

/// Panics where `event` is not what the schema asks of the class.
pub(crate) fn hold(event: &Value, schema: &Value) {
    let class = &schema["class"];
    hold_members("event", event, class, schema);
    hold_enums(event, class);
    for (profile, attributes) in class["profiles"].as_object().unwrap() {
        let named = event["metadata"]["profiles"]
            .as_array()
            .unwrap()
            .contains(&profile.as_str().into());
        for attribute in attributes.as_array().unwrap() {
            assert!(
                named || event.get(attribute.as_str().unwrap()).is_none(),
                "{attribute} without {profile}"
            );
        }
    }
    let type_uid =
        event["class_uid"].as_u64().unwrap() * 100 + event["activity_id"].as_u64().unwrap();
    assert_eq!(event["type_uid"], type_uid);
}

fn hold_members(place: &str, object: &Value, of: &Value, schema: &Value) {
    let members = object
        .as_object()
        .unwrap_or_else(|| panic!("{place} is no object"));
    for required in of["required"].as_array().unwrap() {
        assert!(
            members.contains_key(required.as_str().unwrap()),
            "{place} lacks {required}"
        );
    }
    if let Some(any) = of["at_least_one"].as_array().filter(|any| !any.is_empty()) {
        let found = any
            .iter()
            .any(|name| members.contains_key(name.as_str().unwrap()));
        assert!(found, "{place} has none of {any:?}");
    }
    for (name, value) in members {
        let place = format!("{place}.{name}");
        let kind = of["attributes"][name]
            .as_str()
            .unwrap_or_else(|| panic!("{place} is not of the schema"));
        if let Some(allowed) = of["enums"].get(name).and_then(Value::as_array) {
            assert!(allowed.contains(value), "{place} may not be {value}");
        }
        match kind.strip_suffix("[]") {
            Some(kind) => value
                .as_array()
                .unwrap()
                .iter()
                .for_each(|v| hold_value(&place, v, kind, schema)),
            None => hold_value(&place, value, kind, schema),
        }
    }
}

fn hold_value(place: &str, value: &Value, kind: &str, schema: &Value) {
    let good = match kind {
        "object" => value.is_object(),
        "string_t" | "url_t" => value.as_str().is_some_and(|text| !text.is_empty()),
        "hostname_t" => value
            .as_str()
            .is_some_and(|t| !t.is_empty() && t.split('.').all(is_label)),
        "ip_t" => value.as_str().is_some_and(|t| t.parse::<IpAddr>().is_ok()),
        "port_t" => value.as_u64().is_some_and(|port| port <= 65535),
        "integer_t" => value.as_i64().is_some_and(|i| i32::try_from(i).is_ok()),
        "timestamp_t" | "long_t" => value.is_i64() || value.is_u64(),
        name => {
            let of = schema["objects"]
                .get(name)
                .unwrap_or_else(|| panic!("the extract lacks {name}"));
            hold_members(place, value, of, schema);
            true
        }
    };
    assert!(good, "{place} is no {kind}: {value}");
}

fn is_label(label: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !label.is_empty()
        && label.chars().all(inside)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// An id is one of the schema. Its sibling is the caption; where the id is Other, a word of the source.
fn hold_enums(event: &Value, class: &Value) {
    for (name, captions) in class["enums"].as_object().unwrap() {
        let Some(id) = event.get(name) else { continue };
        let caption = captions
            .get(id.to_string())
            .unwrap_or_else(|| panic!("{name} may not be {id}"));
        let sibling = &event[class["siblings"][name].as_str().unwrap()];
        if id == 99 {
            assert!(
                sibling.is_string() && sibling != caption,
                "{name}: {sibling}"
            );
        } else {
            assert_eq!(sibling, caption, "{name}");
        }
    }
}
