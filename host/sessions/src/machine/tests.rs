//! The whole table as a reviewed snapshot, and what must hold of any sequence.

use super::*;
use crate::event::{Event, EventRecord, Identity, PromptMark, RunEnd, RunSeed, RunTerms};
use crate::models::Cost;
use crate::state::invariant;
use crate::status::*;
use proptest::prelude::*;
use std::fmt::Write as _;
use tollgate_contract::Usage;

fn identity(mode: &str) -> Identity {
    Identity {
        session: "s".into(),
        project: "p".into(),
        provider: "openai".into(),
        mode: mode.parse().unwrap(),
        ..Identity::default()
    }
}

fn seed(n: &str) -> RunSeed {
    RunSeed {
        run: format!("run_{n}"),
        task: format!("task_{n}"),
    }
}

fn mark() -> PromptMark {
    PromptMark {
        hash: "0011223344556677".into(),
        bytes: 5,
    }
}

fn end(state: &State) -> RunEnd {
    RunEnd {
        run: state
            .run
            .as_ref()
            .map_or_else(|| "run_none".into(), |run| run.run.clone()),
        turns: 1,
        usage: Usage::default(),
        handoff: Some("handoff_1".into()),
    }
}

fn lost(receipt: &str, again: bool) -> LostEffect {
    LostEffect {
        receipt: receipt.to_owned(),
        call: "call_1".into(),
        again,
    }
}

fn resolving(receipt: &str, resolution: Resolution) -> Command {
    Command::Resolve(Resolving {
        receipt: receipt.to_owned(),
        call: Some("call_1".into()),
        resolution,
    })
}

fn loss(endpoint: bool, intents: &[&str]) -> OwnerLoss {
    OwnerLoss {
        fence: 1,
        note: "its process is gone".into(),
        endpoint,
        effects: intents.iter().map(|receipt| lost(receipt, false)).collect(),
    }
}

fn tool_completed(state: &State, outcome: ToolOutcome) -> Event {
    Event::ToolCompleted {
        run: end(state).run,
        call: Some("call_1".into()),
        tool_use: "t1".into(),
        plugin: "files".into(),
        tool: "read".into(),
        arguments: "aa".into(),
        outcome,
        denial: None,
        effects: 1,
        environment_receipts: vec!["r9".into()],
    }
}

/// Every command once or more, with the label under which the table shows it.
fn commands(state: &State, n: &str) -> Vec<(String, Command)> {
    let prompt = |no_wait| Command::Prompt {
        seed: seed(n),
        prompt: mark(),
        terms: RunTerms::default(),
        no_wait,
    };
    let bind = |missing: &[&str]| Command::Bind {
        missing: missing.iter().map(|&s| s.to_owned()).collect(),
        provider_name: None,
        format: None,
    };
    let stop = |cause| Command::Stop {
        cause,
        reason: None,
    };
    let fault = |reason| Command::Fault {
        reason,
        detail: None,
        end: None,
    };
    let recover = |reason| Command::Recover {
        reason,
        detail: None,
    };
    let mut all: Vec<(String, Command)> = vec![
        (
            "launch".into(),
            Command::Launch(Box::new(identity("interactive"))),
        ),
        ("bind, holds".into(), bind(&[])),
        ("bind, missing".into(), bind(&["credential"])),
        (
            "rebind".into(),
            Command::Rebind(Box::new(Rebinding {
                provider: "anthropic".into(),
                ..Rebinding::default()
            })),
        ),
        ("prompt".into(), prompt(false)),
        ("prompt --no-wait".into(), prompt(true)),
        ("exit word".into(), Command::Exit(mark())),
        ("send".into(), Command::Send(mark())),
        ("deliver".into(), Command::Deliver(seed(n))),
        (
            "journal".into(),
            Command::Journal(tool_completed(state, ToolOutcome::Ok)),
        ),
        ("complete".into(), Command::Complete(end(state))),
        (
            "cancel".into(),
            Command::Cancel {
                reason: None,
                end: None,
            },
        ),
        ("continue".into(), Command::Continue),
        ("resolve".into(), resolving("r1", Resolution::Done)),
        (
            "indeterminate".into(),
            Command::Indeterminate(vec![lost("r1", false)]),
        ),
        ("recover --action resume".into(), Command::RecoverResume),
        (
            "recover --action reconnect".into(),
            Command::RecoverReconnect(seed(n)),
        ),
        ("owner lost".into(), Command::OwnerLost(loss(false, &[]))),
        (
            "owner lost, endpoint".into(),
            Command::OwnerLost(loss(true, &[])),
        ),
        (
            "owner lost, intent open".into(),
            Command::OwnerLost(loss(false, &["r1"])),
        ),
        ("suspend --warm".into(), Command::Rest(Status::Dormant)),
        ("suspend".into(), Command::Rest(Status::Suspended)),
        ("wake".into(), Command::Wake(seed(n))),
        ("reset".into(), Command::Reset),
        ("stop".into(), stop(StopCause::Stop)),
        ("signoff".into(), stop(StopCause::Signoff)),
        ("finish".into(), Command::Finish),
        ("restart".into(), Command::Restart { reason: None }),
        ("archive".into(), Command::Archive),
        ("rm".into(), Command::Remove),
    ];
    for reason in [InterruptReason::MaxIterations, InterruptReason::TokenBudget] {
        all.push((
            format!("interrupt {reason}"),
            Command::Interrupt(end(state), reason),
        ));
    }
    for reason in BlockReason::ALL {
        all.push((
            format!("block {reason}"),
            Command::Block(end(state), *reason),
        ));
        all.push((format!("unblock {reason}"), Command::Unblock(*reason)));
    }
    all.push((
        "fail denied".into(),
        Command::Fail(end(state), FailReason::Denied),
    ));
    for reason in FaultReason::ALL {
        all.push((format!("fault {reason}"), fault(*reason)));
        all.push((format!("recover --reason {reason}"), recover(*reason)));
    }
    all
}

