//! Faults of provider, tools, sandbox and ledger.

use super::world::*;
use crate::driver::*;
use crate::event::RunTerms;
use crate::status::*;
use tollgate_contract::{CallFault, ProviderError};

fn message() -> String {
    "the provider's own words".into()
}

#[tokio::test(start_paused = true)]
async fn the_adapters_error_decides_what_becomes_of_the_session() {
    let unavailable = || ProviderError::Unavailable {
        message: message(),
        retry_after_ms: None,
    };
    let cases = [
        (
            vec![ProviderError::AuthExpired { message: message() }],
            Status::AuthExpired,
            "auth_expired",
            1,
        ),
        (
            vec![unavailable(); 4],
            Status::ProviderUnavailable,
            "provider_unavailable",
            4,
        ),
        (
            vec![
                ProviderError::RateLimited {
                    message: message(),
                    retry_after_ms: None,
                };
                4
            ],
            Status::ProviderUnavailable,
            "provider_unavailable",
            4,
        ),
        (
            vec![
                ProviderError::Overloaded {
                    message: message(),
                    retry_after_ms: None,
                };
                4
            ],
            Status::ProviderUnavailable,
            "provider_unavailable",
            4,
        ),
        (
            vec![ProviderError::QuotaExhausted { message: message() }],
            Status::ProviderUnavailable,
            "provider_unavailable",
            1,
        ),
        (
            vec![ProviderError::ContextTooLong { message: message() }],
            Status::Idle,
            "context_too_long",
            1,
        ),
        (
            vec![ProviderError::InvalidRequest { message: message() }],
            Status::Idle,
            "invalid_request",
            1,
        ),
        (
            vec![ProviderError::Refused { message: message() }],
            Status::Idle,
            "refused",
            1,
        ),
        (
            vec![ProviderError::Denied { denial: denial() }],
            Status::Idle,
            "denied",
            1,
        ),
    ];
    for (errors, status, reason, calls) in cases {
        let world = World::new();
        world.launch("interactive").await;
        world.answers(errors.into_iter().map(fails).collect());
        let report = world.run("try").await;
        assert_eq!(
            (report.session_status, report.reason.as_deref()),
            (status, Some(reason))
        );
        assert_eq!(
            world.script.requests.lock().unwrap().len(),
            calls,
            "{reason}"
        );
        assert!(report.message.is_some());
        let record = world.status().await;
        let json = serde_json::to_string(&(&record, world.events())).unwrap();
        assert!(!json.contains("own words"), "{json}");
        if status.is_recoverable() {
            let recovery = record.recovery.unwrap();
            assert_eq!(
                (recovery.reason.label(), recovery.provider.as_str()),
                (reason, "openai")
            );
            let back = world.driver.restart(&id(), None).await.unwrap().session;
            assert_eq!(back.status, Status::Idle);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_as_long_as_the_provider_asked() {
    let world = World::new();
    world.launch("interactive").await;
    let limited = ProviderError::RateLimited {
        message: message(),
        retry_after_ms: Some(9_000),
    };
    world.answers(vec![fails(limited), say("at last")]);
    let started = tokio::time::Instant::now();
    let report = world.run("try").await;
    assert_eq!(
        (report.status, report.message),
        (RunStatus::Completed, None)
    );
    assert!(started.elapsed() >= std::time::Duration::from_secs(9));
    assert_eq!(report.provider_receipts[0].attempt, 2);
    assert_eq!(world.status().await.links.environment_receipts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_gate_is_never_the_providers_fault() {
    // Also where the adapter took it for a broken connection.
    let world = World::new();
    world.launch("interactive").await;
    let mut hidden = fails(ProviderError::Unavailable {
        message: message(),
        retry_after_ms: None,
    });
    hidden.as_mut().unwrap().evidence.denied = 1;
    world.answers(vec![hidden.clone()]);
    let report = world.run("try").await;
    assert_eq!(
        (report.status, report.reason.as_deref()),
        (RunStatus::Failed, Some("denied"))
    );
    world.answers(vec![hidden]);
    let options = on_terms(RunTerms {
        on_denied: OnDenied::Block,
        ..RunTerms::default()
    });
    let report = world.run_with("try", options).await;
    assert_eq!(
        (report.status, report.session_status),
        (RunStatus::Blocked, Status::Blocked)
    );
}

#[tokio::test(start_paused = true)]
async fn where_nothing_was_allowed_no_error_is_the_providers() {
    let world = World::new();
    world.launch("interactive").await;
    let invalid = |denied, allowed| {
        let mut answer = fails(ProviderError::InvalidRequest { message: message() });
        let evidence = &mut answer.as_mut().unwrap().evidence;
        (evidence.denied, evidence.allowed) = (denied, allowed);
        vec![answer]
    };
    for (denied, allowed, reason) in [
        (1, 0, "denied"),
        (1, 1, "invalid_request"),
        (0, 0, "invalid_request"),
    ] {
        world.answers(invalid(denied, allowed));
        let report = world.run("try").await;
        assert_eq!(report.reason.as_deref(), Some(reason), "{denied} {allowed}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_provider_trapping_is_a_broken_sandbox() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![Err(trapped())]);
    let report = world.run("try").await;
    assert_eq!(report.session_status, Status::SandboxFailed);
    assert_eq!(report.status, RunStatus::Interrupted);
    let recovery = world.status().await.recovery.unwrap();
    assert_eq!(recovery.detail.as_deref(), Some("the component trapped"));
}

#[tokio::test(start_paused = true)]
async fn one_tool_trapping_is_a_result_and_three_times_running_a_broken_sandbox() {
    let world = World::new();
    world.launch("interactive").await;
    let read = |n: u32| ask(&[("t", "files__read", &format!("{{\"n\":{n}}}"))]);
    let tool = |answers: Vec<ToolAnswer>| world.script.tools.lock().unwrap().extend(answers);
    tool(vec![
        Err(trapped()),
        Err(trapped()),
        tool_ok("x"),
        Err(trapped()),
    ]);
    world.answers(vec![
        read(1),
        read(2),
        read(3),
        read(4),
        say("worked around it"),
    ]);
    let report = world.run("try").await;
    assert_eq!(report.status, RunStatus::Completed);
    tool(vec![Err(trapped()), Err(trapped()), Err(trapped())]);
    world.answers(vec![read(1), read(2), read(3)]);
    let report = world.run("again").await;
    assert_eq!(report.session_status, Status::SandboxFailed);
    let limit = CallFault::Limit {
        plugin: "files".into(),
        limit: "memory 64MiB".into(),
        talk: String::new(),
        attempted: 0,
    };
    world.driver.restart(&id(), None).await.unwrap();
    tool(vec![Err(limit.clone()), Err(limit.clone()), Err(limit)]);
    world.answers(vec![read(1), read(2), read(3), say("smaller")]);
    let report = world.run("limits").await;
    assert_eq!(report.status, RunStatus::Completed);
    assert!(
        report
            .tool_calls
            .iter()
            .all(|call| call.outcome == ToolOutcome::Limit)
    );
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_runs_nothing_is_broken() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![ask(&[("t1", "files__read", "{}")])]);
    let fault = CallFault::Sandbox {
        message: "no memory".into(),
    };
    world.script.tools.lock().unwrap().push_back(Err(fault));
    assert_eq!(world.run("try").await.session_status, Status::SandboxFailed);
}

#[tokio::test(start_paused = true)]
async fn without_a_ledger_the_run_blocks_and_goes_on_when_it_is_back() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![ask(&[
        ("t1", "files__read", "{}"),
        ("t2", "files__write", "{}"),
    ])]);
    let fault = CallFault::LedgerUnavailable {
        message: "disk full".into(),
    };
    world.script.tools.lock().unwrap().push_back(Err(fault));
    let report = world.run("try").await;
    assert_eq!(
        (report.status, report.reason.as_deref()),
        (RunStatus::Blocked, Some("ledger_unavailable"))
    );
    world.answers(vec![say("recovered")]);
    let report = ran(world
        .driver
        .continue_run(&id(), &work(RunOptions::default()))
        .await);
    assert_eq!(report.status, RunStatus::Completed);
    let outcomes: Vec<_> = report.tool_calls.iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [ToolOutcome::Interrupted, ToolOutcome::Ok]);
    assert_eq!(
        world.script.called.lock().unwrap().len(),
        2,
        "the first was not made again"
    );
}
