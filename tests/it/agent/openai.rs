//! The `openai` component against a real server on loopback, streamed; `files` executes the tool calls
//! on a copy of this repository.

use super::aimock::{Aimock, asks, says};
use super::{SESSION, below, receipts, remedy, run_printed, standing};
use crate::support::{Home, Ran, ledger, place};
use serde_json::{Value, json};
use std::process::Command;

const PROMPT: &str = "Summarise this repository";
const SUMMARY: &str = "A gate with receipts.\n";
const LAST_WORDS: &str = "The summary is in /out/SUMMARY.md; the README I could not change.";
/// The variable in which the key is.
const KEY: &str = "AGENT_TEST_KEY";
const SECRET: &str = "sk-agent-test-5f0c2b7e";

/// Two calls at once, then one after the other: reading, adding, and a change that is not granted.
fn conversation() -> Vec<Value> {
    let after = |id: &str| json!({ "toolCallId": id });
    let search =
        json!({ "path": "/project", "pattern": "Invariant", "include": ["ARCHITECTURE.md"] });
    let write = json!({ "path": "/out/SUMMARY.md", "content": SUMMARY });
    let edit = json!({ "path": "/project/README.md", "old": "# Tollgate", "new": "# Open gate" });
    vec![
        asks(
            json!({ "userMessage": PROMPT, "hasToolResult": false }),
            &[
                ("call_list", "files__list", json!({ "path": "/project" })),
                ("call_search", "files__search", search),
            ],
        ),
        asks(
            after("call_search"),
            &[(
                "call_read",
                "files__read",
                json!({ "path": "/project/README.md", "lines_max": 3 }),
            )],
        ),
        asks(after("call_read"), &[("call_write", "files__write", write)]),
        asks(after("call_write"), &[("call_edit", "files__edit", edit)]),
        says(after("call_edit"), LAST_WORDS),
    ]
}

/// A copy of what is under version control here.
fn copy_of_this_repository(home: &Home) {
    let (from, to) = (place::repository(), home.root().join("repository"));
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(&from)
        .output()
        .unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    for name in names
        .split('\0')
        .filter(|name| !name.is_empty() && from.join(name).is_file())
    {
        std::fs::create_dir_all(to.join(name).parent().unwrap()).unwrap();
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    assert!(to.join("README.md").is_file(), "git lists no README.md");
}

/// A home whose session speaks to `server`; `openai` is what the policy says of it besides.
fn launched(home: &Home, server: &Aimock, openai: &str) {
    copy_of_this_repository(home);
    std::fs::create_dir_all(home.root().join("out")).unwrap();
    let (root, base_url) = (home.root().display(), server.base_url());
    home.policy(&format!(
        r#"version = 1

[plugins.files]
grants = ["fs.read {root}/repository at /project", "fs.create {root}/out at /out"]

[plugins.openai]
config = {{ base-url = "{base_url}" }}
{openai}
"#
    ));
    home.ok(["auth", "login"]);
    super::launch(home, SESSION);
}

fn prompt(home: &Home) -> Ran {
    home.run(["agent", "prompt", SESSION, PROMPT, "--max-iterations", "10"])
}

#[test]
fn it_is_refused_until_the_command_that_the_refusal_prints_is_run() {
    let home = Home::new();
    let server = Aimock::start(home.root(), &conversation());
    launched(&home, &server, "");
    let url = format!("{}/chat/completions", server.base_url());

    let refused = prompt(&home);
    assert_eq!(refused.code, Some(3), "{refused}");
    assert_eq!(
        receipts(&home, &["--session", SESSION]),
        [format!("http.request denied POST {url}")],
        "{refused}"
    );
    assert_eq!(server.requests(), []);
    assert_eq!(
        standing(&home, SESSION),
        ("idle".into(), "failed".into(), "denied".into())
    );

    run_printed(&home, &remedy(&refused));
    let ran = prompt(&home);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stdout.contains(LAST_WORDS), "{ran}");
    assert!(
        ran.stderr.contains("files edit: denied fs.open.write"),
        "{ran}"
    );

    worked_on_the_copy(&home);
    the_model_saw_it(&server);
    on_record(&home, &url);
}

/// What was granted happened, and nothing else.
fn worked_on_the_copy(home: &Home) {
    let written = home.root().join("out/SUMMARY.md");
    assert_eq!(std::fs::read_to_string(written).unwrap(), SUMMARY);
    for name in ["README.md", "Cargo.toml"] {
        let copy = std::fs::read(home.root().join("repository").join(name)).unwrap();
        assert!(
            copy == std::fs::read(place::repository().join(name)).unwrap(),
            "{name} differs"
        );
    }
}

