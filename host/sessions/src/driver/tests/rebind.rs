//! Another provider goes on with a session, and gets what is its business.

use super::world::*;
use crate::LeftOut;
use crate::driver::*;
use crate::event::Event;
use crate::status::*;
use tollgate_contract::{CompletionRequest, ContentBlock, Role};

/// An answer with reasoning and a state of the provider's own beside the words.
fn thinks(provider: &str, words: &str) -> Answer {
    let mut answer = say(words);
    if let Ok(reply) = &mut answer
        && let Ok(completion) = &mut reply.value
    {
        let hidden = [
            ContentBlock::Thinking {
                text: format!("{provider} thinks"),
            },
            ContentBlock::Opaque {
                provider: provider.into(),
                data: vec![0, 255, 7],
            },
        ];
        completion.content.splice(0..0, hidden);
    }
    answer
}

fn to(provider: &str) -> Rebind {
    Rebind {
        provider: provider.into(),
        model: Some("m-2".into()),
        auth_profile: None,
    }
}

async fn rebind(world: &World, provider: &str) -> Vec<LeftOut> {
    match world.driver.rebind(&id(), to(provider)).await.unwrap() {
        Rebound::Done { left_out, .. } => left_out,
        other => panic!("{other:?}"),
    }
}

fn left_out(provider: &str, blocks: u64) -> Vec<LeftOut> {
    let kind = |kind: &str, provider: &str| LeftOut {
        kind: kind.into(),
        provider: provider.into(),
        blocks,
    };
    vec![
        kind("opaque", provider),
        kind("thinking", &format!("{provider}/{provider} by script")),
    ]
}

/// Who thinks and whose state is in a request.
fn hidden(request: &CompletionRequest) -> Vec<String> {
    let blocks = request.messages.iter().flat_map(|message| &message.content);
    blocks
        .filter_map(|block| match block {
            ContentBlock::Thinking { text } => Some(text.clone()),
            ContentBlock::Opaque { provider, data } => Some(format!("{provider} {data:?}")),
            _ => None,
        })
        .collect()
}

fn told(world: &World) -> Vec<(String, Vec<LeftOut>)> {
    let events = world.events().into_iter();
    events
        .filter_map(|event| match event {
            Event::LeftOut {
                provider, left_out, ..
            } => Some((provider, left_out)),
            _ => None,
        })
        .collect()
}

fn last_request(world: &World) -> CompletionRequest {
    world
        .script
        .requests
        .lock()
        .unwrap()
        .last()
        .unwrap()
        .clone()
}

#[tokio::test(start_paused = true)]
async fn another_provider_gets_the_words_and_not_the_state_of_the_first() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![thinks("openai", "one"), thinks("openai", "two")]);
    world.run("first").await;
    world.run("second").await;
    assert_eq!(hidden(&last_request(&world)).len(), 2, "its own returns");
    assert_eq!(told(&world), []);

    assert_eq!(rebind(&world, "anthropic").await, left_out("openai", 2));
    world.answers(vec![
        thinks("anthropic", "three"),
        ask(&[("t1", "files__read", "{}")]),
        say("five"),
    ]);
    world.run("third").await;
    let request = last_request(&world);
    assert_eq!(hidden(&request), Vec::<String>::new());
    assert_eq!(request.model.as_deref(), Some("m-2"));
    let roles: Vec<_> = request.messages.iter().map(|m| m.role).collect();
    use Role::{Assistant, User};
    assert_eq!(roles, [User, Assistant, User, Assistant, User]);
    world.run("fourth").await;
    assert_eq!(
        hidden(&last_request(&world)),
        ["anthropic thinks", "anthropic [0, 255, 7]"]
    );
    assert_eq!(
        world.script.asked.lock().unwrap().last().unwrap(),
        "anthropic"
    );
    // Once, not at each of three turns.
    assert_eq!(
        told(&world),
        [("anthropic".to_owned(), left_out("openai", 2))]
    );

    // Back to the first: its state goes along again, the other's stays.
    assert_eq!(rebind(&world, "openai").await, left_out("anthropic", 1));
    world.run("fifth").await;
    let back = hidden(&last_request(&world));
    assert_eq!(back.len(), 4);
    assert!(
        back.iter().all(|block| block.starts_with("openai")),
        "{back:?}"
    );
    assert_eq!(told(&world).len(), 2);
    let entries = world.driver.transcript(&id()).unwrap();
    let made_by: Vec<_> = entries
        .iter()
        .filter_map(|e| e.made_by.as_deref())
        .collect();
    assert_eq!(made_by[0], "openai/openai by script");
    assert_eq!(made_by[2], "anthropic/anthropic by script");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_which_nothing_is_left_leaves_no_empty_message() {
    let world = World::new();
    world.launch("interactive").await;
    let mut silent = thinks("openai", "");
    if let Ok(reply) = &mut silent
        && let Ok(completion) = &mut reply.value
    {
        completion.content.truncate(2);
    }
    world.answers(vec![silent]);
    world.run("first").await;
    rebind(&world, "anthropic").await;
    world.run("second").await;
    let request = last_request(&world);
    assert_eq!(request.messages.len(), 1);
    assert_eq!(
        request.messages[0].content.len(),
        2,
        "both prompts in one message"
    );
}

