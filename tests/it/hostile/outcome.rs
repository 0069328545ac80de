//! What came of a hostile call: `expected.json`, and the same from what was seen.

use super::scene::{Look, Scene};
use crate::support::{Ran, ledger, place};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// More receipts than this are told by their kinds.
const LINES_MAX: usize = 64;

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outcome {
    /// How many calls are made at once; all must end alike.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) calls: usize,
    /// The most seconds that it may take.
    #[serde(default = "seconds", skip_serializing_if = "is_usual")]
    pub(crate) seconds_max: u64,
    /// Exit code of `tollgate call`.
    pub(crate) exit: i32,
    /// How the call ended, as its record in the ledger says.
    pub(crate) ended: String,
    /// Which limit or trap, from the same record; only its beginning is compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) detail: String,
    /// What the component says it saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) saw: Vec<String>,
    /// Whether the receipts are told with the detail of their outcome.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) with_detail: bool,
    /// Texts that may be in no output, and in no byte of what Tollgate keeps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) nowhere: Vec<String>,
    /// The receipts, in order: `KIND VERDICT REASON-OR-OUTCOME: TARGET`, and ` (DETAIL)`.
    pub(crate) receipts: Vec<String>,
    /// How many connections the granted server saw, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connections: Option<usize>,
    /// What the granted server was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) requests: Vec<String>,
    /// What changed in the mount: `+` is new, `-` gone, `~` other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changed: Vec<String>,
}

/// What a hostile call may take unless its folder says otherwise.
const SECONDS_MAX: u64 = 20;