/// The tools' results went to the server, in streamed requests that it answered.
fn the_model_saw_it(server: &Aimock) {
    let requests = server.requests();
    assert_eq!(requests.len(), 5, "{requests:#?}");
    for (body, status) in &requests {
        assert_eq!(
            (body["stream"].as_bool(), *status),
            (Some(true), 200),
            "{body:#}"
        );
    }
    let (last, _) = requests.last().unwrap();
    let result = |id: &str| {
        let messages = last["messages"].as_array().unwrap();
        let message = messages
            .iter()
            .find(|message| message["tool_call_id"] == id);
        message.unwrap_or_else(|| panic!("no result of {id}: {last:#}"))["content"].to_string()
    };
    assert!(
        result("call_list").contains("Cargo.toml"),
        "{}",
        result("call_list")
    );
    assert!(
        result("call_search").contains("ARCHITECTURE.md"),
        "{}",
        result("call_search")
    );
    assert!(
        result("call_read").contains("# Tollgate"),
        "{}",
        result("call_read")
    );
    assert!(
        result("call_edit").contains("access_too_low"),
        "{}",
        result("call_edit")
    );
}

/// Each effect has its receipt, and each receipt its effect.
fn on_record(home: &Home, url: &str) {
    let listed = receipts(home, &["--session", SESSION]);
    let count = |line: &str| listed.iter().filter(|listed| *listed == line).count();
    assert_eq!(
        count(&format!("http.request allowed POST {url}")),
        5,
        "{listed:#?}"
    );
    assert_eq!(count("fs.create allowed /out/SUMMARY.md"), 1, "{listed:#?}");
    assert_eq!(
        count("fs.open.write denied /project/README.md"),
        1,
        "{listed:#?}"
    );
    assert!(
        count("fs.open.read allowed /project/README.md") >= 1,
        "{listed:#?}"
    );
    assert!(
        count("fs.open.read allowed /project/ARCHITECTURE.md") >= 1,
        "{listed:#?}"
    );
    let denied = listed
        .iter()
        .filter(|line| line.contains(" denied "))
        .count();
    assert_eq!(denied, 2, "one request and one write: {listed:#?}");
    let asked = home.json(["receipt", "list", "--kind", "http", "--decision", "allowed"]);
    for receipt in asked["receipts"].as_array().unwrap() {
        // A request that was answered whole is not on record as one that was given up.
        assert_eq!(receipt["closed"]["outcome"]["result"], "ok", "{receipt:#}");
        assert_eq!(receipt["transport"], "live", "{receipt:#}");
    }
    ledger::verify(&ledger::read(&home.own()));
}

/// What the policy says of a server with a key.
fn with_key(server: &Aimock) -> String {
    format!(
        r#"grants = ["http POST {}/** with mock"]

[credentials.mock]
source = "env:{KEY}"
inject = {{ header = "authorization", value = "Bearer {{}}" }}
"#,
        server.base_url()
    )
}

#[test]
fn a_credential_reaches_the_server_and_is_seen_nowhere() {
    let mut home = Home::new();
    let server = Aimock::start_with_key(home.root(), &conversation(), SECRET);
    launched(&home, &server, &with_key(&server));
    home.set(KEY, SECRET);
    let ran = prompt(&home);
    assert_eq!(ran.code, Some(0), "{ran}");

    let mut said = vec![ran.to_string()];
    let verbs: [&[&str]; 6] = [
        &["agent", "show", SESSION],
        &["agent", "events", SESSION],
        &["receipt", "list"],
        &["policy", "show"],
        &["grant", "list"],
        &["doctor"],
    ];
    for verb in verbs {
        said.push(home.ok(verb).to_string());
        said.push(home.json(verb).to_string());
    }
    for text in said {
        assert!(!text.contains(SECRET), "{text}");
    }
    let files = below(&home.root().join("home"));
    assert!(
        files.iter().any(|file| file.ends_with("store.db")),
        "{files:?}"
    );
    for file in files.iter().filter(|path| path.is_file()) {
        let bytes = std::fs::read(file).unwrap();
        let found = bytes
            .windows(SECRET.len())
            .any(|window| window == SECRET.as_bytes());
        assert!(!found, "the secret is in {}", file.display());
    }
}

#[test]
fn a_refused_credential_is_renewed_and_the_session_restarted() {
    let mut home = Home::new();
    let server = Aimock::start_with_key(home.root(), &conversation(), SECRET);
    launched(&home, &server, &with_key(&server));
    home.set(KEY, "sk-of-last-year");
    let ran = prompt(&home);
    assert_eq!(ran.code, Some(1), "{ran}");
    let expired = (
        "auth_expired".into(),
        "interrupted".into(),
        "auth_expired".into(),
    );
    assert_eq!(standing(&home, SESSION), expired, "{ran}");
    // The gate refused nothing; the provider did.
    assert_eq!(receipts(&home, &["--decision", "denied"]), [""; 0]);
    let recovery = home.json(["agent", "status", SESSION])["recovery"].to_string();
    assert!(recovery.contains("renew the credential"), "{recovery}");
    assert_eq!(
        prompt(&home).code,
        Some(2),
        "a session with an expired credential takes no prompt"
    );

    home.set(KEY, SECRET);
    run_printed(&home, &remedy(&ran));
    let ran = prompt(&home);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(
        standing(&home, SESSION),
        ("idle".into(), "completed".into(), String::new())
    );
}
