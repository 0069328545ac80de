//! Calls that are made again after a crash: by an operator's word, or by a grant's.

use super::world::*;
use crate::driver::*;
use crate::event::Event;
use crate::status::*;
use std::time::Duration;
use tollgate_contract::ContentBlock;
use tollgate_receipts::OutcomeResult;

/// A session whose host died in a tool call of which effects are open; the call, and another host.
async fn lost(mode: &str, receipts: &[&str], grants: &[&str]) -> (String, World) {
    let world = World::new();
    world.launch(mode).await;
    world.answers(vec![ask(&[("t1", "files__write", r#"{"n":1}"#)])]);
    *world.script.hangs.lock().unwrap() = Some("write".into());
    let dying = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for receipt in receipts {
            world.leave_intent_of(receipt, &call(&world));
        }
        world.store.die();
    };
    tokio::select! {
        biased;
        _ = world.prompt("write") => panic!("it hangs"),
        () = dying => {}
    }
    *world.script.hangs.lock().unwrap() = None;
    *world.script.retryable.lock().unwrap() = grants.iter().map(|&id| id.to_owned()).collect();
    (call(&world), world.beside("host_b"))
}

/// The tool call that was begun last.
fn call(world: &World) -> String {
    let begun = world.events().into_iter().rev().find_map(|event| {
        let Event::ToolStarted { call, .. } = event else {
            return None;
        };
        Some(call)
    });
    begun.unwrap()
}

async fn resolve(world: &World, receipt: &str, word: Resolution) -> Result<Resolved, DriverError> {
    let work = work(RunOptions::default());
    world
        .driver
        .resolve(&id(), receipt, said(word), &work)
        .await
}

/// How the model was answered, and how often the tool was called.
async fn goes_on(world: &World) -> (String, usize) {
    let work = work(RunOptions::default());
    let report = ran(world.driver.continue_run(&id(), &work).await);
    assert_eq!(report.status, RunStatus::Completed);
    (answer(world), world.script.called.lock().unwrap().len())
}

fn answer(world: &World) -> String {
    let requests = world.script.requests.lock().unwrap();
    let blocks = requests.last().unwrap().messages.iter().rev();
    let text = blocks
        .flat_map(|message| &message.content)
        .find_map(|block| match block {
            ContentBlock::ToolResult { text, .. } => Some(text.clone()),
            _ => None,
        });
    text.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_operator_has_a_call_made_again() {
    let (_, world) = lost("interactive", &["r1", "r2"], &[]).await;
    assert_eq!(world.status().await.status, Status::Blocked);
    resolve(&world, "r1", Resolution::NotDone).await.unwrap();
    let settled = resolve(&world, "r2", Resolution::Retry).await.unwrap();
    assert!(matches!(settled, Resolved::Settled(record) if record.status == Status::Idle));
    assert_eq!(goes_on(&world).await, ("done".to_owned(), 2));
    let ended = world.status().await;
    assert!(ended.unresolved.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_not_done_again_whatever_else_may_be() {
    for words in [
        [Resolution::Retry, Resolution::Done],
        [Resolution::Done, Resolution::Retry],
        [Resolution::Unknown, Resolution::Retry],
    ] {
        let (call, world) = lost("interactive", &["r1", "r2"], &[]).await;
        world.status().await;
        for (receipt, word) in ["r1", "r2"].into_iter().zip(words) {
            resolve(&world, receipt, word).await.unwrap();
        }
        let (answer, calls) = goes_on(&world).await;
        assert_eq!(calls, 1, "{words:?}");
        assert!(answer.starts_with("[interrupted]") && answer.contains(&call));
        let known = words.contains(&Resolution::Done);
        assert_eq!(
            answer.contains("was done, says an operator"),
            known,
            "{answer}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_performed_more_is_not_made_again() {
    let (call, world) = lost("interactive", &["r1"], &["g1"]).await;
    let performed = vec!["r_earlier".to_owned()];
    let key = (id().to_string(), call);
    world.store.disk().performed.insert(key, performed);
    // Neither by the grant,
    assert_eq!(world.status().await.unresolved, ["r1"]);
    let before = world.event_names().len();
    // nor by a word.
    let refused = resolve(&world, "r1", Resolution::Retry).await.unwrap_err();
    let DriverError::NotRepeatable { why, .. } = refused else {
        panic!("{refused}");
    };
    assert!(why.contains("r_earlier"), "{why}");
    assert_eq!(world.event_names().len(), before);
    assert_eq!(world.store.disk().outcomes.len(), 1);
    resolve(&world, "r1", Resolution::Done).await.unwrap();
    assert_eq!(goes_on(&world).await.1, 1);
}

#[tokio::test(start_paused = true)]
async fn an_effect_of_a_call_that_has_come_back_is_not_repeated() {
    let world = World::new();
    world.launch("interactive").await;
    world.leave_intent("r_late");
    refused(world.prompt("next").await.unwrap_err());
    assert_eq!(world.status().await.status, Status::Blocked);
    let refused = resolve(&world, "r_late", Resolution::Retry)
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, DriverError::NotRepeatable { why, .. } if why.contains("come back")),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_grant_lets_a_call_be_made_again_without_a_word() {
    let (_, world) = lost("interactive", &["r1"], &["g1"]).await;
    let record = world.status().await;
    assert_eq!(record.status, Status::Idle);
    let outcomes = world.store.disk().outcomes.clone();
    let told = [OutcomeResult::Indeterminate, OutcomeResult::Resolved];
    assert_eq!(outcomes, told.map(|result| ("r1".to_owned(), result)));
    let heard = world.driver.store.resolution(&id(), "r1").unwrap().unwrap();
    assert_eq!(heard.detail, "retry, says grant g1");
    assert_eq!(goes_on(&world).await, ("done".to_owned(), 2));
}

#[tokio::test(start_paused = true)]
async fn the_grant_of_another_effect_does_not() {
    let (_, world) = lost("interactive", &["r1"], &["g2"]).await;
    assert_eq!(world.status().await.unresolved, ["r1"]);
}

#[tokio::test(start_paused = true)]
async fn a_background_run_goes_on_by_its_grant() {
    let (_, world) = lost("autonomous,background", &["r1"], &["g1"]).await;
    let record = world.status().await;
    assert_eq!(record.status, Status::Running);
    let names = world.event_names();
    let expected = [
        "owner_lost",
        "run_taken",
        "effects_indeterminate",
        "effect_resolved",
        "run_resumed",
    ];
    assert_eq!(names[names.len() - expected.len()..], expected);
    // A foreground one has nobody to go on with it but an operator.
    let (_, world) = lost("background", &["r1"], &["g1"]).await;
    let record = world.status().await;
    assert_eq!(record.status_reason.as_deref(), Some("stale_pid"));
    assert!(record.unresolved.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_autonomous_session_is_kept_for_what_shall_be_made_again() {
    for (word, status) in [
        (Resolution::Retry, Status::Idle),
        (Resolution::NotDone, Status::Archived),
    ] {
        let (_, world) = lost("autonomous", &["r1"], &[]).await;
        world.status().await;
        let settled = resolve(&world, "r1", word).await.unwrap();
        assert!(matches!(settled, Resolved::Settled(record) if record.status == status));
        if status == Status::Idle {
            assert_eq!(goes_on(&world).await.1, 2);
            assert_eq!(world.status().await.status, Status::Archived);
        }
    }
}
