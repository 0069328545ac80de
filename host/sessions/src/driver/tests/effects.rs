//! The budget of effects: reserved before each tool call, settled after it, kept by whoever goes on.

use super::world::*;
use crate::driver::*;
use crate::event::RunTerms;
use crate::record::RunReport;
use crate::status::*;
use tollgate_contract::Denial;

fn terms(effects: u64) -> RunTerms {
    RunTerms {
        effect_budget: Some(effects),
        ..RunTerms::default()
    }
}

/// Asks for a tool again and again, each time with other arguments.
fn loops(world: &World) {
    let turns = (0..4).map(|n| {
        let arguments = format!(r#"{{"n":{n}}}"#);
        ask(&[(&format!("t{n}"), "files__read", &arguments)])
    });
    world.answers(turns.collect());
}

fn tools(world: &World, answers: Vec<ToolAnswer>) {
    world.script.tools.lock().unwrap().extend(answers);
}

fn bounds(world: &World) -> Vec<Option<u64>> {
    world.script.bounds.lock().unwrap().clone()
}

fn ended(report: &RunReport) -> (RunStatus, Option<&str>, u64) {
    (report.status, report.reason.as_deref(), report.effects)
}

#[tokio::test(start_paused = true)]
async fn each_call_reserves_what_it_may_attempt_and_gives_back_what_it_did_not() {
    let world = World::new();
    world.launch("interactive").await;
    loops(&world);
    tools(
        &world,
        vec![tool_attempted(7), tool_attempted(4), tool_attempted(1)],
    );
    let report = world.run_with("loop", on_terms(terms(12))).await;
    let interrupted = (RunStatus::Interrupted, Some("effect_budget"), 12);
    assert_eq!(ended(&report), interrupted);
    assert_eq!(bounds(&world), [Some(EFFECTS_MAX), Some(5), Some(1)]);
    let record = world.status().await;
    assert_eq!(record.last_run.unwrap().effects, 12);
    assert!(report.handoff.next.contains("larger bound"));

    // Going on is a shift of its own; what was asked for and not begun is called now.
    world.answers(vec![say("done")]);
    let more = work(on_terms(terms(3)));
    let Prompted::Ran(report) = world.driver.continue_run(&id(), &more).await.unwrap() else {
        panic!()
    };
    assert_eq!(ended(&report), (RunStatus::Completed, None, 12));
    assert_eq!(bounds(&world)[3..], [Some(3)]);
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_effects_are_counted_and_nothing_is_bounded() {
    let world = World::new();
    world.launch("interactive").await;
    loops(&world);
    tools(&world, vec![tool_attempted(7), tool_attempted(4)]);
    let report = world.run("loop").await;
    assert_eq!(ended(&report), (RunStatus::Completed, None, 11));
    assert_eq!(bounds(&world), [None; 4]);
}

#[tokio::test(start_paused = true)]
async fn what_a_call_attempted_before_it_was_stopped_counts() {
    let world = World::new();
    world.launch("interactive").await;
    loops(&world);
    let mut fault = trapped();
    if let tollgate_contract::CallFault::Trapped { attempted, .. } = &mut fault {
        *attempted = 6;
    }
    tools(&world, vec![Err(fault), tool_attempted(2)]);
    let report = world.run_with("loop", on_terms(terms(8))).await;
    assert_eq!(report.reason.as_deref(), Some("effect_budget"));
    assert_eq!(bounds(&world), [Some(8), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn what_the_end_of_a_budget_refused_may_be_asked_for_again() {
    let refused = |reason: &str, attempted| {
        let mut answer = tool_denied();
        let reply = answer.as_mut().unwrap();
        reply.evidence.attempted = attempted;
        let denial = Denial {
            reason: reason.into(),
            ..denial()
        };
        reply.value = Err(tollgate_contract::ToolError::Denied { denial });
        answer
    };
    for (reason, attempted, budget, outcome) in [
        ("limit_reached", 5, 5, ToolOutcome::Limit),
        ("no_grant", 5, 5, ToolOutcome::Denied),
        ("no_grant", 1, 5, ToolOutcome::Denied),
        // The plugin's own limit is a rule.
        ("limit_reached", EFFECTS_MAX, 50, ToolOutcome::Denied),
    ] {
        let world = World::new();
        world.launch("interactive").await;
        world.answers(vec![ask(&[("t1", "files__read", "{}")]), say("so be it")]);
        tools(&world, vec![refused(reason, attempted)]);
        let report = world.run_with("try", on_terms(terms(budget))).await;
        assert_eq!(report.tool_calls[0].outcome, outcome, "{reason} {budget}");
        assert_eq!(report.status, RunStatus::Completed);
    }
}