fn seconds() -> u64 {
    SECONDS_MAX
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_usual(seconds: &u64) -> bool {
    *seconds == SECONDS_MAX
}

fn one() -> usize {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_one(calls: &usize) -> bool {
    *calls == 1
}

impl Outcome {
    /// What must come of the call of a folder's guest.
    pub(crate) fn expected(folder: &str) -> Self {
        let text = std::fs::read_to_string(path(folder)).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{folder}: {error}"))
    }

    /// What came of it.
    pub(crate) fn seen(scene: &Scene, expected: &Self, before: &Look, ran: &[Ran]) -> Self {
        let entries = ledger::read(&scene.home.own());
        ledger::verify(&entries);
        let mut ends: Vec<(String, String)> = Vec::new();
        let mut receipts: Vec<Vec<String>> = Vec::new();
        for entry in entries.iter().filter(|entry| {
            entry.kind() == "call"
                && entry.text("/plugin/name") == scene.name
                && (entry.text("/export").ends_with("attempt") || entry.text("/ended") == "refused")
        }) {
            ends.push((
                entry.text("/ended").to_owned(),
                entry.text("/detail").to_owned(),
            ));
            receipts.push(receipts_of(scene, &entry.session, expected.with_detail));
        }
        if ends.is_empty() && ran[0].code == Some(2) {
            // What cannot be loaded is refused before there is a call.
            let message = ran[0].error()["message"].as_str().map(str::to_owned);
            ends.push(("not loaded".to_owned(), message.unwrap_or_default()));
            receipts.push(Vec::new());
        }
        assert_eq!(
            ends.len(),
            expected.calls,
            "each call has one record: {}",
            ran[0]
        );
        ends.dedup();
        receipts.dedup();
        let mut codes: Vec<_> = ran.iter().map(|ran| ran.code).collect();
        codes.dedup();
        assert!(
            ends.len() == 1 && receipts.len() == 1 && codes.len() == 1,
            "{ends:?} {codes:?}"
        );
        let (ended, detail) = ends.remove(0);
        let mut detail = scene.blanked(detail.split(" (in ").next().unwrap_or_default());
        if !expected.detail.is_empty() && detail.starts_with(&expected.detail) {
            detail.clone_from(&expected.detail);
        }
        Self {
            calls: expected.calls,
            seconds_max: expected.seconds_max,
            exit: codes[0].unwrap_or(-1),
            ended,
            detail,
            saw: saw(scene, &ran[0]),
            with_detail: expected.with_detail,
            nowhere: expected.nowhere.clone(),
            receipts: receipts.remove(0),
            connections: expected.connections.map(|_| scene.server.connections()),
            requests: requests(scene),
            changed: changes(before, &scene.look()),
        }
    }

    /// As text to compare, in which nothing is hidden from a reader.
    pub(crate) fn shown(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap();
        let mut shown = String::new();
        for c in text.chars() {
            if super::kept::acts(c) {
                shown.push_str(&format!("\\u{:04x}", c as u32));
            } else {
                shown.push(c);
            }
        }
        shown
    }

    /// Makes it the expectation.
    pub(crate) fn write(&self, folder: &str) {
        std::fs::write(path(folder), format!("{}\n", self.shown())).unwrap();
    }
}

fn path(folder: &str) -> PathBuf {
    place::repository()
        .join("tests/hostile")
        .join(folder)
        .join("expected.json")
}

/// The lines of the component's report.
fn saw(scene: &Scene, ran: &Ran) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<Value>(&ran.stdout) else {
        return Vec::new();
    };
    let lines = value
        .pointer("/content/0/json")
        .and_then(Value::as_array)
        .cloned();
    lines
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .map(|l| scene.blanked(l))
        .collect()
}

/// What the server was asked; of a flood, what was asked at all, since how much of it got through is a
/// matter of moments.
fn requests(scene: &Scene) -> Vec<String> {
    let lines = scene.server.lines();
    let mut all: Vec<String> = lines.iter().map(|line| scene.blanked(line)).collect();
    if all.len() > LINES_MAX {
        all.sort();
        all.dedup();
    }
    all
}

fn receipts_of(scene: &Scene, session: &str, with_detail: bool) -> Vec<String> {
    let all = ["receipt", "list", "--session", session, "--limit", "10000"];
    let listed = scene.home.json(all);
    let lines = receipts(&listed)
        .iter()
        .map(|receipt| match with_detail.then(|| detail(receipt)) {
            Some(detail) if !detail.is_empty() => format!("{} ({detail})", line(receipt)),
            _ => line(receipt),
        })
        .map(|line| scene.blanked(&line))
        .collect();
    folded(lines)
}

/// A flood, told by its kinds: lines that differ in numbers only become one with their count.
fn folded(lines: Vec<String>) -> Vec<String> {
    if lines.len() <= LINES_MAX {
        return lines;
    }
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for line in lines {
        let (what, target) = line.split_once(": ").unwrap_or((&line, ""));
        let plain = target.trim_end_matches(|c: char| c.is_ascii_digit());
        let kind = match plain.len() < target.len() {
            true => format!("{what}: {plain}N"),
            false => line.clone(),
        };
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let shown = |(kind, count)| match count {
        1 => kind,
        count => format!("{kind} ({count} times)"),
    };
    kinds.into_iter().map(shown).collect()
}

/// The receipts in the JSON of `receipt list`.
pub(crate) fn receipts(listed: &Value) -> Vec<Value> {
    let array = listed.get("receipts").unwrap_or(listed);
    array
        .as_array()
        .unwrap_or_else(|| panic!("no list of receipts: {listed}"))
        .clone()
}

/// What the outcomes say besides. Whether a connection was free again is a matter of moments.
fn detail(receipt: &Value) -> String {
    let stages = ["settled", "closed", "resolved"].into_iter();
    let details = stages.filter_map(|stage| {
        let detail = receipt.pointer(&format!("/{stage}/outcome/detail"))?;
        Some(detail.as_str()?.replace("; connection reused", ""))
    });
    details.collect::<Vec<_>>().join(", ")
}

/// One receipt in a line.
pub(crate) fn line(receipt: &Value) -> String {
    let text = |pointer: &str| {
        receipt
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let verdict = text("/decision/verdict");
    let came = match text("/standing") {
        "denied" => text("/decision/reason").to_owned(),
        standing => {
            let outcome = |field: &str| {
                ["resolved", "closed", "settled"].iter().find_map(|stage| {
                    let found = receipt.pointer(&format!("/{stage}/outcome/{field}"))?;
                    Some(
                        found
                            .as_str()
                            .map_or_else(|| found.to_string(), str::to_owned),
                    )
                })
            };
            let words = [
                Some(standing.to_owned()),
                outcome("result"),
                outcome("error"),
                outcome("status"),
            ];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
    };
    let target = text("/target/text");
    let count = match receipt["count"].as_u64() {
        Some(count) if count > 1 => format!("{count} more"),
        _ => target.to_owned(),
    };
    format!("{} {verdict} {came}: {count}", text("/kind"))
}

fn changes(before: &Look, after: &Look) -> Vec<String> {
    let mut all = Vec::new();
    for (path, was) in before {
        match after.get(path) {
            None => all.push(format!("- {path}")),
            Some(is) if is != was => all.push(format!("~ {path}: {is}")),
            Some(_) => {}
        }
    }
    let new = after.iter().filter(|(path, _)| !before.contains_key(*path));
    all.extend(new.map(|(path, is)| format!("+ {path}: {is}")));
    all
}