fn record(event: Event, time_us: i64) -> EventRecord {
    EventRecord {
        schema: event.schema().into(),
        id: format!("event_{time_us}"),
        session: "s".into(),
        time_us,
        who: "ada".into(),
        event,
    }
}

/// Folds what a command gives; panics if the machine's own events do not fold.
fn take(state: &State, events: &[Event]) -> State {
    let mut next = state.clone();
    for event in events {
        let seq = next.seq + 1;
        let record = record(event.clone(), seq as i64);
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(EventRecord::parse(seq, &text).unwrap(), record);
        apply(&mut next, seq, &record).unwrap();
    }
    next
}

fn after(mode: &str, labels: &[&str]) -> State {
    let mut state = State::default();
    let launch = Command::Launch(Box::new(identity(mode)));
    for (n, label) in ["launch"].iter().chain(labels).enumerate() {
        let command = if *label == "launch" {
            launch.clone()
        } else {
            commands(&state, &n.to_string())
                .into_iter()
                .find(|(name, _)| name == label)
                .unwrap_or_else(|| panic!("no command {label}"))
                .1
        };
        match decide(&state, &command) {
            Ok(Decision::Events(events)) => state = take(&state, &events),
            other => panic!("{label} in {}: {other:?}", state.status),
        }
    }
    state
}

/// Every status, and every variant of one that the table tells apart.
fn samples() -> Vec<(&'static str, State)> {
    let run = ["bind, holds", "prompt"];
    let with = |mode: &str, more: &[&str]| after(mode, &[&run, more].concat());
    let mut thrice = with("autonomous,background", &[]);
    for _ in 0..TAKEOVERS_MAX {
        let run = end(&thrice).run;
        thrice = take(&thrice, &[Event::RunTaken { run }]);
    }
    vec![
        ("absent", State::default()),
        ("starting, foreground", after("foreground", &[])),
        ("starting, background", after("background", &[])),
        (
            "unbound, foreground",
            after("foreground", &["bind, missing"]),
        ),
        (
            "unbound, background",
            after("background", &["bind, missing"]),
        ),
        ("idle, fresh", after("foreground", &["bind, holds"])),
        (
            "idle, a message waits",
            after("foreground", &["bind, holds", "send"]),
        ),
        (
            "idle, last run interrupted",
            with("foreground", &["interrupt max_iterations"]),
        ),
        ("idle, background", after("background", &["bind, holds"])),
        ("running, foreground", with("foreground", &[])),
        ("running, background", with("background", &[])),
        ("running, autonomous, foreground", with("autonomous", &[])),
        (
            "running, autonomous, background",
            with("autonomous,background", &[]),
        ),
        ("running, autonomous, taken three times", thrice),
        ("blocked(approval)", with("foreground", &["block approval"])),
        ("blocked(denied)", with("foreground", &["block denied"])),
        (
            "blocked(ledger_unavailable)",
            with("foreground", &["block ledger_unavailable"]),
        ),
        (
            "blocked(ledger_unavailable), background",
            with("background", &["block ledger_unavailable"]),
        ),
        (
            "blocked(indeterminate), run parked",
            with("foreground", &["indeterminate"]),
        ),
        (
            "blocked(indeterminate), no run",
            with("foreground", &["owner lost, intent open"]),
        ),
        (
            "blocked(indeterminate), background",
            with("background", &["indeterminate"]),
        ),
        ("stopping", with("foreground", &["stop"])),
        (
            "dormant",
            after("foreground", &["bind, holds", "suspend --warm"]),
        ),
        (
            "suspended, a message waits",
            after("foreground", &["bind, holds", "send", "suspend"]),
        ),
        (
            "failed, run interrupted",
            with("background", &["owner lost"]),
        ),
        (
            "failed, effect unresolved",
            with(
                "background",
                &["owner lost, intent open", "recover --reason failed"],
            ),
        ),
        (
            "auth_expired, no run",
            after(
                "foreground",
                &["bind, holds", "recover --reason auth_expired"],
            ),
        ),
        (
            "provider_unavailable",
            with("foreground", &["fault provider_unavailable"]),
        ),
        (
            "sandbox_failed",
            with("foreground", &["fault sandbox_failed"]),
        ),
        ("stopped", with("foreground", &["stop", "finish"])),
        ("archived", with("autonomous", &["complete"])),
        ("removed", with("foreground", &["stop", "finish", "rm"])),
    ]
}

