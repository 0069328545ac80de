//! What a provider's errors lead to: trying again, or a state from which an operator recovers.

use super::aimock::{Aimock, fails, says};
use super::{SESSION, events, receipts, refused, standing};
use crate::support::{Home, Ran};
use serde_json::{Value, json};

const LAST_WORDS: &str = "Here I am.";
/// What a stream says before it breaks off.
const HALF: &str = "half an answer, which is none: nobody may ever read it";

fn request() -> Value {
    json!({ "userMessage": "hello" })
}

/// The answer to the `nth` request.
fn answers(nth: u64) -> Value {
    let mut when = request();
    when["sequenceIndex"] = nth.into();
    says(when, LAST_WORDS)
}

/// Prompts a session whose provider answers by `fixtures`, one after the other.
fn prompted(fixtures: &[Value]) -> (Home, Aimock, Ran) {
    let home = Home::new();
    let server = Aimock::start(home.root(), fixtures);
    let base_url = server.base_url();
    home.policy(&format!(
        "version = 1\n[plugins.openai]\nconfig = {{ base-url = \"{base_url}\" }}\n\
         grants = [\"http POST {base_url}/**\"]\n"
    ));
    home.ok(["auth", "login"]);
    super::launch(&home, SESSION);
    let ran = home.run(["agent", "prompt", SESSION, "hello"]);
    (home, server, ran)
}

fn statuses(server: &Aimock) -> Vec<u64> {
    server
        .requests()
        .into_iter()
        .map(|(_, status)| status)
        .collect()
}

fn count(events: &[String], name: &str) -> usize {
    events.iter().filter(|event| *event == name).count()
}

#[test]
fn a_provider_that_is_asked_too_often_is_asked_again() {
    let limited = fails(request(), 0, 429, "rate_limit_error");
    let (home, server, ran) = prompted(&[limited, answers(1)]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stdout.contains(LAST_WORDS), "{ran}");
    assert!(ran.stderr.contains("rate_limited; trying again"), "{ran}");
    assert_eq!(statuses(&server), [429, 200]);
    let events = events(&home, SESSION);
    assert_eq!(count(&events, "provider_failed"), 1, "{events:?}");
    assert_eq!(count(&events, "provider_started"), 2, "{events:?}");
    assert_eq!(receipts(&home, &["--kind", "http.request"]).len(), 2);
}

#[test]
fn a_provider_that_stays_away_leaves_the_session_recoverable() {
    let fixtures: Vec<Value> = [529, 503, 529, 503]
        .into_iter()
        .zip(0..)
        .map(|(status, nth)| fails(request(), nth, status, "overloaded_error"))
        .collect();
    let (home, server, ran) = prompted(&fixtures);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert_eq!(statuses(&server), [529, 503, 529, 503]);
    let unavailable = "provider_unavailable".to_owned();
    let seen = standing(&home, SESSION);
    assert_eq!(
        seen,
        (unavailable.clone(), "interrupted".into(), unavailable),
        "{ran}"
    );
    refused(&home, 2, &["agent", "prompt", SESSION, "hello"]);
    home.ok(["agent", "restart", SESSION, "--reason", "it is back"]);
    assert_eq!(standing(&home, SESSION).0, "idle");
}

#[test]
fn what_nobody_can_mend_by_asking_again_is_asked_once() {
    let quota = fails(request(), 0, 429, "insufficient_quota");
    let (home, server, ran) = prompted(&[quota, answers(1)]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert_eq!(statuses(&server), [429]);
    assert_eq!(standing(&home, SESSION).0, "provider_unavailable");

    let invalid = fails(request(), 0, 400, "invalid_request_error");
    let (home, server, ran) = prompted(&[invalid, answers(1)]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert_eq!(statuses(&server), [400]);
    let failed = ("idle".into(), "failed".into(), "invalid_request".into());
    assert_eq!(standing(&home, SESSION), failed);
}

#[test]
fn a_stream_that_breaks_off_is_no_answer() {
    let mut broken = says(request(), HALF);
    broken["match"]["sequenceIndex"] = 0.into();
    broken["truncateAfterChunks"] = 3.into();
    broken["chunkSize"] = 10.into();
    broken["latency"] = 20.into();
    let (home, server, ran) = prompted(&[broken, answers(1)]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stdout.contains(LAST_WORDS), "{ran}");
    assert!(ran.stderr.contains("unavailable; trying again"), "{ran}");
    assert_eq!(server.requests().len(), 2);

    let conversation = home.json(["agent", "show", SESSION])["transcript"].to_string();
    assert!(conversation.contains(LAST_WORDS), "{conversation}");
    assert!(!conversation.contains(&HALF[..8]), "{conversation}");
    let asked = home.json(["receipt", "list", "--kind", "http.request"]);
    let ended: Vec<&str> = asked["receipts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|receipt| receipt["closed"]["outcome"]["result"].as_str().unwrap())
        .collect();
    assert_eq!(ended, ["failed", "ok"], "{asked:#}");
}
