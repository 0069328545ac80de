//! Runs: tools, bounds, budgets, denials.

use super::world::*;
use crate::driver::*;
use crate::event::{Event, RunTerms};
use crate::status::*;
use tollgate_contract::{ContentBlock, Role};

#[tokio::test(start_paused = true)]
async fn tools_answer_and_the_model_goes_on() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![
        ask(&[
            ("t1", "files__read", r#"{"path":"a"}"#),
            ("t2", "files__write", ""),
        ]),
        say("both done"),
    ]);
    let report = world.run("two things").await;
    assert_eq!((report.status, report.turns), (RunStatus::Completed, 2));
    assert_eq!((report.usage.input, report.usage.output), (20, 10));
    let outcomes: Vec<_> = report
        .tool_calls
        .iter()
        .map(|c| (c.tool.as_str(), c.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [("read", ToolOutcome::Ok), ("write", ToolOutcome::Ok)]
    );
    assert_eq!(
        *world.script.called.lock().unwrap(),
        [
            ("read".to_owned(), r#"{"path":"a"}"#.to_owned()),
            ("write".to_owned(), "{}".to_owned())
        ]
    );
    let requests = world.script.requests.lock().unwrap();
    let last = requests[1].messages.last().unwrap();
    assert_eq!(
        (last.role, last.content.len()),
        (Role::User, 2),
        "both results in one message"
    );
    assert_eq!(requests[0].tools.len(), 2);
    assert_eq!(
        world.event_names(),
        [
            "launched",
            "bound",
            "prompt_received",
            "provider_started",
            "provider_completed",
            "tool_started",
            "tool_completed",
            "tool_started",
            "tool_completed",
            "provider_started",
            "provider_completed",
            "run_completed"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn iterations_end_with_an_interruption_that_can_be_continued() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![
        ask(&[("t1", "files__read", "{}")]),
        ask(&[("t2", "files__read", "{}")]),
    ]);
    let options = on_terms(RunTerms {
        iterations_max: 2,
        ..RunTerms::default()
    });
    let report = world.run_with("loop", options.clone()).await;
    assert_eq!(report.reason.as_deref(), Some("max_iterations"));
    assert_eq!(report.session_status, Status::Idle);
    assert_eq!(
        world.status().await.status_reason.as_deref(),
        Some("interrupted: max_iterations")
    );
    world.answers(vec![say("there")]);
    let Prompted::Ran(more) = world
        .driver
        .continue_run(&id(), &work(options))
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(
        (more.status, more.turns, &more.run),
        (RunStatus::Completed, 3, &report.run)
    );
    assert_eq!(more.handoff.goal, "loop");
    assert_eq!(world.script.called.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_reserved_before_the_first_call() {
    let world = World::new();
    world.launch("interactive").await;
    let options = on_terms(RunTerms {
        token_budget: Some(10),
        ..RunTerms::default()
    });
    let report = world.run_with("too dear", options).await;
    assert_eq!(
        (report.status, report.reason.as_deref()),
        (RunStatus::Interrupted, Some("token_budget"))
    );
    assert!(
        world.script.requests.lock().unwrap().is_empty(),
        "nothing was spent"
    );
    assert!(report.handoff.open[0].contains("token_budget"));

    let options = on_terms(RunTerms {
        token_budget: Some(60),
        ..RunTerms::default()
    });
    world.answers(vec![cut("half")]);
    let report = world.run_with("again", options).await;
    assert_eq!(report.reason.as_deref(), Some("token_budget"));
    assert!(
        world.script.requests.lock().unwrap()[0]
            .output_tokens_max
            .unwrap()
            < 60
    );
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_told_once_and_sticks_for_the_run() {
    let world = World::new();
    world.launch("interactive").await;
    let same = [("t", "files__write", r#"{"path":"x"}"#)];
    world.answers(vec![ask(&same), ask(&same), say("gave up")]);
    world.script.tools.lock().unwrap().push_back(tool_denied());
    let report = world.run("write").await;
    let outcomes: Vec<_> = report.tool_calls.iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [ToolOutcome::Denied, ToolOutcome::DeniedAgain]);
    assert_eq!(
        world.script.called.lock().unwrap().len(),
        1,
        "asked twice, called once"
    );
    assert_eq!(report.denials, [denial()]);
    assert_eq!(report.status, RunStatus::Completed);
    let requests = world.script.requests.lock().unwrap().clone();
    let ContentBlock::ToolResult { text, is_error, .. } =
        &requests[1].messages.last().unwrap().content[0]
    else {
        panic!()
    };
    assert!(
        *is_error && text.contains("no_grant") && !text.contains("grant add"),
        "{text}"
    );
    // In the next run the same call is made again.
    world.answers(vec![ask(&same), say("written")]);
    assert_eq!(
        world.run("again").await.tool_calls[0].outcome,
        ToolOutcome::Ok
    );
}

#[tokio::test(start_paused = true)]
async fn on_denied_block_parks_the_run() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![ask(&[
        ("t1", "files__write", "{}"),
        ("t2", "files__read", "{}"),
    ])]);
    world.script.tools.lock().unwrap().push_back(tool_denied());
    let options = on_terms(RunTerms {
        on_denied: OnDenied::Block,
        ..RunTerms::default()
    });
    let report = world.run_with("write", options).await;
    assert_eq!(
        (report.status, report.reason.as_deref()),
        (RunStatus::Blocked, Some("denied"))
    );
    let record = world.status().await;
    assert_eq!(
        (record.status, record.status_reason.as_deref()),
        (Status::Blocked, Some("denied"))
    );
    assert_eq!(record.current_run.unwrap().status, RunStatus::Blocked);
    refused(world.prompt("next").await.unwrap_err());
    assert_eq!(
        world.driver.cancel(&id(), None).await.unwrap().status,
        Status::Idle
    );
    // The request that was never begun is answered before the next prompt.
    world.run("next").await;
    let requests = world.script.requests.lock().unwrap();
    let last = &requests.last().unwrap().messages.last().unwrap().content;
    let ContentBlock::ToolResult { id, text, .. } = &last[1] else {
        panic!("{last:?}")
    };
    assert!(id == "t2" && text.starts_with("[not_started]"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn odd_requests_are_answered_without_a_call() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![
        ask(&[
            ("t1", "rm__rf", "{}"),
            ("t2", "files__read", "[1]"),
            ("t3", "files__read", "{\"a"),
        ]),
        say("sorry"),
    ]);
    let report = world.run("odd").await;
    let outcomes: Vec<_> = report.tool_calls.iter().map(|call| call.outcome).collect();
    assert_eq!(
        outcomes,
        [ToolOutcome::Refused, ToolOutcome::Error, ToolOutcome::Error]
    );
    assert!(world.script.called.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_leaves_its_call_interrupted() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![ask(&[("t1", "files__read", "{}")])]);
    *world.script.hangs.lock().unwrap() = Some("read".into());
    let work = work(RunOptions::default());
    let cancel = work.cancel.clone();
    let other = world.beside("host_b");
    let request = PromptRequest {
        text: "read".into(),
        wait_max: None,
    };
    let session = id();
    let (report, ()) = tokio::join!(world.driver.prompt(&session, &request, &work), async {
        // Long past the lease's end: it is renewed as long as the run is open.
        tokio::time::sleep(std::time::Duration::from_secs(100)).await;
        assert_eq!(other.status().await.status, Status::Running);
        cancel.cancel();
    });
    assert_eq!(ran(report).status, RunStatus::Cancelled);
    world.run("go on").await;
    let requests = world.script.requests.lock().unwrap();
    let content = &requests.last().unwrap().messages.last().unwrap().content;
    assert!(
        matches!(&content[0], ContentBlock::ToolResult { text, .. } if text.starts_with("[interrupted]"))
    );
    assert_eq!(world.script.called.lock().unwrap().len(), 1);
    assert!(
        world
            .events()
            .iter()
            .any(|e| matches!(e, Event::RunCancelled { .. }))
    );
}

#[test]
fn futures_of_the_driver_may_move_between_threads() {
    fn may_move(_: &impl Send) {}
    fn check(driver: &Driver, request: &PromptRequest, work: &Work) {
        let session = id();
        may_move(&driver.prompt(&session, request, work));
        may_move(&driver.stop(&session, None));
        may_move(&driver.remove(&session, true));
        may_move(&driver.list());
        may_move(&driver.launch(Launch::default()));
        may_move(&driver.resolve(&session, "r", said(Resolution::Unknown), work));
    }
    let _ = check;
}
