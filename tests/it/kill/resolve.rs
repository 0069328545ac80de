//! The way out of an effect whose end nobody saw: the command that is printed, typed as it stands.

use super::evidence::Evidence;
use super::model::Pace;
use super::points::kill_at;
use super::script::Script;
use super::seat::{House, Seat};
use crate::support::{Home, Ran};
use serde_json::Value;
use std::time::Duration;
use tollgate_receipts::Receipt;

/// The first effect of a tool: the second of the strict class, after the request that asks for it.
const FIRST_TOOL: u32 = 2;

/// The wall limit of a call in a test, and how much later what it has begun may end.
const WALL_AND_GRACE: Duration = Duration::from_millis(6_200);

/// A session whose tool was killed between the intent and the effect, and that effect.
fn killed<'h>(house: &'h House, name: &str) -> (Seat<'h>, Receipt) {
    let seat = house.seat(name);
    seat.launch();
    kill_at(seat.prompting(), "gate.after_intent_durable", FIRST_TOOL);
    let hidden = seat.look();
    let [receipt] = <[Receipt; 1]>::try_from(hidden).unwrap();
    assert_eq!(receipt.plugin.name, "files");
    (seat, receipt)
}

/// Runs the binary, to the end.
fn run(house: &House, words: &[&str]) -> Ran {
    Ran::of(house.home.command(words))
}

/// Every place that says how the session goes on.
fn printed(house: &House, seat: &Seat<'_>, receipt: &Receipt) -> Vec<String> {
    let line = |ran: &Ran, label: &str| {
        let found = ran.stdout.lines().find_map(|line| {
            let rest = line.strip_prefix(label)?;
            Some(rest.trim().to_owned())
        });
        found.unwrap_or_else(|| panic!("no {label:?}: {ran}"))
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let id = receipt.id.as_str();
    let explained = run(house, &["receipt", "explain", id]);
    vec![
        text(&Ran::of(seat.prompting()).error()["try"]),
        line(&run(house, &["agent", "status", &seat.name]), "to go on"),
        line(&run(house, &["agent", "show", &seat.name]), "to go on"),
        line(&run(house, &["receipt", "show", id]), "to go on"),
        line(&explained, "  tollgate").replacen("receipt", "tollgate receipt", 1),
        text(&house.home.json(["receipt", "explain", id])["command"]),
    ]
}

#[test]
fn the_printed_command_lets_a_session_go_on_as_it_stands() {
    let house = House::open(Script::short(), Pace::default(), |_| {});
    let (seat, receipt) = killed(&house, "printed");
    let printed = printed(&house, &seat, &receipt);
    let command = format!("tollgate receipt resolve {}", receipt.id);
    assert!(printed.iter().all(|one| *one == command), "{printed:#?}");
    let words = shlex::split(&command).unwrap();
    let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let ran = run(&house, &words);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stdout.contains("session printed is idle"), "{ran}");
    let explained = run(&house, &["receipt", "explain", &receipt.id]);
    assert!(
        explained.stdout.contains("unknown, says os:") && !explained.stdout.contains("To let"),
        "{explained}"
    );
    let again = run(&house, &words);
    assert_eq!(again.code, Some(2), "{again}");
    assert_eq!(seat.go_on().interrupted, 1);
}

#[test]
fn what_an_operator_found_and_how_is_in_the_ledger() {
    let house = House::open(Script::short(), Pace::default(), |_| {});
    let (seat, receipt) = killed(&house, "found");
    let words = [
        "receipt",
        "resolve",
        &receipt.id,
        "--outcome",
        "not-done",
        "--reason",
        "no such file",
    ];
    let ran = run(&house, &words);
    assert_eq!(ran.code, Some(0), "{ran}");
    let shown = house.home.json(["receipt", "show", &receipt.id]);
    let detail = shown["resolved"]["outcome"]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("not_done, says os:") && detail.ends_with(": no such file"),
        "{shown:#}"
    );
    assert_eq!(seat.go_on().interrupted, 1);
}

