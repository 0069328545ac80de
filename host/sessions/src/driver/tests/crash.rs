//! Processes that die, at every write.

use super::world::*;
use crate::driver::*;
use crate::event::{Event, RunTerms};
use crate::record::RunReport;
use crate::status::*;
use std::collections::BTreeSet;
use std::time::Duration;
use tollgate_receipts::OutcomeResult;

/// What the journal says was completed: requests whose call came back.
fn completed(world: &World) -> BTreeSet<String> {
    world
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::ToolCompleted {
                tool_use,
                outcome: ToolOutcome::Ok,
                ..
            } => Some(tool_use),
            _ => None,
        })
        .collect()
}

fn arguments(world: &World) -> Vec<String> {
    world
        .script
        .called
        .lock()
        .unwrap()
        .iter()
        .map(|(_, json)| json.clone())
        .collect()
}

fn script(world: &World) {
    *world.script.by_turn.lock().unwrap() = vec![
        ask(&[
            ("t1", "files__read", r#"{"use":"t1"}"#),
            ("t2", "files__write", r#"{"use":"t2"}"#),
        ]),
        ask(&[("t3", "files__write", r#"{"use":"t3"}"#)]),
        say("all done"),
        say("all done"),
        say("all done"),
        say("all done"),
    ];
}

/// The process dies with its n-th write, for every n. Another goes on, and no call that came back is
/// made again.
#[tokio::test(start_paused = true)]
async fn no_completed_call_is_made_again_wherever_the_process_dies() {
    let mut deaths = 0;
    for n in 1..200 {
        let world = World::new();
        script(&world);
        world.store.disk().dies_after = Some(("host_a".into(), n));
        let launch = Launch {
            session: Some(id()),
            provider: "openai".into(),
            ..Launch::default()
        };
        let launched = world.driver.launch(launch).await;
        let prompted = world.prompt("three files").await;
        if !world.store.is_dead() {
            assert!(launched.is_ok() && prompted.is_ok());
            break;
        }
        deaths += 1;
        let before = completed(&world);
        let called_before = arguments(&world);

        let other = world.beside("host_b");
        let status = other.status().await;
        assert!(
            matches!(status.status, Status::Idle | Status::Unbound),
            "{n}: {}",
            status.status
        );
        let continued = other
            .driver
            .continue_run(&id(), &work(RunOptions::default()))
            .await;
        if continued.is_err() {
            // There was nothing to continue: the run had ended, or none had begun.
            let report = other.run("go on").await;
            assert_eq!(report.status, RunStatus::Completed, "{n}");
        }
        let status = other.status().await;
        assert_eq!((status.status, status.lease), (Status::Idle, None), "{n}");
        for tool_use in &before {
            let made = |all: &[String]| {
                all.iter()
                    .filter(|json| json.contains(tool_use.as_str()))
                    .count()
            };
            assert_eq!(
                made(&arguments(&world)),
                made(&called_before),
                "{n}: {tool_use} again"
            );
        }
        let made = arguments(&world);
        assert_eq!(
            made.iter().collect::<BTreeSet<_>>().len(),
            made.len(),
            "{n}: {made:?}"
        );
    }
    assert!(deaths > 12, "died only {deaths} times");
}

#[tokio::test(start_paused = true)]
async fn open_intents_become_indeterminate_before_anything_goes_on() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![ask(&[("t1", "files__write", "{}")])]);
    *world.script.hangs.lock().unwrap() = Some("write".into());
    let dying = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.leave_intent("r_open");
        world.store.die();
    };
    let session = id();
    tokio::select! {
        biased;
        _ = world.prompt("write") => panic!("it hangs"),
        () = dying => {}
    }
    let other = world.beside("host_b");
    let record = other.status().await;
    assert_eq!(record.status_reason.as_deref(), Some("indeterminate"));
    assert_eq!(record.unresolved, ["r_open"]);
    assert_eq!(
        record.last_run.unwrap().reason.as_deref(),
        Some("host_lost")
    );
    assert_eq!(
        other.store.disk().outcomes,
        [("r_open".to_owned(), OutcomeResult::Indeterminate)]
    );
    let why = refused(other.prompt("next").await.unwrap_err());
    assert!(why.contains("tollgate receipt resolve r_open"), "{why}");
    refused(
        other
            .driver
            .resolve(
                &session,
                "r_else",
                said(Resolution::Done),
                &work(RunOptions::default()),
            )
            .await
            .unwrap_err(),
    );
    let resolved = other
        .driver
        .resolve(
            &session,
            "r_open",
            said(Resolution::NotDone),
            &work(RunOptions::default()),
        )
        .await
        .unwrap();
    assert!(matches!(resolved, Resolved::Settled(record) if record.status == Status::Idle));
    assert_eq!(other.store.disk().outcomes.len(), 2);
    assert_eq!(other.run("next").await.status, RunStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_background_owner_that_dies_leaves_a_failed_session() {
    let world = World::new();
    world.launch("background").await;
    world.answers(vec![ask(&[("t1", "files__read", "{}")])]);
    *world.script.hangs.lock().unwrap() = Some("read".into());
    tokio::select! {
        biased;
        _ = world.prompt("read") => panic!("it hangs"),
        () = async { tokio::time::sleep(Duration::from_secs(1)).await; world.store.die(); } => {}
    }
    let record = world.beside("host_b").status().await;
    assert_eq!(record.status_reason.as_deref(), Some("stale_pid"));
    assert_eq!(record.notes, ["the process that owned it is gone"]);
    assert_eq!(record.last_run.unwrap().status, RunStatus::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_lost_its_lease_stops_and_writes_nothing() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![ask(&[("t1", "files__read", "{}")])]);
    *world.script.hangs.lock().unwrap() = Some("read".into());
    let other = world.beside("host_b");
    let seizing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // As if the owner had been asleep: it does not hear the request to let go.
        let lease = other.driver.store.lease(&id()).unwrap();
        drop(other.driver.take(&id(), &lease).await.unwrap());
        other.event_names().len()
    };
    let (prompted, events) = tokio::join!(world.prompt("read"), seizing);
    let error = prompted.unwrap_err().to_string();
    assert!(error.contains("owned by another process"), "{error}");
    assert_eq!(other.event_names().len(), events);
    assert_eq!(other.status().await.status, Status::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_stale_endpoint_is_found_by_status() {
    let world = World::new();
    let launch = Launch {
        session: Some(id()),
        provider: "openai".into(),
        endpoint_url: Some("http://127.0.0.1:1".into()),
        mode: "background".parse().unwrap(),
        ..Launch::default()
    };
    world.driver.launch(launch).await.unwrap();
    let record = world.status().await;
    assert_eq!(record.status_reason.as_deref(), Some("stale_endpoint"));
    assert_eq!(record.recovery.unwrap().action, "restart");
}

/// A background run parks where its owner died with an effect open.
async fn parked(terms: RunTerms) -> World {
    let world = World::new();
    world.launch("autonomous,background").await;
    *world.script.hangs.lock().unwrap() = Some("write".into());
    let dying = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.leave_intent("r_open");
        world.store.die();
    };
    world.answers(vec![
        ask(&[("t1", "files__read", "{}")]),
        ask(&[("t2", "files__write", "{}")]),
    ]);
    tokio::select! {
        biased;
        _ = world.prompt_with("write", on_terms(terms)) => panic!("it hangs"),
        () = dying => {}
    }
    *world.script.hangs.lock().unwrap() = None;
    world.beside("host_b")
}

/// Resolves with the terms of nobody.
async fn resolved(world: &World) -> RunReport {
    let record = world.status().await;
    assert_eq!(record.status_reason.as_deref(), Some("indeterminate"));
    assert!(record.current_run.is_some());
    let anybody = work(RunOptions::default());
    let word = Word::default();
    match world
        .driver
        .resolve(&id(), "r_open", word, &anybody)
        .await
        .unwrap()
    {
        Resolved::Ran(report) => *report,
        other => panic!("no run: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_run_goes_on_with_its_own_turns() {
    let terms = |iterations_max| RunTerms {
        iterations_max,
        ..RunTerms::default()
    };
    let more = || {
        (3..12)
            .map(|n| ask(&[(&format!("t{n}"), "files__read", "{}")]))
            .collect()
    };
    let world = parked(terms(3)).await;
    world.answers(more());
    let report = resolved(&world).await;
    assert_eq!(report.reason.as_deref(), Some("max_iterations"));
    assert_eq!(report.turns, 3, "the two before are counted");
    let world = parked(terms(9)).await;
    world.answers(more());
    assert_eq!(resolved(&world).await.turns, 9);
}

#[tokio::test(start_paused = true)]
async fn a_parked_run_goes_on_with_its_own_budget_and_rules() {
    let terms = RunTerms {
        token_budget: Some(60),
        ..RunTerms::default()
    };
    let world = parked(terms).await;
    let report = resolved(&world).await;
    assert_eq!(report.reason.as_deref(), Some("token_budget"));
    let terms = RunTerms {
        effect_budget: Some(EFFECTS_MAX + 3),
        ..RunTerms::default()
    };
    let world = parked(terms).await;
    world.answers(vec![
        ask(&[("t3", "files__read", r#"{"n":3}"#)]),
        ask(&[("t4", "files__read", r#"{"n":4}"#)]),
    ]);
    let tools = [tool_attempted(3), tool_attempted(1)];
    world.script.tools.lock().unwrap().extend(tools);
    let report = resolved(&world).await;
    assert_eq!(report.reason.as_deref(), Some("effect_budget"));
    // The call whose end nobody saw counts with all that it had reserved.
    let bounds = world.script.bounds.lock().unwrap().clone();
    assert_eq!(bounds, [Some(EFFECTS_MAX), Some(EFFECTS_MAX), Some(3)]);
    let terms = RunTerms {
        on_denied: OnDenied::Block,
        ..RunTerms::default()
    };
    let world = parked(terms).await;
    world.answers(vec![ask(&[("t3", "files__write", "{}")])]);
    world.script.tools.lock().unwrap().clear();
    world.script.tools.lock().unwrap().push_back(tool_denied());
    let report = resolved(&world).await;
    assert_eq!(report.reason.as_deref(), Some("denied"));
}
