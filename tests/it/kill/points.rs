//! kill -9 at every passing of every named point.

use super::evidence::{Evidence, check_log};
use super::model::Pace;
use super::script::Script;
use super::seat::{House, Seat};
use super::victim::Victim;
use crate::support::{Ran, place};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use tollgate_receipts::Receipt;

/// What a kill at a point leaves of the effect that is being attempted there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// No intent without an outcome.
    Settled,
    /// An intent perhaps, and no effect.
    Perhaps,
    /// An intent, and no effect.
    Intent,
    /// An intent, and its effect.
    Effect,
    /// Outcomes that are on their way: perhaps an intent, with its effect.
    Late,
}

/// A point of a prompt: how often the short script passes it, and what a kill there leaves.
struct Point(&'static str, u32, Left);

/// Four turns with five calls, which attempt eight effects of the strict class; the list of tools is
/// a call, too.
const PROMPT: [Point; 19] = [
    Point("before_lease", 1, Left::Settled),
    Point("after_lease", 1, Left::Settled),
    Point("before_settled", 1, Left::Settled),
    Point("after_prompt_received", 1, Left::Settled),
    Point("before_provider_call", 4, Left::Settled),
    Point("after_provider_call", 4, Left::Settled),
    Point("after_provider_event", 4, Left::Settled),
    Point("before_tool_call", 5, Left::Settled),
    Point("gate.before_intent_durable", 8, Left::Perhaps),
    Point("gate.after_intent_durable", 8, Left::Intent),
    Point("gate.before_effect", 8, Left::Intent),
    Point("gate.after_effect", 8, Left::Effect),
    Point("sandbox.before_release", 10, Left::Late),
    Point("after_tool_call", 5, Left::Settled),
    Point("after_tool_event", 5, Left::Settled),
    Point("before_run_completed", 1, Left::Settled),
    Point("after_run_completed", 1, Left::Settled),
    Point("before_lease_release", 1, Left::Settled),
    Point("after_lease_release", 1, Left::Settled),
];
/// Points of other verbs.
const OTHERS: [&str; 3] = [
    "before_bind",
    "before_resolved",
    "between_stopping_and_stopped",
];
/// Cases at once. They share one store, so that each is also a neighbour of a crash.
const WORKERS: usize = 2;

#[test]
fn heavy_a_run_goes_on_after_a_kill_at_any_point() {
    let house = House::open(Script::short(), Pace::default(), |_| {});
    let cases = PROMPT.iter().flat_map(|Point(name, passings, left)| {
        (1..=*passings).map(move |nth| (*name, nth, *left))
    });
    let cases = Mutex::new(cases.collect::<Vec<_>>().into_iter());
    let count = cases.lock().unwrap().len();
    std::thread::scope(|threads| {
        for _ in 0..WORKERS {
            threads.spawn(|| {
                let next = || cases.lock().unwrap().next();
                while let Some((point, nth, left)) = next() {
                    prompt_killed_at(&house, point, nth, left);
                }
            });
        }
    });
    house.nothing_runs();
    check_log(&house);
    println!("{count} kills");
}

fn prompt_killed_at(house: &House, point: &str, nth: u32, left: Left) {
    let seat = house.seat(format!("{}_{nth}", point.replace('.', "_")));
    seat.launch();
    kill_at(seat.prompting(), point, nth);
    let killed = Evidence::of(&seat);
    let hidden = seat.look();
    left.check(&killed, &hidden, &format!("{point}:{nth}"));
    seat.resolve();
    let tally = seat.go_on();
    // One process died, so one call at most has an end that nobody saw.
    let case = format!("{point}:{nth} {tally:?}");
    assert!(tally.interrupted <= 1, "{case}");
    let in_a_tool = ["before_tool_call", "after_tool_call"].contains(&point);
    assert!(!in_a_tool || tally.interrupted == 1, "{case}");
    let in_the_gate = !hidden.is_empty() && hidden.iter().all(|one| one.plugin.name == "files");
    assert!(!in_the_gate || tally.interrupted == 1, "{case}");
}

impl Left {
    #[track_caller]
    fn check(self, killed: &Evidence, hidden: &[Receipt], case: &str) {
        assert!(hidden.len() <= 1, "{case}: {hidden:?}");
        let happened = match hidden {
            [] => None,
            [one] if one.plugin.name == "files" => killed.happened(one),
            _ => Some(killed.asked() == killed.intended_requests()),
        };
        match self {
            Self::Settled => assert_eq!(happened, None, "{case}"),
            Self::Perhaps => assert_ne!(happened, Some(true), "{case}"),
            Self::Intent => assert_eq!(happened, Some(false), "{case}"),
            Self::Effect => assert_eq!(happened, Some(true), "{case}"),
            Self::Late => assert_ne!(happened, Some(false), "{case}"),
        }
    }
}

#[track_caller]
pub(super) fn kill_at(command: std::process::Command, point: &str, nth: u32) {
    let mut victim = Victim::until(command, point, nth);
    victim.wait_stopped();
    assert!(victim.kill().is_none());
}

/// Who recovers may die as well, between any two of its writes.
#[test]
fn heavy_a_recovery_goes_on_after_a_kill() {
    let house = House::open(Script::short(), Pace::default(), |_| {});
    let first = [
        ("before_tool_call", 3),
        ("gate.before_effect", 4),
        ("gate.after_effect", 6),
    ];
    let second = [
        "before_lease",
        "after_lease",
        "before_settled",
        "before_lease_release",
        "after_lease_release",
    ];
    for (point, nth) in first {
        for again in second {
            let seat = house.seat(format!("{}_{again}", point.replace('.', "_")));
            seat.launch();
            kill_at(seat.prompting(), point, nth);
            kill_at(seat.command("status"), again, 1);
            let hidden = seat.look();
            assert_eq!(hidden.len(), usize::from(point != "before_tool_call"));
            if let Some(command) = seat.resolving() {
                kill_at(
                    command,
                    if again == "before_settled" {
                        "before_resolved"
                    } else {
                        again
                    },
                    1,
                );
                Evidence::of(&seat).check();
            }
            seat.resolve();
            assert_eq!(seat.go_on().interrupted, 1, "{}", seat.name);
        }
    }
    house.nothing_runs();
    check_log(&house);
}

/// Before its first prompt and after its last.
#[test]
fn heavy_a_launch_and_a_stop_go_on_after_a_kill() {
    let house = House::open(Script::short(), Pace::default(), |_| {});
    for point in [
        "before_lease",
        "after_lease",
        "before_bind",
        "after_lease_release",
    ] {
        let seat = house.seat(format!("launch_{point}"));
        kill_at(seat.launching(), point, 1);
        if point == "before_lease" {
            let ran = Ran::of(seat.command("status"));
            assert_eq!(ran.code, Some(2), "nothing was written yet: {ran}");
            seat.launch();
        }
        assert_eq!(seat.look(), []);
        assert_eq!(seat.go_on().interrupted, 0, "{point}");
    }
    for point in [
        "before_lease",
        "after_lease",
        "between_stopping_and_stopped",
        "before_lease_release",
    ] {
        let seat = house.seat(format!("stop_{point}"));
        seat.launch();
        seat.go_on();
        kill_at(seat.command("stop"), point, 1);
        let status = seat.status()["status"].clone();
        let begun = ["between_stopping_and_stopped", "before_lease_release"].contains(&point);
        assert_eq!(status, if begun { "stopped" } else { "idle" }, "{point}");
        finish(&seat, begun);
    }
    house.nothing_runs();
    check_log(&house);
}

fn finish(seat: &Seat<'_>, stopped: bool) {
    let verb = if stopped { "restart" } else { "stop" };
    let ran = Ran::of(seat.command(verb));
    assert_eq!(ran.code, Some(0), "{ran}");
    Evidence::of(seat).check();
}

/// A new point in the host is killed at, too, or this says so.
#[test]
fn every_stop_point_of_the_host_is_killed_at() {
    let mut there = BTreeSet::new();
    named_in(&place::repository().join("host"), &mut there);
    let killed: BTreeSet<String> = PROMPT
        .iter()
        .map(|Point(name, ..)| *name)
        .chain(OTHERS)
        .map(str::to_owned)
        .chain(killed_in_the_store())
        .collect();
    assert_eq!(there, killed);
}

/// The points at which the store's own tests kill.
fn killed_in_the_store() -> Vec<String> {
    let tests = place::repository().join("host/store/tests/it/kill.rs");
    let text = std::fs::read_to_string(tests).unwrap();
    let quoted = text.split('"').skip(1).step_by(2);
    let points = quoted.filter(|quoted| quoted.starts_with("store."));
    points.map(str::to_owned).collect()
}

/// The points that the sources below a directory name.
fn named_in(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named_in(&path, names);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let calls = text.split("stop_point(\"").skip(1);
            names.extend(calls.filter_map(|call| Some(call.split_once('"')?.0.to_owned())));
        }
    }
}
