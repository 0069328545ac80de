//! What calls cost, budgets that are settled whatever becomes of a call, and models by purpose.

use super::world::*;
use crate::driver::*;
use crate::event::{Event, RunTerms};
use crate::models::{Cost, ModelChoice, Models, Price};
use crate::record::SessionRecord;
use crate::status::*;
use std::sync::Arc;

/// Prices and choices: 10 tokens of request and 5 of answer of `m-1` cost 10 + 10.
struct Book;

impl Models for Book {
    fn price(&self, provider: &str, model: &str) -> Option<Price> {
        (provider == "openai" && model == "m-1").then(|| Price {
            currency: "USD".into(),
            input_micros: 1_000_000,
            cached_input_micros: 0,
            output_micros: 2_000_000,
        })
    }

    fn model_for(&self, purpose: Option<&str>) -> Option<ModelChoice> {
        let (provider, model) = match purpose {
            Some("judge") => (Some("anthropic"), "wise"),
            Some("coding") => (None, "big"),
            _ => (Some("openai"), "m-1"),
        };
        Some(ModelChoice {
            provider: provider.map(str::to_owned),
            model: model.to_owned(),
        })
    }
}

fn world() -> World {
    let mut world = World::new();
    world.driver.providers.models = Arc::new(Book);
    world
}

fn usd(micros: u64) -> Cost {
    Cost {
        micros,
        currency: "USD".into(),
    }
}

fn money(micros: u64) -> RunOptions {
    on_terms(RunTerms {
        money_budget: Some(usd(micros)),
        ..RunTerms::default()
    })
}