#[test]
fn the_whole_table() {
    let mut table = String::new();
    let mut seen = std::collections::BTreeSet::new();
    for (name, state) in samples() {
        seen.insert(state.status);
        writeln!(table, "## {name}").unwrap();
        let mut refused: std::collections::BTreeMap<String, Vec<String>> = Default::default();
        for (label, command) in commands(&state, "new") {
            match decide(&state, &command) {
                Ok(Decision::Wait) => writeln!(table, "{label:32} waits").unwrap(),
                Ok(Decision::Events(events)) => {
                    let next = take(&state, &events);
                    invariant(&next).unwrap_or_else(|why| panic!("{name}, {label}: {why}"));
                    let names: Vec<_> = events.iter().map(Event::name).collect();
                    let reason = status_reason(&next).map_or(String::new(), |r| format!(" ({r})"));
                    writeln!(
                        table,
                        "{label:32} → {}{reason}: {}",
                        next.status,
                        names.join(" ")
                    )
                    .unwrap();
                }
                Err(refusal) => {
                    let helps = refusal.helps.as_deref().unwrap_or("-");
                    refused
                        .entry(format!("{} [{helps}]", refusal.rule))
                        .or_default()
                        .push(label);
                }
            }
        }
        for (rule, labels) in refused {
            writeln!(table, "  refused, {rule}: {}", labels.join(" · ")).unwrap();
        }
        table.push('\n');
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        Status::ALL,
        "every status is in the table"
    );
    insta::assert_snapshot!(table);
}

#[test]
fn a_refusal_names_what_the_rule_and_the_verb() {
    let running = after("foreground", &["bind, holds", "prompt"]);
    let command = Command::Prompt {
        seed: seed("2"),
        prompt: mark(),
        terms: RunTerms::default(),
        no_wait: false,
    };
    let refusal = decide(&running, &command).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "prompt of session s refused: it is running, and one run is open at a time; use `tollgate agent status s`"
    );
    let stopped = after("foreground", &["bind, holds", "stop", "finish"]);
    assert_eq!(
        decide(&stopped, &command).unwrap_err().to_string(),
        "prompt of session s refused: it is stopped, and a prompt needs an idle or resting session; use `tollgate agent restart s`"
    );
}

#[test]
fn traps_count_in_a_row_and_by_plugin() {
    let state = after("foreground", &["bind, holds", "prompt"]);
    let trap = tool_completed(&state, ToolOutcome::Trapped);
    let twice = take(&state, &[trap.clone(), trap.clone()]);
    assert_eq!(twice.run.as_ref().unwrap().traps["files"], 2);
    let ok = take(&twice, &[tool_completed(&state, ToolOutcome::Ok), trap]);
    assert_eq!(ok.run.unwrap().traps["files"], 1);
}

fn micros(micros: u64) -> Option<Cost> {
    Some(Cost {
        micros,
        currency: "USD".into(),
    })
}

