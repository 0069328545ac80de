//! Calls of a provider: tries, bounds in time, the circuit breaker, pieces that do not count.

use super::world::*;
use crate::driver::*;
use crate::event::Event;
use crate::observe::{Progress, RunObserver};
use crate::record::RunReport;
use crate::retry::{BREAKER_FAILURES, BREAKER_OPEN};
use crate::status::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_contract::{Delta, ProviderError, SessionId};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn limited(retry_after_ms: u64) -> ProviderError {
    ProviderError::RateLimited {
        message: "slower".into(),
        retry_after_ms: Some(retry_after_ms),
    }
}

async fn detail(world: &World) -> String {
    let recovery = world.status().await.recovery.unwrap();
    recovery.detail.unwrap()
}

/// The label and the host's words of each failed call.
fn failures(world: &World) -> Vec<(String, Option<String>)> {
    let events = world.events().into_iter();
    events
        .filter_map(|event| match event {
            Event::ProviderFailed { error, detail, .. } => Some((error, detail)),
            _ => None,
        })
        .collect()
}

/// What it was told, in order.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl RunObserver for Told {
    fn progress(&self, progress: &Progress<'_>) {
        let line = match progress {
            Progress::Turn { turn, attempt } => format!("turn {turn}, try {attempt}"),
            Progress::Retry { error, wait } => format!("{error}, again in {wait:?}"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }

    fn delta(&self, _: &Delta) {
        self.0.lock().unwrap().push("piece".into());
    }

    fn discarded(&self, pieces: u64) {
        self.0.lock().unwrap().push(format!("not {pieces}"));
    }
}

async fn watched(world: &World) -> (RunReport, Vec<String>) {
    let told = Arc::new(Told::default());
    let work = Work {
        observer: told.clone(),
        ..work(RunOptions::default())
    };
    let request = PromptRequest {
        text: "try".into(),
        wait_max: None,
    };
    let report = ran(world.driver.prompt(&id(), &request, &work).await);
    let lines = told.0.lock().unwrap().clone();
    (report, lines)
}

#[tokio::test(start_paused = true)]
async fn each_try_is_a_call_of_its_own_and_pieces_of_a_failed_one_do_not_count() {
    let world = World::new();
    world.launch("interactive").await;
    world.paces(vec![Pace::of(&[0, 1], 1), Pace::of(&[], 1)]);
    world.answers(vec![
        fails(unavailable()),
        fails(unavailable()),
        say("at last"),
    ]);
    let started = tokio::time::Instant::now();
    let (report, told) = watched(&world).await;
    assert_eq!(report.status, RunStatus::Completed);
    assert_eq!(
        told,
        [
            "turn 1, try 1",
            "piece",
            "piece",
            "not 2",
            "unavailable, again in 500ms",
            "turn 1, try 2",
            "unavailable, again in 1s",
            "turn 1, try 3",
            "piece"
        ]
    );
    assert!(started.elapsed() >= Duration::from_millis(4_500));
    let mut calls: Vec<_> = world
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::ProviderStarted { call, attempt, .. } => Some((attempt, call)),
            _ => None,
        })
        .collect();
    assert_eq!(calls.len(), 3);
    calls.sort_by(|a, b| a.1.cmp(&b.1));
    calls.dedup_by(|a, b| a.1 == b.1);
    assert_eq!(calls.len(), 3, "each has its own id");
    assert_eq!(world.status().await.links.environment_receipts.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_too_long_is_given_up_at_once_and_said() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![fails(limited(3_600_000))]);
    let started = tokio::time::Instant::now();
    let report = world.run("try").await;
    assert_eq!(report.session_status, Status::ProviderUnavailable);
    assert_eq!((world.asked(), started.elapsed() < secs(1)), (1, true));
    assert_eq!(
        detail(&world).await,
        "the provider asked to wait 3600 s, and 30 s is the most that is waited"
    );
}

