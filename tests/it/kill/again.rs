//! What a crash has hidden is done again only where somebody has said so: an operator of the effect, or a grant
//! beforehand.

use super::model::Pace;
use super::points::kill_at;
use super::script::{LAST_WORDS, Script};
use super::seat::{House, Seat};
use crate::support::{Home, Ran};
use serde_json::Value;
use tollgate_receipts::Receipt;

/// The first effect of a tool: the second of the strict class, after the request that asks for it.
const FIRST_TOOL: u32 = 2;
const LONG: [&str; 2] = ["--max-iterations", "200"];

fn house() -> House {
    House::open(Script::short(), Pace::default(), |_| {})
}

/// A session whose first tool call was killed at a point.
fn killed<'h>(house: &'h House, name: &str, point: &str) -> Seat<'h> {
    let seat = house.seat(name);
    seat.launch();
    kill_at(seat.prompting(), point, FIRST_TOOL);
    seat
}

fn run(house: &House, words: &[&str]) -> Ran {
    Ran::of(house.home.command(words))
}

/// `agent continue`, to the last words of the script.
#[track_caller]
fn continued(seat: &Seat<'_>) {
    let mut command = seat.command("continue");
    command.args(LONG);
    let ran = Ran::of(command);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(ran.json()["output"], LAST_WORDS, "{ran}");
}

/// The first file of a session, and what the ledger says of those who would make it.
fn first_file(seat: &Seat<'_>) -> (bool, Vec<Receipt>) {
    let home = &seat.house.home;
    let name = format!("out/{}/1.txt", seat.name);
    let listed = home.json(["receipt", "list", "--session", &seat.name, "--kind", "fs"]);
    let receipts: Vec<Receipt> = serde_json::from_value(listed["receipts"].clone()).unwrap();
    let mut of_it: Vec<Receipt> = receipts
        .into_iter()
        .filter(|receipt| {
            let target = receipt.target.as_ref();
            target.is_some_and(|target| target.text == format!("/{name}"))
        })
        .collect();
    of_it.sort_by(|a, b| a.seqs.cmp(&b.seqs));
    (home.root().join(&name).exists(), of_it)
}

/// What the model was told last of its first step.
fn told(seat: &Seat<'_>) -> String {
    let asked = seat.house.model.asked_by(&seat.name);
    asked.last().unwrap().results()[&1].clone()
}

fn said(receipt: &Receipt) -> String {
    let resolved = receipt.resolved.as_ref();
    let detail = resolved.and_then(|resolved| resolved.outcome.detail.clone());
    detail.unwrap_or_default()
}

#[test]
fn an_operator_has_it_done_again() {
    let house = house();
    let seat = killed(&house, "again", "gate.after_intent_durable");
    let [receipt] = <[Receipt; 1]>::try_from(seat.look()).unwrap();
    let words = [
        "receipt",
        "resolve",
        &receipt.id,
        "--outcome",
        "retry",
        "--reason",
        "no such file",
    ];
    let ran = run(&house, &words);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(
        ran.stderr.contains("tollgate agent continue again"),
        "{ran}"
    );
    assert!(!first_file(&seat).0, "nobody has gone on yet");
    continued(&seat);
    let (made, receipts) = first_file(&seat);
    assert!(made);
    let [first, second] = <[Receipt; 2]>::try_from(receipts).unwrap();
    assert!(said(&first).starts_with("retry, says os:"), "{first:?}");
    assert_eq!(
        second.settled.unwrap().outcome.result,
        tollgate_receipts::OutcomeResult::Ok
    );
    assert!(!told(&seat).contains("[interrupted]"), "{}", told(&seat));
    house.home.ok(["ledger", "consistency"]);
}

/// The effect had happened: what is made again finds that out, and the model is told what was found.
#[test]
fn what_had_been_done_is_found_by_the_call_that_is_made_again() {
    let house = house();
    let seat = killed(&house, "found", "gate.after_effect");
    let [receipt] = <[Receipt; 1]>::try_from(seat.look()).unwrap();
    run(
        &house,
        &["receipt", "resolve", &receipt.id, "--outcome", "retry"],
    );
    continued(&seat);
    assert!(told(&seat).contains("exist"), "{}", told(&seat));
}

