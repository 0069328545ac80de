//! A receipt as an event of the Open Cybersecurity Schema Framework.

mod parts;

use crate::levels::{Fate, Level, Seat, detail, last_heard_us, object, sentence};
use crate::targets::request;
use serde_json::{Value, json};
use tollgate_receipts::{Receipt, Verdict};

/// The version of the schema to which events keep.
const SCHEMA: &str = "1.9.0";
const CATEGORY: u64 = 6;
const CLASS: u64 = 6003;

/// `receipt` as an event of OCSF 1.9.0, class API Activity (6003) with the profile Security Control.
///
/// Every attribute that the schema requires is there. What the schema has no place for is in `unmapped`.
/// An effect that is none of create, read, update and delete has the activity Other (99), named by its kind.
/// Times are milliseconds since the Unix epoch (type `timestamp_t`).
pub fn ocsf(receipt: &Receipt, seat: &Seat) -> Value {
    let fate = Fate::of(receipt);
    let activity = Activity::of(receipt);
    let (status, status_name) = status(fate);
    let (severity, severity_name) = severity(fate.level());
    let (action, action_name) = action(receipt.decision.verdict);
    let (disposition, disposition_name) = disposition(receipt.decision.verdict);
    object([
        ("activity_id", Some(activity.id().into())),
        ("activity_name", Some(activity.name(receipt).into())),
        ("category_uid", Some(CATEGORY.into())),
        ("category_name", Some("Application Activity".into())),
        ("class_uid", Some(CLASS.into())),
        ("class_name", Some("API Activity".into())),
        ("type_uid", Some((CLASS * 100 + activity.id()).into())),
        (
            "type_name",
            Some(format!("API Activity: {}", activity.caption()).into()),
        ),
        ("severity_id", Some(severity.into())),
        ("severity", Some(severity_name.into())),
        ("status_id", Some(status.into())),
        ("status", Some(status_name.into())),
        ("status_detail", detail(receipt).map(Value::from)),
        ("action_id", Some(action.into())),
        ("action", Some(action_name.into())),
        ("disposition_id", Some(disposition.into())),
        ("disposition", Some(disposition_name.into())),
        ("time", Some(milliseconds(receipt.time_us).into())),
        (
            "end_time",
            last_heard_us(receipt).map(|time| milliseconds(time).into()),
        ),
        (
            "duration",
            receipt.outcome().map(|o| (o.duration_us / 1000).into()),
        ),
        ("count", Some(receipt.count.into())),
        ("message", Some(sentence(receipt).into())),
        ("metadata", Some(parts::metadata(receipt, seat))),
        ("actor", Some(parts::actor(receipt))),
        ("api", Some(parts::api(receipt, seat))),
        ("policy", receipt.policy.as_ref().map(|p| json!({"uid": p}))),
        ("src_endpoint", Some(parts::source(seat))),
        ("dst_endpoint", parts::destination(receipt)),
        ("http_request", parts::http_request(receipt)),
        ("http_response", parts::http_response(receipt)),
        ("resources", parts::resources(receipt)),
        ("unmapped", Some(parts::unmapped(receipt))),
    ])
}

/// What the class says an effect does (attribute `activity_id`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Create,
    Read,
    Update,
    Delete,
    Other,
}

impl Activity {
    fn of(receipt: &Receipt) -> Self {
        match receipt.kind.as_str() {
            "fs.create" | "fs.mkdir" | "fs.link" | "fs.symlink" => Self::Create,
            "env.read" | "fs.list" | "fs.stat" | "fs.readlink" | "fs.open.read" | "fs.open.dir"
            | "kv.get" | "kv.list" | "dns.resolve" => Self::Read,
            "fs.open.write" | "fs.set-times" | "fs.rename" | "kv.set" => Self::Update,
            "fs.delete" | "kv.delete" => Self::Delete,
            "http.request" => request(receipt).map_or(Self::Other, |r| Self::of_method(r.method)),
            _ => Self::Other,
        }
    }

    /// What a method means (RFC 9110 section 9, RFC 5789); POST may mean anything.
    fn of_method(method: &str) -> Self {
        match method {
            "GET" | "HEAD" | "OPTIONS" | "TRACE" => Self::Read,
            "PUT" | "PATCH" => Self::Update,
            "DELETE" => Self::Delete,
            _ => Self::Other,
        }
    }

    const fn id(self) -> u64 {
        match self {
            Self::Create => 1,
            Self::Read => 2,
            Self::Update => 3,
            Self::Delete => 4,
            Self::Other => 99,
        }
    }

    const fn caption(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Read => "Read",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Other => "Other",
        }
    }

    /// The caption, or where there is none of its own, the word of the source.
    fn name(self, receipt: &Receipt) -> &str {
        match self {
            Self::Other => &receipt.kind,
            known => known.caption(),
        }
    }
}

const fn status(fate: Fate) -> (u64, &'static str) {
    match fate {
        Fate::Succeeded => (1, "Success"),
        Fate::Failed | Fate::Denied => (2, "Failure"),
        Fate::Open | Fate::Indeterminate => (0, "Unknown"),
        Fate::Cancelled | Fate::Resolved | Fate::Asked => (99, fate.word()),
    }
}

const fn severity(level: Level) -> (u64, &'static str) {
    match level {
        Level::Informational => (1, "Informational"),
        Level::Low => (2, "Low"),
        Level::Medium => (3, "Medium"),
        Level::High => (4, "High"),
    }
}

const fn action(verdict: Verdict) -> (u64, &'static str) {
    match verdict {
        Verdict::Allowed => (1, "Allowed"),
        Verdict::Denied => (2, "Denied"),
        Verdict::Asked => (99, verdict.label()),
    }
}

const fn disposition(verdict: Verdict) -> (u64, &'static str) {
    match verdict {
        Verdict::Allowed => (1, "Allowed"),
        Verdict::Denied => (2, "Blocked"),
        Verdict::Asked => (99, verdict.label()),
    }
}

const fn milliseconds(time_us: i64) -> i64 {
    time_us.div_euclid(1000)
}