#[tokio::test(start_paused = true)]
async fn tries_end_at_the_total_time() {
    let mut world = World::new();
    world.driver.settings.retry.total_max = secs(50);
    world.launch("interactive").await;
    world.answers(vec![fails(limited(20_000)); 4]);
    let report = world.run("try").await;
    assert_eq!(report.session_status, Status::ProviderUnavailable);
    assert_eq!(world.asked(), 3);
    assert_eq!(
        detail(&world).await,
        "the provider did not answer within 50 s, retries included"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_at_a_bound_in_time_is_dropped_and_tried_again() {
    let world = World::new();
    world.launch("interactive").await;
    let steady = [59; 11];
    world.paces(vec![
        Pace::of(&[61], 0),
        Pace::of(&[59, 1], 61),
        Pace::of(&steady, 0),
        Pace::of(&[7, 50], 50),
    ]);
    world.answers(vec![say("in time")]);
    let (report, told) = watched(&world).await;
    assert_eq!(report.status, RunStatus::Completed);
    assert_eq!(*world.script.dropped.lock().unwrap(), 3);
    let words = |text: &str| ("unavailable".to_owned(), Some(text.to_owned()));
    assert_eq!(
        failures(&world),
        [
            words("no first token within 60 s"),
            words("nothing for 60 s in the middle of the answer"),
            words("no whole answer within 600 s"),
        ]
    );
    let discarded: Vec<_> = told.iter().filter(|line| line.starts_with("not")).collect();
    assert_eq!(discarded, ["not 2", "not 10"]);
    assert_eq!(report.provider_receipts[0].first_token_ms, Some(7_000));
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_call_had_begun_settles_before_the_next_try() {
    let world = World::new();
    world.launch("interactive").await;
    world.paces(vec![Pace::of(&[], 3_600), Pace::of(&[], 0)]);
    let request_under_way = async {
        tokio::time::sleep(secs(1)).await;
        world.leave_intent("r1");
        tokio::time::sleep(secs(62)).await;
        assert_eq!(world.asked(), 1, "the first has not settled");
        world.store.disk().intents.clear();
    };
    let started = tokio::time::Instant::now();
    let (report, ()) = tokio::join!(world.run("try"), request_under_way);
    assert_eq!((report.status, world.asked()), (RunStatus::Completed, 2));
    assert!(started.elapsed() < secs(64));
}

#[tokio::test(start_paused = true)]
async fn which_bound_it_was_is_said_when_it_is_given_up() {
    let mut world = World::new();
    world.driver.settings.retry.attempts_max = 1;
    world.launch("interactive").await;
    world.paces(vec![Pace::of(&[], 3_600)]);
    let report = world.run("try").await;
    assert_eq!(report.session_status, Status::ProviderUnavailable);
    assert!(
        report
            .message
            .unwrap()
            .contains("no first token within 60 s")
    );
    assert_eq!(
        detail(&world).await,
        "the provider did not answer, retries included (1 calls): no first token within 60 s"
    );
}

#[tokio::test(start_paused = true)]
async fn without_pieces_the_answer_is_the_first_token() {
    let world = World::new();
    world.launch("interactive").await;
    world.paces(vec![Pace::of(&[], 42)]);
    world.answers(vec![say("ok")]);
    let report = world.run("try").await;
    assert_eq!(report.provider_receipts[0].first_token_ms, Some(42_000));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_tells_that_its_pieces_do_not_count() {
    let world = World::new();
    world.launch("interactive").await;
    world.paces(vec![Pace::of(&[0], 50)]);
    let stop = async {
        tokio::time::sleep(secs(2)).await;
        world
            .beside("host_b")
            .driver
            .stop(&id(), None)
            .await
            .unwrap()
    };
    let ((report, told), _) = tokio::join!(watched(&world), stop);
    assert_eq!(report.status, RunStatus::Cancelled);
    assert_eq!(told, ["turn 1, try 1", "piece", "not 1"]);
}

/// A second session of the same process and its prompt.
async fn elsewhere(world: &World, name: &str, model: Option<&str>) -> RunReport {
    let session = SessionId::new(name).unwrap();
    let launch = Launch {
        session: Some(session.clone()),
        project: "p".into(),
        provider: "openai".into(),
        model: model.map(str::to_owned),
        ..Launch::default()
    };
    world.driver.launch(launch).await.unwrap();
    let request = PromptRequest {
        text: "try".into(),
        wait_max: None,
    };
    let work = work(RunOptions::default());
    ran(world.driver.prompt(&session, &request, &work).await)
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_fails_at_once_for_every_session_until_a_call_finds_out() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![fails(unavailable()); BREAKER_FAILURES as usize]);
    world.run("four calls").await;
    world.driver.restart(&id(), None).await.unwrap();
    // The fifth opens it, and the sixth is not made.
    let report = world.run("once more").await;
    assert_eq!(world.asked(), 5);
    assert_eq!(
        (report.session_status, report.reason.as_deref()),
        (Status::ProviderUnavailable, Some("provider_unavailable"))
    );
    assert!(
        detail(&world)
            .await
            .starts_with("circuit open, next probe in ")
    );

    let report = elsewhere(&world, "second", None).await;
    assert_eq!(world.asked(), 5, "no call was made");
    assert_eq!(report.session_status, Status::ProviderUnavailable);
    assert!(
        report
            .message
            .unwrap()
            .starts_with("openai was not asked: circuit open")
    );
    // Another model has a circuit of its own.
    let report = elsewhere(&world, "third", Some("small")).await;
    assert_eq!((report.status, world.asked()), (RunStatus::Completed, 6));

    tokio::time::sleep(BREAKER_OPEN).await;
    world.driver.restart(&id(), None).await.unwrap();
    assert_eq!(world.run("again").await.status, RunStatus::Completed);
    assert_eq!(world.asked(), 7);
    assert_eq!(world.run("and again").await.status, RunStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn what_the_gate_refused_opens_no_circuit() {
    let world = World::new();
    world.launch("interactive").await;
    let mut hidden = fails(unavailable());
    hidden.as_mut().unwrap().evidence.denied = 1;
    for _ in 0..2 * BREAKER_FAILURES {
        world.answers(vec![hidden.clone()]);
        assert_eq!(world.run("try").await.reason.as_deref(), Some("denied"));
    }
    assert_eq!(world.run("allowed").await.status, RunStatus::Completed);
}
