//! What came of a case, held against what it expects. No I/O.

use super::cases::{Decision, Expect, Wanted, json_of};
use serde::Serialize;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tollgate_receipts::{Receipt, Verdict};

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ended {
    /// With an answer.
    Answer {
        /// As a model reads it.
        text: String,
        /// Its first JSON block, or its text if that is JSON.
        json: Option<Value>,
        /// Whether it says that it is an error.
        is_error: bool,
    },
    /// Without one.
    Error {
        /// The stable label.
        kind: String,
        /// The words.
        message: String,
    },
}

/// Everything that came of a case.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    /// How the call ended.
    pub(super) ended: Ended,
    /// What the gate decided.
    pub(super) receipts: Vec<Seen>,
    /// The files that the case asks about; none where there is none.
    pub(super) files: BTreeMap<PathBuf, Option<String>>,
}

/// A receipt as far as a case can ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Seen {
    /// The kind.
    pub(super) kind: String,
    /// The decision.
    pub(super) decision: Decision,
    /// The target; empty for a group.
    pub(super) target: String,
    /// The reason of a denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

impl From<&Receipt> for Seen {
    fn from(receipt: &Receipt) -> Self {
        let target = receipt.target.as_ref();
        Self {
            kind: receipt.kind.clone(),
            decision: match receipt.decision.verdict {
                Verdict::Allowed => Decision::Allowed,
                Verdict::Denied | Verdict::Asked => Decision::Denied,
            },
            target: target.map(|target| target.text.clone()).unwrap_or_default(),
            reason: receipt.decision.reason.clone(),
        }
    }
}

/// One thing that is not as expected: what, and lines that show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Mismatch {
    /// What it is about.
    pub(super) of: String,
    /// What was expected.
    pub(super) expected: String,
    /// What was found.
    pub(super) found: String,
}

fn mismatch(of: &str, expected: impl Into<String>, found: impl Into<String>) -> Mismatch {
    Mismatch {
        of: of.into(),
        expected: expected.into(),
        found: found.into(),
    }
}

/// Everything that is not as expected.
pub(super) fn judge(expect: &Expect, outcome: &Outcome) -> Vec<Mismatch> {
    let mut wrong = Vec::new();
    match (&outcome.ended, &expect.error) {
        (Ended::Error { kind, message }, Some(wanted)) => {
            if kind != wanted {
                wrong.push(mismatch("error", wanted, format!("{kind}: {message}")));
            }
            parts("error", &expect.contains, message, &mut wrong);
        }
        (Ended::Answer { text, .. }, Some(wanted)) => {
            wrong.push(mismatch("error", wanted, format!("an answer: {text}")));
        }
        (Ended::Error { kind, message }, None) => {
            // A case that asks only for receipts or files does not care how the call ended.
            if expects_answer(expect) {
                wrong.push(mismatch(
                    "answer",
                    "an answer",
                    format!("{kind}: {message}"),
                ));
            }
        }
        (
            Ended::Answer {
                text,
                json,
                is_error,
            },
            None,
        ) => {
            answer(expect, text, json.as_ref(), *is_error, &mut wrong);
        }
    }
    receipts(expect, &outcome.receipts, &mut wrong);
    for (path, wanted) in &expect.files {
        let of = format!("file {}", path.display());
        match outcome.files.get(path).and_then(Option::as_ref) {
            Some(found) if found == wanted => {}
            Some(found) => wrong.push(mismatch(&of, wanted, found)),
            None => wrong.push(mismatch(&of, wanted, "no such text file")),
        }
    }
    wrong
}

fn expects_answer(expect: &Expect) -> bool {
    expect.text.is_some()
        || expect.json.is_some()
        || expect.is_error.is_some()
        || !expect.contains.is_empty()
}