#[test]
fn a_reservation_that_never_came_back_counts_as_spent() {
    let state = after("foreground", &["bind, holds", "prompt"]);
    let started = |reserved_tokens| Event::ProviderStarted {
        run: end(&state).run,
        call: "c".into(),
        turn: 1,
        attempt: 1,
        reserved_tokens,
        reserved_cost: micros(reserved_tokens * 2),
    };
    let failed = |lost_tokens| Event::ProviderFailed {
        run: end(&state).run,
        call: "c".into(),
        turn: 1,
        error: "unavailable".into(),
        detail: None,
        lost_tokens,
        lost_cost: micros(lost_tokens * 2),
        environment_receipts: Vec::new(),
    };
    let spent = |events: &[Event]| {
        let run = take(&state, events).run.unwrap();
        (
            run.tokens_spent(),
            run.micros_spent("USD"),
            run.micros_spent("EUR"),
        )
    };
    assert_eq!(spent(&[started(100), started(50)]), (150, 300, 0));
    // One that came back counts by what it says.
    assert_eq!(spent(&[started(100), failed(0)]), (0, 0, 0));
    assert_eq!(spent(&[started(100), failed(7), started(50)]), (57, 114, 0));
}

fn rebound(state: &State, provider: &str, provider_name: Option<&str>) -> State {
    let command = Command::Rebind(Box::new(Rebinding {
        provider: provider.into(),
        model: Some("m".into()),
        provider_name: provider_name.map(str::to_owned),
        ..Rebinding::default()
    }));
    let Decision::Events(events) = decide(state, &command).unwrap() else {
        panic!("waits");
    };
    take(state, &events)
}

#[test]
fn rebinding_changes_whose_it_is_and_nothing_else() {
    let mut state = after("foreground", &["bind, holds"]);
    state.left_out_told = true;
    state.identity.purpose = Some("coding".into());
    let other = rebound(&state, "anthropic", Some("a"));
    assert_eq!(other.identity.provider, "anthropic");
    assert_eq!(
        (
            other.identity.model.as_deref(),
            other.identity.purpose.as_deref()
        ),
        (Some("m"), None)
    );
    assert_eq!(
        (other.status, other.generation, &other.links),
        (state.status, state.generation, &state.links)
    );
    assert_eq!(
        (other.adapter.as_deref(), other.adapter_changed),
        (Some("a"), true)
    );
    assert!(!other.left_out_told);
    // Another model of the same adapter leaves nothing out.
    state.adapter = Some("o".into());
    let model = rebound(&state, "openai", Some("o"));
    assert_eq!((model.adapter_changed, model.left_out_told), (false, true));
    // Another component under the same name does.
    let component = rebound(&state, "openai", Some("x"));
    assert_eq!(
        (component.adapter_changed, component.left_out_told),
        (true, false)
    );
}

#[test]
fn a_rebinding_from_elsewhere_is_a_damaged_log() {
    let mut state = after("foreground", &["bind, holds"]);
    let event = Event::Rebound {
        from_provider: "anthropic".into(),
        from_model: None,
        provider: "google".into(),
        model: None,
        auth_profile: None,
        provider_name: None,
        format: None,
    };
    let seq = state.seq + 1;
    assert!(apply(&mut state, seq, &record(event, 1)).is_err());
}

fn any_mode() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "interactive,foreground",
        "interactive,background",
        "autonomous,foreground",
        "autonomous,background",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is asked in whatever order: events fold, the invariants hold, a refusal changes nothing.
    #[test]
    fn any_sequence_keeps_the_invariants(mode in any_mode(), picks in prop::collection::vec(any::<prop::sample::Index>(), 1..60)) {
        let mut state = take(&State::default(), &[Event::Launched { identity: identity(mode) }]);
        for (n, pick) in picks.iter().enumerate() {
            let all = commands(&state, &n.to_string());
            let (label, command) = &all[pick.index(all.len())];
            let from = state.status;
            if let Ok(Decision::Events(events)) = decide(&state, command) {
                prop_assert!(!events.is_empty());
                state = take(&state, &events);
            }
            prop_assert_eq!(invariant(&state), Ok(()), "{} from {}", label, from);
            let json = serde_json::to_string(&state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<State>(&json).unwrap(), &state);
        }
    }

    /// A log of events in any order folds or is called damaged; it never panics.
    #[test]
    fn any_log_folds_or_is_called_damaged(mode in any_mode(), picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..40)) {
        let mut pool: Vec<Event> = Vec::new();
        for (_, sample) in samples() {
            for (_, command) in commands(&sample, "x") {
                if let Ok(Decision::Events(events)) = decide(&sample, &command) {
                    pool.extend(events);
                }
            }
        }
        let mut state = take(&State::default(), &[Event::Launched { identity: identity(mode) }]);
        for (pick, _) in picks {
            let event = pool[pick.index(pool.len())].clone();
            let mut next = state.clone();
            if apply(&mut next, state.seq + 1, &record(event, 1)).is_ok() {
                state = next;
            }
        }
    }
}