/// Reserved, or lost: tokens and millionths, by event.
fn settled(world: &World) -> Vec<(&'static str, u64, Option<u64>)> {
    let micros = |cost: Option<Cost>| cost.map(|cost| cost.micros);
    world
        .events()
        .into_iter()
        .filter_map(|event| {
            let name = event.name();
            match event {
                Event::ProviderStarted {
                    reserved_tokens,
                    reserved_cost,
                    ..
                } => Some((name, reserved_tokens, micros(reserved_cost))),
                Event::ProviderFailed {
                    lost_tokens,
                    lost_cost,
                    ..
                } => Some((name, lost_tokens, micros(lost_cost))),
                _ => None,
            }
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_receipt_says_what_its_call_cost_and_run_and_session_add_up() {
    let world = world();
    world.launch("interactive").await;
    world.answers(vec![ask(&[("t1", "files__read", "{}")]), say("done")]);
    let report = world.run("price it").await;
    assert_eq!(report.provider_receipts[0].cost, Some(usd(20)));
    assert_eq!(report.cost.of("USD"), 40);
    world.run("and again").await;
    let record = world.status().await;
    assert_eq!(record.cost.of("USD"), 60);
    assert_eq!(record.last_run.unwrap().cost.of("USD"), 20);
}

#[tokio::test(start_paused = true)]
async fn without_a_price_there_is_no_cost() {
    let world = World::new();
    world.launch("interactive").await;
    let report = world.run("free?").await;
    assert_eq!(report.provider_receipts[0].cost, None);
    assert!(report.cost.is_empty());
    let json = serde_json::to_value(world.status().await).unwrap();
    assert!(json.get("cost").is_none());
}

#[tokio::test(start_paused = true)]
async fn money_is_reserved_bounds_the_answer_and_ends_the_run() {
    let world = world();
    world.launch("interactive").await;
    world.answers(vec![ask(&[("t1", "files__read", "{}")]), say("done")]);
    let report = world.run_with("go", money(110)).await;
    let [(_, tokens, Some(reserved)), ..] = settled(&world)[..] else {
        panic!("nothing reserved");
    };
    assert_eq!((tokens, reserved <= 110), (0, true));
    let most = world.script.requests.lock().unwrap()[0].output_tokens_max;
    let most = most.unwrap();
    assert!(most >= 16 && u64::from(most) * 2 < 110, "{most}");
    assert_eq!(report.status, RunStatus::Completed);
    let report = world.run_with("go", money(20)).await;
    assert_eq!(
        (report.status, report.reason.as_deref()),
        (RunStatus::Interrupted, Some("money_budget"))
    );
    assert_eq!(world.asked(), 2, "nothing was asked");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_money_cut_is_the_budgets_end() {
    let world = world();
    world.launch("interactive").await;
    world.answers(vec![cut("as far as")]);
    let report = world.run_with("go", money(1_000)).await;
    assert_eq!(report.reason.as_deref(), Some("money_budget"));
}

#[tokio::test(start_paused = true)]
async fn a_budget_in_money_needs_a_price() {
    let mut world = world();
    world.driver.providers.models = Arc::new(crate::models::NoModels);
    world.launch("interactive").await;
    let report = world.run_with("go", money(1_000_000)).await;
    assert_eq!(report.reason.as_deref(), Some("money_budget"));
    assert!(report.message.unwrap().contains("needs a price"));
    assert_eq!(world.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_try_is_reserved_and_settled_and_what_had_begun_counts() {
    let world = world();
    world.launch("interactive").await;
    // Turned away; broken off in the middle; never came back.
    world.paces(vec![
        Pace::of(&[], 1),
        Pace::of(&[0, 0], 1),
        Pace::of(&[], 3_600),
    ]);
    world.answers(vec![
        fails(unavailable()),
        fails(unavailable()),
        say("at last"),
    ]);
    let options = on_terms(RunTerms {
        token_budget: Some(10_000),
        money_budget: Some(usd(20_000)),
        ..RunTerms::default()
    });
    let report = world.run_with("go", options).await;
    assert_eq!(report.status, RunStatus::Completed);
    let told = settled(&world);
    let lost: Vec<_> = told
        .iter()
        .filter(|(name, ..)| *name == "provider_failed")
        .map(|(_, tokens, micros)| (*tokens, *micros))
        .collect();
    let input = lost[2].0;
    assert!(input > 0);
    // Two pieces of three bytes are two tokens.
    assert_eq!(
        lost,
        [
            (0, None),
            (input + 2, Some(input + 4)),
            (input, Some(input)),
        ]
    );
    let reserved: Vec<_> = told
        .iter()
        .filter(|(name, ..)| *name == "provider_started")
        .map(|(_, tokens, _)| *tokens)
        .collect();
    assert_eq!(
        reserved,
        [10_000, 10_000, 10_000 - input - 2, 10_000 - 2 * input - 2]
    );
    let last = world.driver.peek(&id()).unwrap().0.last_run.unwrap().run;
    assert_eq!(last.reserved_tokens, 0);
    assert_eq!(last.tokens_spent(), 15 + 2 * input + 2);
    assert_eq!(last.micros_spent("USD"), 20 + 2 * input + 4);
}

async fn launched(provider: &str, model: Option<&str>, purpose: Option<&str>) -> SessionRecord {
    let launch = Launch {
        session: Some(id()),
        provider: provider.into(),
        model: model.map(str::to_owned),
        purpose: purpose.map(str::to_owned),
        ..Launch::default()
    };
    world().driver.launch(launch).await.unwrap().session
}

#[tokio::test(start_paused = true)]
async fn where_no_model_is_named_the_purpose_chooses_one() {
    for (provider, model, purpose, expected) in [
        ("openai", None, None, ("openai", Some("m-1"))),
        ("openai", None, Some("coding"), ("openai", Some("big"))),
        (
            "openai",
            Some("mine"),
            Some("coding"),
            ("openai", Some("mine")),
        ),
        ("openai", None, Some("unheard-of"), ("openai", Some("m-1"))),
        // Another provider's model is none of this one's.
        ("openai", None, Some("judge"), ("openai", None)),
        ("", None, Some("judge"), ("anthropic", Some("wise"))),
    ] {
        let session = launched(provider, model, purpose).await;
        assert_eq!(
            (session.provider.as_str(), session.model.as_deref()),
            expected,
            "{purpose:?}"
        );
        assert_eq!(session.purpose.as_deref(), purpose);
    }
}