fn answer(
    expect: &Expect,
    text: &str,
    json: Option<&Value>,
    is_error: bool,
    wrong: &mut Vec<Mismatch>,
) {
    if let Some(wanted) = &expect.text
        && wanted != text
    {
        wrong.push(mismatch("text", wanted, text));
    }
    parts("text", &expect.contains, text, wrong);
    if let Some(wanted) = &expect.json {
        let wanted = json_of(wanted);
        match json {
            Some(found) => {
                for (path, expected, found) in differences(&wanted, found) {
                    wrong.push(mismatch(&format!("json {path}"), expected, found));
                }
            }
            None => wrong.push(mismatch("json", wanted.to_string(), text)),
        }
    }
    // An answer that says it is an error passes only where the case says so.
    let wanted = expect.is_error.unwrap_or(false);
    if wanted != is_error && expects_answer(expect) {
        let word = |is_error| {
            if is_error {
                "an error for the model"
            } else {
                "no error"
            }
        };
        wrong.push(mismatch(
            "is_error",
            word(wanted),
            format!("{}: {text}", word(is_error)),
        ));
    }
}

fn parts(of: &str, wanted: &[String], text: &str, wrong: &mut Vec<Mismatch>) {
    for part in wanted.iter().filter(|part| !text.contains(part.as_str())) {
        wrong.push(mismatch(of, format!("…{part}…"), text));
    }
}

/// Where `found` does not have what `wanted` has: path, expected, found. Objects may have more; lists
/// have the same length.
fn differences(wanted: &Value, found: &Value) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    compare("$", wanted, found, &mut all);
    all
}

fn compare(path: &str, wanted: &Value, found: &Value, all: &mut Vec<(String, String, String)>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, wanted) in wanted {
                let path = format!("{path}.{key}");
                match found.get(key) {
                    Some(found) => compare(&path, wanted, found, all),
                    None => all.push((path, wanted.to_string(), "nothing".into())),
                }
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (at, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                compare(&format!("{path}[{at}]"), wanted, found, all);
            }
        }
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
        _ if wanted == found => {}
        _ => all.push((path.to_owned(), wanted.to_string(), found.to_string())),
    }
}

fn receipts(expect: &Expect, found: &[Seen], wrong: &mut Vec<Mismatch>) {
    let mut rest = found.iter();
    let in_order = expect
        .receipts
        .iter()
        .all(|wanted| rest.any(|seen| is(seen, wanted)));
    let no_others = found
        .iter()
        .all(|seen| expect.receipts.iter().any(|wanted| is(seen, wanted)));
    if in_order && (no_others || !expect.receipts_only) {
        return;
    }
    let wanted: Vec<String> = expect.receipts.iter().map(wanted_line).collect();
    let found: Vec<String> = found.iter().map(seen_line).collect();
    let of = match (in_order, expect.receipts_only) {
        (true, _) => "receipts (and no others)",
        (false, _) => "receipts",
    };
    wrong.push(mismatch(of, lines(&wanted), lines(&found)));
}

fn lines(all: &[String]) -> String {
    if all.is_empty() {
        "none".into()
    } else {
        all.join("\n")
    }
}

fn is(seen: &Seen, wanted: &Wanted) -> bool {
    seen.kind == wanted.kind
        && seen.decision == wanted.decision
        && wanted
            .target
            .as_ref()
            .is_none_or(|target| *target == seen.target)
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "allowed",
        Decision::Denied => "denied",
    }
}

fn wanted_line(wanted: &Wanted) -> String {
    let target = wanted.target.as_deref().unwrap_or("(any target)");
    format!("{} {} {target}", word(wanted.decision), wanted.kind)
}

fn seen_line(seen: &Seen) -> String {
    let reason = seen.reason.as_ref().map(|reason| format!(" ({reason})"));
    format!(
        "{} {} {}{}",
        word(seen.decision),
        seen.kind,
        seen.target,
        reason.unwrap_or_default()
    )
}

