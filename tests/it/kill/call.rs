//! kill -9 of single calls, twenty times at each boundary of an effect, with witnesses outside: the directory in
//! which files are made, and a server that counts what it is asked.

use super::victim::Victim;
use crate::support::server::{Answer, Server};
use crate::support::{Home, Ran, ledger};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KILLS: u32 = 20;
/// What an effect comes to: whether the ledger has an intent, whether it happened, whether the ledger has its outcome.
type Found = (bool, bool, bool);

/// An intent to touch a target, and what the ledger says came of it.
fn told(home: &Home, target: &str) -> (bool, Option<String>) {
    let entries = ledger::read(&home.own());
    let intent = entries.iter().find(|entry| {
        entry.text("/state") == "intended" && entry.text("/target/text").ends_with(target)
    });
    let result = intent.and_then(|intent| {
        entries.iter().find_map(|entry| {
            let is_its =
                entry.kind() == "outcome" && entry.text("/receipt") == intent.text("/receipt");
            is_its.then(|| entry.text("/outcome/result").to_owned())
        })
    });
    (intent.is_some(), result)
}

#[test]
fn a_file_is_made_only_behind_its_intent_wherever_the_call_is_killed() {
    let home = Home::new();
    let out = home.root().join("out");
    std::fs::create_dir_all(&out).unwrap();
    let grant = format!("fs.create {} at /out", out.display());
    let writing = |name: &str| {
        let (path, content) = (format!("path=/out/{name}"), format!("content={name}"));
        home.command(["call", "files", "write", &path, &content, "--grant", &grant])
    };
    let mut seen: BTreeMap<(&str, Found), u32> = BTreeMap::new();
    for point in [
        "gate.before_intent_durable",
        "gate.after_intent_durable",
        "gate.before_effect",
        "gate.after_effect",
        "store.before_commit",
        "store.after_commit",
        "sandbox.before_release",
    ] {
        for n in 0..KILLS {
            let name = format!("{}-{n}", point.replace('.', "-"));
            let nth = match point {
                // What the plugin was asked for its tools leaves the host first.
                "sandbox.before_release" => 3,
                // A call commits what it begins, its intent, and what came of it.
                "store.before_commit" | "store.after_commit" => 1 + n % 5,
                _ => 1,
            };
            let mut victim = Victim::until(writing(&name), point, nth);
            let stopped = victim.stops();
            assert!(stopped || nth > 2, "{name}: it never came to its point");
            victim.kill();
            let made = out.join(&name).exists();
            let (intended, result) = told(&home, &format!("/{name}"));
            assert!(!made || intended, "{name}: an effect without an intent");
            if let Some(result) = &result {
                assert!(made && result == "ok", "{name}: {result}, made: {made}");
            }
            *seen
                .entry((point, (intended, made, result.is_some())))
                .or_default() += 1;
        }
    }
    println!("{seen:#?}");
    let only = |point: &str| -> Vec<Found> {
        let of_it = seen.keys().filter(|(at, _)| *at == point);
        of_it.map(|(_, found)| *found).collect()
    };
    assert_eq!(only("gate.before_intent_durable"), [(false, false, false)]);
    assert_eq!(only("gate.after_intent_durable"), [(true, false, false)]);
    assert_eq!(only("gate.before_effect"), [(true, false, false)]);
    assert_eq!(only("gate.after_effect"), [(true, true, false)]);
    // What came of it is on its way, or there.
    for found in only("sandbox.before_release") {
        assert!(matches!(found, (true, true, _)), "{found:?}");
    }
    let commits = only("store.before_commit");
    assert!(commits.contains(&(false, false, false)), "{commits:?}");
    assert!(commits.iter().any(|found| found.1), "{commits:?}");
    // The store is as good as before.
    home.ok(["ledger", "consistency"]);
    assert_eq!(Ran::of(writing("last")).code, Some(0));
    let listed = home.json(["receipt", "list", "--limit", "1000", "--kind", "fs.create"]);
    for receipt in listed["receipts"].as_array().unwrap() {
        let target = receipt["target"]["text"].as_str().unwrap();
        let made = out.join(target.trim_start_matches("/out/")).exists();
        let settled = receipt["settled"]["outcome"]["result"] == "ok";
        assert!(!settled || made, "{receipt}");
    }
}

#[test]
fn a_request_is_sent_once_and_only_behind_its_intent_wherever_the_call_is_killed() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let server = {
        let lines = Arc::clone(&lines);
        Server::start(move |request| {
            lines.lock().unwrap().push(request.line.clone());
            std::thread::sleep(Duration::from_millis(300));
            Answer::ok("hello")
        })
    };
    let home = Home::new();
    let base = format!("http://127.0.0.1:{}", server.port);
    let grant = format!("http GET {base}/**");
    for n in 0..KILLS {
        let url = format!("url={base}/{n}");
        let call = home.command(["call", "fetch", "fetch", &url, "--grant", &grant]);
        let mut victim = Victim::start(call);
        let path = format!("/{n}");
        let asked = || {
            let lines = lines.lock().unwrap();
            let is_its = |line: &&String| line.split_whitespace().any(|word| word == path);
            lines.iter().filter(is_its).count()
        };
        while asked() == 0 {
            assert!(!victim.has_ended(), "it was never asked for {path}");
            std::thread::sleep(Duration::from_millis(1));
        }
        // In the middle of the exchange.
        assert!(victim.kill().is_none());
        let (intended, result) = told(&home, &format!("{}{path}", server.port));
        assert!(intended, "{path}: sent without an intent");
        assert_eq!(result, None, "{path}: an outcome that nobody saw");
        assert_eq!(asked(), 1, "{path}");
    }
    home.ok(["ledger", "consistency"]);
    assert_eq!(lines.lock().unwrap().len() as u32, KILLS);
}
