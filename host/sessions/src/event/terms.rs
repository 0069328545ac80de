//! The terms of a run, as the event of its prompt keeps them.

use crate::models::Cost;
use crate::status::OnDenied;
use serde::{Deserialize, Serialize};
use tollgate_contract::RequestOptions;

use super::ITERATIONS_DEFAULT;

/// On what terms a run was asked for. Whoever goes on with it, in whichever process, keeps to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTerms {
    /// The most turns.
    pub iterations_max: u32,
    /// The most tokens of provider calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_budget: Option<u64>,
    /// The most money of provider calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money_budget: Option<Cost>,
    /// The most effects that its tools may attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect_budget: Option<u64>,
    /// What a denial does.
    pub on_denied: OnDenied,
    /// What answers in place of the socket: the name of a fixture, or its absolute path. None is the
    /// network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixture: Option<String>,
    /// Every grant is withheld from the tools.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withhold: bool,
    /// What each request asks of the model beyond its words.
    #[serde(default, skip_serializing_if = "asks_nothing")]
    pub request: RequestOptions,
}

fn asks_nothing(request: &RequestOptions) -> bool {
    *request == RequestOptions::default()
}

impl Default for RunTerms {
    fn default() -> Self {
        Self {
            iterations_max: ITERATIONS_DEFAULT,
            token_budget: None,
            money_budget: None,
            effect_budget: None,
            on_denied: OnDenied::Tell,
            fixture: None,
            withhold: false,
            request: RequestOptions::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::*;

    #[test]
    fn terms_are_read_back_and_need_not_be_there() {
        let text = r#"{"type":"prompt_received","seed":{"run":"r","task":"t"},"prompt":{"hash":"","bytes":0},"provider":"p"}"#;
        let before: Event = serde_json::from_str(text).unwrap();
        assert!(matches!(before, Event::PromptReceived { terms: None, .. }));
        let terms = RunTerms {
            iterations_max: 7,
            token_budget: Some(9),
            money_budget: Some(Cost {
                micros: 1_500_000,
                currency: "USD".into(),
            }),
            effect_budget: Some(11),
            on_denied: OnDenied::Block,
            fixture: Some("f".into()),
            withhold: true,
            request: RequestOptions {
                effort: Some(tollgate_contract::Effort::Low),
                output: None,
            },
        };
        for terms in [terms, RunTerms::default()] {
            let json = serde_json::to_string(&terms).unwrap();
            assert_eq!(serde_json::from_str::<RunTerms>(&json).unwrap(), terms);
        }
    }
}