/// A mismatch as lines: `-` was expected, `+` was found.
pub(super) fn diff(mismatch: &Mismatch) -> Vec<String> {
    let diff = TextDiff::from_lines(&mismatch.expected, &mismatch.found);
    diff.iter_all_changes()
        .map(|change| {
            let mark = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            format!("{mark} {}", change.value().trim_end_matches('\n'))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(text: &str) -> Outcome {
        Outcome {
            ended: Ended::Answer {
                text: text.into(),
                json: serde_json::from_str(text).ok(),
                is_error: false,
            },
            receipts: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    fn seen(kind: &str, decision: Decision, target: &str) -> Seen {
        Seen {
            kind: kind.into(),
            decision,
            target: target.into(),
            reason: None,
        }
    }

    fn of(expect: &Expect, outcome: &Outcome) -> Vec<String> {
        judge(expect, outcome)
            .into_iter()
            .map(|wrong| wrong.of)
            .collect()
    }

    #[test]
    fn texts_are_compared_whole_or_in_part() {
        let whole = Expect {
            text: Some("a\nb".into()),
            ..Expect::default()
        };
        assert_eq!(of(&whole, &said("a\nb")), Vec::<String>::new());
        let wrong = judge(&whole, &said("a\nc"));
        assert_eq!(diff(&wrong[0]), ["  a", "- b", "+ c"]);
        let part = Expect {
            contains: vec!["b".into(), "x".into()],
            ..Expect::default()
        };
        assert_eq!(of(&part, &said("abc")), ["text"]);
    }

    #[test]
    fn json_may_have_more_than_is_asked_for() {
        let found = json!({"a": 1, "b": [1, {"c": 2, "d": 3}]});
        assert_eq!(differences(&json!({"b": [1, {"c": 2.0}]}), &found), []);
        let paths: Vec<String> = differences(&json!({"b": [1, {"c": 4}], "x": 1}), &found)
            .into_iter()
            .map(|(path, _, _)| path)
            .collect();
        assert_eq!(paths, ["$.b[1].c", "$.x"]);
        assert_eq!(differences(&json!([1]), &json!([1, 2])).len(), 1);
    }

    #[test]
    fn an_error_is_one_only_where_it_is_expected() {
        let denied = Outcome {
            ended: Ended::Error {
                kind: "denied".into(),
                message: "fs.open.read /x".into(),
            },
            ..said("")
        };
        let error = Expect {
            error: Some("denied".into()),
            contains: vec!["/x".into()],
            ..Expect::default()
        };
        assert_eq!(of(&error, &denied), Vec::<String>::new());
        assert_eq!(of(&error, &said("fine")), ["error"]);
        let text = Expect {
            text: Some(String::new()),
            ..Expect::default()
        };
        assert_eq!(of(&text, &denied), ["answer"]);
        let mut told = said("no");
        if let Ended::Answer { is_error, .. } = &mut told.ended {
            *is_error = true;
        }
        let contains = Expect {
            contains: vec!["no".into()],
            ..Expect::default()
        };
        assert_eq!(of(&contains, &told), ["is_error"]);
    }

    #[test]
    fn receipts_come_in_order_and_alone_if_asked() {
        use Decision::{Allowed, Denied};
        let outcome = Outcome {
            receipts: vec![
                seen("fs.open.read", Allowed, "/a"),
                seen("fs.list", Allowed, "/"),
                seen("fs.open.read", Denied, "/b"),
            ],
            ..said("")
        };
        let wanted = |list: &[(&str, Decision, Option<&str>)], only| Expect {
            receipts: list
                .iter()
                .map(|(kind, decision, target)| Wanted {
                    kind: (*kind).into(),
                    decision: *decision,
                    target: target.map(str::to_owned),
                })
                .collect(),
            receipts_only: only,
            ..Expect::default()
        };
        let first = ("fs.open.read", Allowed, Some("/a"));
        let last = ("fs.open.read", Denied, None);
        assert_eq!(
            of(&wanted(&[first, last], false), &outcome),
            Vec::<String>::new()
        );
        assert_eq!(of(&wanted(&[last, first], false), &outcome), ["receipts"]);
        assert_eq!(
            of(&wanted(&[first, last], true), &outcome),
            ["receipts (and no others)"]
        );
    }
}