/// Killed between the ledger and the session, which then have heard different things.
#[test]
fn a_second_word_cannot_differ_from_the_one_in_the_ledger() {
    let house = House::open(Script::short(), Pace::default(), |_| {});
    for (name, second) in [("verbatim", None), ("equal", Some("done"))] {
        let (seat, receipt) = killed(&house, name);
        let id = receipt.id.as_str();
        let first = ["receipt", "resolve", id, "--outcome", "done"];
        kill_at(house.home.command(first), "before_resolved", 1);
        assert_eq!(seat.status()["status"], "blocked");

        let other = ["receipt", "resolve", id, "--outcome", "not-done", "--json"];
        let refused = run(&house, &other);
        assert_eq!(refused.code, Some(2), "{refused}");
        let error = refused.error();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("already: done, says os:"), "{refused}");
        let verbatim = format!("tollgate receipt resolve {id}");
        assert_eq!(error["try"], verbatim, "{refused}");
        assert_eq!(seat.status()["status"], "blocked", "nothing was written");

        let mut words = vec!["receipt", "resolve", id];
        words.extend(second.iter().flat_map(|second| ["--outcome", second]));
        let ran = run(&house, &words);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert_eq!(seat.status()["status"], "idle");
        assert_eq!(words_of(&seat), ["done"]);
        let evidence = Evidence::of(&seat);
        evidence.check();
        evidence.check_settled();
        assert_eq!(seat.go_on().interrupted, 1);
    }
}

/// What the session has heard of its effects.
fn words_of(seat: &Seat<'_>) -> Vec<String> {
    let events = Ran::of(seat.command("events")).json();
    let events = events["events"].as_array().unwrap().iter();
    let event = |event: &Value| event["record"]["event"].clone();
    let resolved = events
        .map(event)
        .filter(|event| event["type"] == "effect_resolved");
    resolved
        .map(|event| event["resolution"].as_str().unwrap().to_owned())
        .collect()
}

/// The ledger's word is all that is left of a removed session, and can still be given.
#[test]
fn an_effect_of_a_removed_session_is_resolved() {
    let house = House::open(Script::short(), Pace::default(), |_| {});
    let (seat, receipt) = killed(&house, "removed");
    let removed = run(&house, &["agent", "rm", &seat.name, "--force"]);
    assert_eq!(removed.code, Some(0), "{removed}");
    let ran = run(&house, &["receipt", "resolve", &receipt.id]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let shown = house.home.json(["receipt", "show", &receipt.id]);
    assert_eq!(shown["standing"], "settled", "{shown:#}");
    let again = run(&house, &["receipt", "resolve", &receipt.id]);
    assert_eq!(again.code, Some(2), "{again}");
    assert!(
        again.stderr.contains("resolved already: unknown"),
        "{again}"
    );
}

/// A call has no stored session that could find out that its host is gone.
#[test]
fn an_effect_of_a_lost_call_is_resolved_once_the_call_must_have_ended() {
    let home = Home::new();
    let root = home.root().to_str().unwrap().to_owned();
    home.policy(&format!(
        "version = 1\n[plugins.files]\ngrants = [\"fs.create {root}/work at /out\"]\nlimits = {{ wall = \"1s\" }}\n"
    ));
    home.ok(["auth", "login"]);
    let call = ["call", "files", "mkdir", "path=/out/a"];
    kill_at(home.command(call), "gate.after_intent_durable", 1);
    let listed = home.json(["receipt", "list", "--kind", "fs.mkdir"]);
    let receipt = listed["receipts"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(receipt["standing"], "open", "{listed:#}");
    let id = receipt["id"].as_str().unwrap();
    let explained = home.json(["receipt", "explain", id]);
    assert_eq!(
        explained["command"],
        format!("tollgate receipt resolve {id}")
    );
    let early = home.run(["receipt", "resolve", id]);
    assert_eq!(early.code, Some(2), "{early}");
    assert!(early.stderr.contains("may still be at work"), "{early}");
    std::thread::sleep(WALL_AND_GRACE);
    home.ok(["receipt", "resolve", id, "--outcome", "not-done"]);
    let shown = home.json(["receipt", "show", id]);
    assert_eq!(shown["standing"], "settled", "{shown:#}");
    let detail = shown["resolved"]["outcome"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("not_done, says os:"), "{shown:#}");
}