#[tokio::test(start_paused = true)]
async fn another_model_of_the_same_provider_leaves_nothing_out() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![thinks("openai", "one")]);
    world.run("first").await;
    assert_eq!(rebind(&world, "openai").await, []);
    world.run("second").await;
    assert_eq!(hidden(&last_request(&world)).len(), 2);
    assert_eq!(told(&world), []);
}

#[tokio::test(start_paused = true)]
async fn a_rebinding_is_one_event_and_changes_nothing_else() {
    let world = World::new();
    let before = world.launch("interactive").await;
    let done = world.driver.rebind(&id(), to("anthropic")).await.unwrap();
    let Rebound::Done { session, .. } = done else {
        panic!("{done:?}");
    };
    assert_eq!(
        (session.provider.as_str(), session.model.as_deref()),
        ("anthropic", Some("m-2"))
    );
    assert_eq!(
        (session.status, session.generation, &session.links),
        (before.status, before.generation, &before.links)
    );
    assert_eq!(world.event_names(), ["launched", "bound", "rebound"]);
    // A reader of an older version sees that the log is newer, and not that it is damaged.
    let stored = world.driver.events(&id(), 3, 1).unwrap();
    assert!(stored[0].json.contains(r#""schema":"tollgate.event/2""#));
    let other_process = world.beside("host_b").status().await;
    assert_eq!(other_process.provider, "anthropic");
}

#[tokio::test(start_paused = true)]
async fn a_credential_stays_with_its_provider() {
    let world = World::new();
    let launch = Launch {
        session: Some(id()),
        provider: "openai".into(),
        auth_profile: Some("work".into()),
        ..Launch::default()
    };
    world.driver.launch(launch).await.unwrap();
    rebind(&world, "openai").await;
    assert_eq!(world.status().await.auth_profile.as_deref(), Some("work"));
    rebind(&world, "anthropic").await;
    assert_eq!(world.status().await.auth_profile, None);
}

#[tokio::test(start_paused = true)]
async fn what_the_other_provider_misses_is_told_and_nothing_is_written() {
    let world = World::new();
    world.launch("interactive").await;
    world.needs.0.lock().unwrap().push("credential");
    let missing = world.driver.rebind(&id(), to("anthropic")).await.unwrap();
    assert!(matches!(&missing, Rebound::Missing(unmet) if unmet[0].label == "credential"));
    world.needs.0.lock().unwrap().clear();
    *world.needs.1.lock().unwrap() = true;
    let broken = world.driver.rebind(&id(), to("anthropic")).await.unwrap();
    assert!(matches!(broken, Rebound::Fault { .. }), "{broken:?}");
    assert_eq!(world.event_names(), ["launched", "bound"]);
    assert_eq!(world.status().await.provider, "openai");
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_provider_is_gone_goes_on_with_another() {
    let world = World::new();
    world.launch("interactive").await;
    world.answers(vec![fails(unavailable()); 4]);
    assert_eq!(
        world.run("try").await.session_status,
        Status::ProviderUnavailable
    );
    rebind(&world, "anthropic").await;
    assert_eq!(world.status().await.status, Status::ProviderUnavailable);
    let back = world.driver.recover_resume(&id()).await.unwrap();
    assert_eq!(back.status, Status::Idle);
    let work = work(RunOptions::default());
    let report = ran(world.driver.continue_run(&id(), &work).await);
    assert_eq!(report.status, RunStatus::Completed);
    let asked = world.script.asked.lock().unwrap();
    assert_eq!(asked.last().unwrap(), "anthropic");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_or_parked_session_is_not_rebound() {
    let world = World::new();
    world.launch("interactive").await;
    world.driver.stop(&id(), None).await.unwrap();
    let error = world
        .driver
        .rebind(&id(), to("anthropic"))
        .await
        .unwrap_err();
    assert_eq!(
        refused(error),
        "rebind of session agent_docs refused: it is stopped, and only an idle, resting or recoverable session changes its provider; use `tollgate agent restart agent_docs`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_that_another_process_works_on_is_not_rebound() {
    let world = World::new();
    world.launch("interactive").await;
    world.paces(vec![Pace::of(&[], 10)]);
    let other = world.beside("host_b");
    let late = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        other.driver.rebind(&id(), to("anthropic")).await
    };
    let (report, rebound) = tokio::join!(world.run("busy"), late);
    assert_eq!(report.status, RunStatus::Completed);
    assert!(refused(rebound.unwrap_err()).contains("it is running"));
    assert_eq!(world.status().await.provider, "openai");
}
