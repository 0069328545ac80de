//! Launch, prompt, stop, restart, rm: the ordinary way.

use super::world::*;
use crate::driver::*;
use crate::observe::{Progress, RunObserver};
use crate::ports::{SessionStore as _, StoreError};
use crate::status::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_session_from_launch_to_tombstone() {
    let world = World::new();
    let launched = world.launch("interactive").await;
    assert_eq!((launched.status, launched.lease), (Status::Idle, None));
    assert_eq!(launched.operator.subject, "ada");

    let report = world.run("hello").await;
    assert_eq!(
        (report.status, report.output.as_str()),
        (RunStatus::Completed, "nothing more")
    );
    assert_eq!(
        report.provider_receipts[0].environment_receipts,
        ["env_http"]
    );
    assert_eq!(report.handoff.goal, "hello");
    let idle = world.status().await;
    assert_eq!((idle.status, idle.lease), (Status::Idle, None));
    assert_eq!(idle.links.runs, [report.run]);
    assert_eq!(idle.links.tasks, [report.task]);
    assert_eq!(
        idle.links.receipts,
        [report.provider_receipts[0].id.clone()]
    );
    assert_eq!(idle.links.environment_receipts, ["env_http"]);
    assert_eq!(idle.links.handoffs, [report.handoff.id]);

    let stopped = world.driver.stop(&id(), Some("enough")).await.unwrap();
    assert_eq!(stopped.status, Status::Stopped);
    let restarted = world.driver.restart(&id(), None).await.unwrap().session;
    assert_eq!(
        (restarted.status, restarted.links),
        (Status::Idle, idle.links)
    );

    let why = refused(world.driver.remove(&id(), false).await.unwrap_err());
    assert!(why.contains("--force"), "{why}");
    let removal = world.driver.remove(&id(), true).await.unwrap();
    assert_eq!(removal.transcript_entries, 3, "prompt, answer, handoff");
    assert_eq!(world.event_names(), ["removed"]);
    assert!(world.driver.list().await.unwrap().is_empty());
    assert_eq!(
        world.store.key(&id()).unwrap_err(),
        StoreError::NotFound { session: id() }
    );
    let again = world
        .driver
        .launch(Launch {
            session: Some(id()),
            ..Launch::default()
        })
        .await;
    assert!(matches!(
        again,
        Err(DriverError::Store(StoreError::Exists { .. }))
    ));

    let whats: Vec<String> = world
        .store
        .disk()
        .changes
        .iter()
        .map(|c| c.what.clone())
        .collect();
    assert_eq!(
        whats,
        [
            "session.launch",
            "session.bind",
            "session.prompt",
            "session.run_completed",
            "session.stop",
            "session.stopped",
            "session.restart",
            "session.bind",
            "session.stop",
            "session.stopped",
            "session.rm"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn exit_words_stop_without_a_run() {
    let world = World::new();
    world.launch("interactive").await;
    let Prompted::Exited(record) = world.prompt(" /QUIT\n").await.unwrap() else {
        panic!("a run");
    };
    assert_eq!(record.status, Status::Stopped);
    assert_eq!(
        world.event_names(),
        ["launched", "bound", "exited", "stopping", "stopped"]
    );
    assert!(world.script.requests.lock().unwrap().is_empty());
    let why = refused(world.prompt("quit").await.unwrap_err());
    assert!(
        why.contains("only an active or resting session is stopped"),
        "{why}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_illegal_command_writes_nothing() {
    let world = World::new();
    world.launch("interactive").await;
    world.driver.stop(&id(), None).await.unwrap();
    let (events, changes) = (world.events(), world.store.disk().changes.len());
    let why = refused(world.prompt("go on").await.unwrap_err());
    assert!(why.contains("tollgate agent restart agent_docs"), "{why}");
    refused(world.driver.stop(&id(), None).await.unwrap_err());
    refused(
        world
            .driver
            .continue_run(&id(), &work(RunOptions::default()))
            .await
            .unwrap_err(),
    );
    assert_eq!(world.events(), events);
    assert_eq!(world.store.disk().changes.len(), changes);
    assert_eq!(world.status().await.lease, None);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_waits_for_an_unbound_session_unless_told_not_to() {
    let world = World::new();
    world.needs.0.lock().unwrap().push("credential");
    let unbound = world.launch("interactive").await;
    assert_eq!(unbound.status, Status::Unbound);
    assert_eq!(
        unbound.status_reason.as_deref(),
        Some("missing: credential")
    );
    refused(world.prompt("now").await.unwrap_err());

    let request = PromptRequest {
        text: "later".into(),
        wait_max: Some(Duration::from_secs(60)),
    };
    let waits = Arc::new(Waits::default());
    let work = Work {
        observer: waits.clone(),
        ..work(RunOptions::default())
    };
    let session = id();
    let waiting = world.driver.prompt(&session, &request, &work);
    let providing = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        world.needs.0.lock().unwrap().clear();
    };
    let (prompted, ()) = tokio::join!(waiting, providing);
    assert_eq!(ran(prompted).status, RunStatus::Completed);
    let names = world.event_names();
    assert_eq!(names.iter().filter(|name| **name == "unbound").count(), 1);
    // Looked at every second, and told once, with what helps.
    assert_eq!(*waits.0.lock().unwrap(), ["credential: do it"]);
}

/// What a waiting prompt is told.
#[derive(Default)]
struct Waits(Mutex<Vec<String>>);

impl RunObserver for Waits {
    fn progress(&self, progress: &Progress<'_>) {
        if let Progress::Waiting { unmet } = progress {
            let told = unmet
                .iter()
                .map(|one| format!("{}: {}", one.label, one.help));
            self.0.lock().unwrap().extend(told);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stop_asks_a_living_owner_to_let_go() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![ask(&[("t1", "files__read", "{}")])]);
    *world.script.hangs.lock().unwrap() = Some("read".into());
    let other = world.beside("host_b");
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let why = refused(other.prompt("me too").await.unwrap_err());
        assert!(why.contains("it is running"), "{why}");
        assert_eq!(other.status().await.status, Status::Running);
        other
            .driver
            .stop(&id(), Some("operator stop"))
            .await
            .unwrap()
    };
    let (report, stopped) = tokio::join!(world.run("read it"), stopping);
    assert_eq!(report.status, RunStatus::Cancelled);
    assert_eq!(stopped.status, Status::Stopped);
    let names = world.event_names();
    assert_eq!(
        names[names.len() - 3..],
        ["run_cancelled", "stopping", "stopped"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_autonomous_session_ends_archived() {
    let world = World::new();
    world.launch("autonomous").await;
    let report = world.run("once").await;
    assert_eq!(
        (report.status, report.session_status),
        (RunStatus::Completed, Status::Archived)
    );
    refused(world.prompt("twice").await.unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn nothing_but_the_transcript_holds_words() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![
        ask(&[("t1", "files__read", r#"{"path":"SECRET-ARG"}"#)]),
        say("SECRET-ANSWER"),
    ]);
    world
        .script
        .tools
        .lock()
        .unwrap()
        .push_back(tool_ok("SECRET-RESULT"));
    world.run("SECRET-PROMPT").await;
    let events = serde_json::to_string(&world.events()).unwrap();
    let changes = format!("{:?}", world.store.disk().changes);
    let record = serde_json::to_string(&world.status().await).unwrap();
    for text in [events, changes, record] {
        assert!(!text.contains("SECRET"), "{text}");
    }
    let transcript = serde_json::to_string(&world.driver.transcript(&id()).unwrap()).unwrap();
    for word in ["PROMPT", "ARG", "RESULT", "ANSWER"] {
        assert!(transcript.contains(word), "{word}");
    }
}
