//! `tollgate mcp`: what comes in and what goes out, and every way to end.

use super::raw::{self, Spoken};
use super::{calls, house, wait_for_end};
use crate::support::{Home, Ran};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::time::Duration;

/// A server ends within this: the drain of the library, and some.
const END_TIME_MAX: Duration = Duration::from_secs(15);

/// The session whose id the server says.
fn session(said: &str) -> String {
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("session "))
        .unwrap_or_else(|| panic!("no session: {said}"));
    line.split(';').next().unwrap().to_owned()
}

/// A server in which a call runs that ends after a minute.
fn busy(home: &Home) -> Spoken {
    let mut server = Spoken::open(home);
    server.say(&raw::call(1, "endless_wait__attempt", json!({})));
    let began = server.hear();
    assert_eq!(began["method"], "notifications/progress", "{began}");
    std::thread::sleep(Duration::from_millis(1500));
    server
}

#[test]
fn a_tool_says_how_far_it_is_and_only_forwards() {
    let home = house();
    let mut server = Spoken::open(&home);
    server.say(&raw::call(1, "blocks__steps", json!({})));
    let mut told = Vec::new();
    let answer = loop {
        let heard = server.hear();
        match heard["method"].as_str() {
            Some("notifications/progress") => told.push(heard["params"].clone()),
            _ => break heard,
        }
    };
    assert_eq!(answer["result"]["content"][0]["text"], "done", "{answer}");
    assert_eq!(told[0]["message"], "blocks__steps began");
    let steps: Vec<_> = told[1..]
        .iter()
        .map(|step| (step["progress"].as_f64(), step["total"].as_f64()))
        .collect();
    let of = |done| (Some(done), Some(3.0));
    assert_eq!(steps, [of(1.0), of(2.0), of(3.0)], "{told:?}");
    let words = told[1]["message"].as_str().unwrap();
    assert_eq!(words, "blocks__steps: a\\u{1b}[2J\\u{202e}\\u{a}step");
}

#[test]
fn a_client_that_vanishes_ends_its_calls_and_the_process() {
    let home = house();
    let mut server = busy(&home);
    server.hang_up();
    let (code, said) = server.end(END_TIME_MAX);
    assert_eq!(code, Some(0), "{said}");
    wait_for_end(&home, &session(&said), "tool.call attempt", "cancelled");
}

#[test]
fn sigterm_ends_calls_and_process_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = house();
        let server = busy(&home);
        let pid = Pid::from_raw(i32::try_from(server.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let (code, said) = server.end(Duration::from_secs(5));
        assert_eq!(code, Some(0), "{said}");
        wait_for_end(&home, &session(&said), "tool.call attempt", "cancelled");
    }
}

#[test]
fn a_cancelled_request_is_not_answered_and_the_next_is() {
    let home = house();
    let mut server = busy(&home);
    let cancelled = json!({ "requestId": 1, "reason": "enough" });
    server.say(
        &json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled }),
    );
    server.say(&raw::request(2, "ping", json!({})));
    let answer = server.hear();
    assert_eq!(answer["id"], 2, "{answer}");
    server.hang_up();
    let (code, said) = server.end(END_TIME_MAX);
    assert_eq!(code, Some(0), "{said}");
    wait_for_end(&home, &session(&said), "tool.call attempt", "cancelled");
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let home = house();
    let mut server = Spoken::start(&home);
    server.say(&raw::initialize());
    server.say(&raw::initialized());
    server.say(&raw::request(1, "tools/list", json!({})));
    server.hang_up();
    assert_eq!(server.hear()["id"], 0);
    let listed = server.hear();
    assert_eq!(listed["id"], 1, "{listed}");
    assert!(
        listed["result"]["tools"].as_array().unwrap().len() > 9,
        "{listed}"
    );
    let (code, _) = server.end(END_TIME_MAX);
    assert_eq!(code, Some(0));
}

#[test]
fn only_the_protocol_is_on_stdout_and_nothing_there_changes_authority() {
    let home = house();
    let granted = home.json(["grant", "list"]);
    let mut server = Spoken::open(&home);
    let asked: [(&str, Value); 8] = [
        ("tools/list", json!({})),
        ("tools/list", json!({ "cursor": "nonsense" })),
        ("prompts/list", json!({})),
        ("resources/list", json!({})),
        ("resources/read", json!({ "uri": "file:///etc/passwd" })),
        (
            "grant/add",
            json!({ "plugin": "files", "capability": "fs.full / at /" }),
        ),
        (
            "tools/call",
            json!({ "name": "grant__add", "arguments": {} }),
        ),
        (
            "tools/call",
            json!({ "name": "files__read", "arguments": { "path": "/far/note.txt" } }),
        ),
    ];
    let mut answers = Vec::new();
    for (id, (method, params)) in (1..).zip(&asked) {
        server.say(&raw::request(id, method, params.clone()));
        let answer = server.hear();
        assert_eq!(answer["jsonrpc"], "2.0");
        assert_eq!(answer["id"], id, "{answer}");
        answers.push(answer);
    }
    // What is not the protocol is passed over.
    server.say_line("this is not JSON");
    server.say(&raw::request(99, "ping", json!({})));
    assert_eq!(server.hear()["id"], 99);
    let codes: Vec<i64> = answers
        .iter()
        .map(|answer| answer["error"]["code"].as_i64().unwrap_or(0))
        .collect();
    assert_eq!(
        codes,
        [0, -32602, -32601, -32601, -32601, -32601, -32602, 0]
    );
    for tool in answers[0]["result"]["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let (plugin, _) = name.split_once("__").unwrap();
        assert!(
            ["files", "blocks", "endless_wait"].contains(&plugin),
            "{name}"
        );
    }
    assert!(
        !answers[7].to_string().contains("tollgate grant"),
        "{}",
        answers[7]
    );
    server.hang_up();
    let (code, said) = server.end(END_TIME_MAX);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(home.json(["grant", "list"]), granted);
    let session = session(&said);
    assert_eq!(calls(&home, &session).len(), 1);
    // The ledger knows that it is over.
    let file = home.root().join("of-it.export");
    let file = file.to_str().unwrap();
    home.ok(["receipt", "export", "--session", &session, "--out", file]);
    let verified = home.ok(["receipt", "verify", file]);
    assert!(
        verified.stdout.contains(", closed at tree size"),
        "{verified}"
    );
}

#[test]
fn two_plugins_cannot_take_the_same_names() {
    let home = house();
    let policy = "version = 1\n[plugins.\"a.b\"]\ncomponent = \"files.wasm\"\ngrants = []\n\
                  [plugins.a_b]\ncomponent = \"files.wasm\"\ngrants = []\n";
    home.policy(policy);
    let mut server = Spoken::open(&home);
    server.say(&raw::request(1, "tools/list", json!({})));
    let listed = server.hear();
    let tools = listed["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 9, "{listed}");
    server.hang_up();
    let (_, said) = server.end(END_TIME_MAX);
    assert!(said.contains("the tools of a_b are not offered"), "{said}");
    assert!(said.contains("which plugin a.b has"), "{said}");
}

#[test]
fn one_plugin_may_be_chosen_and_must_be_there() {
    let home = house();
    let ran = home.run(["mcp", "--plugin", "nobody"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(
        ran.stderr.contains("no plugin is named \"nobody\""),
        "{ran}"
    );
    // Nobody there: the end of the words is a client's way to go.
    let ran: Ran = home.run(["mcp", "--plugin", "files"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran}");
}