#[test]
fn without_a_word_the_model_hears_that_it_was_interrupted() {
    let house = house();
    let seat = killed(&house, "not", "gate.after_intent_durable");
    let [receipt] = <[Receipt; 1]>::try_from(seat.look()).unwrap();
    let refused = Ran::of(seat.command("continue"));
    assert_eq!(refused.code, Some(2), "{refused}");
    let remedy = format!("tollgate receipt resolve {}", receipt.id);
    assert_eq!(refused.error()["try"], remedy.as_str());
    run(
        &house,
        &["receipt", "resolve", &receipt.id, "--outcome", "not-done"],
    );
    continued(&seat);
    assert!(!first_file(&seat).0);
    let told = told(&seat);
    assert!(
        told.contains("[interrupted]") && told.contains("was not done, says an operator"),
        "{told}"
    );
    // The run has ended; there is nothing more to go on with.
    let refused = Ran::of(seat.command("continue"));
    assert_eq!(refused.code, Some(2), "{refused}");
}

/// The policy of the house with the grant to make files retryable, or a run-time grant that is.
#[test]
fn a_retryable_grant_needs_no_word() {
    let house = house();
    let root = house.home.root().to_str().unwrap().to_owned();
    let policy = std::fs::read_to_string(house.home.own().join("config/tollgate.toml")).unwrap();
    let plain = format!("\"fs.create {root}/out at /out\"");
    assert!(policy.contains(&plain));
    let retryable = format!("{{ allow = {plain}, retryable = true }}");
    house.home.policy(&policy.replace(&plain, &retryable));
    let seat = killed(&house, "policy", "gate.after_intent_durable");
    continued(&seat);
    let (made, receipts) = first_file(&seat);
    assert!(made);
    assert_eq!(said(&receipts[0]), "retry, says grant user:files:2");

    // The same by a grant that was given while the host runs, and no more once it is taken back.
    let capability = format!("fs.create {root}/out at /out");
    house
        .home
        .policy(&policy.replace(&format!(", {plain}"), ""));
    let add = ["grant", "add", "files", &capability, "--retryable"];
    let granted = house.home.json(add);
    assert_eq!(granted["retryable"], true, "{granted}");
    let id = granted["id"].as_str().unwrap();
    let seat = killed(&house, "runtime", "gate.after_intent_durable");
    continued(&seat);
    assert!(first_file(&seat).0);
    let (_, receipts) = first_file(&seat);
    assert_eq!(said(&receipts[0]), format!("retry, says grant {id}"));
    let seat = killed(&house, "revoked", "gate.after_intent_durable");
    house.home.ok(["grant", "revoke", id]);
    assert_eq!(seat.look().len(), 1, "an operator is asked");
}

/// The request of a provider is sent again by the run that goes on, so its grant may say so too.
#[test]
fn a_provider_is_asked_again_where_its_grant_says_so() {
    let house = house();
    let policy = std::fs::read_to_string(house.home.own().join("config/tollgate.toml")).unwrap();
    let port = house.model.port;
    let plain = format!("\"http POST http://127.0.0.1:{port}/v1/chat/completions\"");
    assert!(policy.contains(&plain));
    let retryable = format!("{{ allow = {plain}, retryable = true }}");
    house.home.policy(&policy.replace(&plain, &retryable));
    let seat = house.seat("asked");
    seat.launch();
    kill_at(seat.prompting(), "gate.after_intent_durable", 1);
    continued(&seat);
    assert!(first_file(&seat).0);
}

/// Nobody goes on with a call that has no session.
#[test]
fn a_call_without_a_session_is_not_made_again() {
    let home = Home::new();
    let root = home.root().to_str().unwrap().to_owned();
    home.policy(&format!(
        "version = 1\n[plugins.files]\ngrants = [\"fs.create {root}/work at /out\"]\n"
    ));
    home.ok(["auth", "login"]);
    let call = ["call", "files", "mkdir", "path=/out/a"];
    kill_at(home.command(call), "gate.after_intent_durable", 1);
    let listed = home.json(["receipt", "list", "--kind", "fs.mkdir"]);
    let last: &Value = listed["receipts"].as_array().unwrap().last().unwrap();
    let id = last["id"].as_str().unwrap();
    let refused = home.run(["receipt", "resolve", id, "--outcome", "retry"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(
        refused.stderr.contains("belongs to no session"),
        "{refused}"
    );
}

#[test]
fn a_grant_for_one_use_cannot_be_retryable() {
    let home = Home::new();
    let add = [
        "grant",
        "add",
        "files",
        "fs.read /srv at /srv",
        "--scope",
        "once",
        "--retryable",
    ];
    let refused = home.run(add);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("one use"), "{refused}");
}
