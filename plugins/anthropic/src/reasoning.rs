//! How much to reason, in the two ways in which models are told.
//!
//! Models since Claude 4.6 decide themselves, guided by `output_config.effort`; a budget of tokens is an
//! error for most of them. Models before that know only the budget.

use serde_json::{Value, json};
use tollgate_sdk::ProviderError;
use tollgate_sdk::options::Effort;

/// The least budget that the API takes, in tokens.
const BUDGET_TOKENS_MIN: u32 = 1024;

/// The way in which a model is told how much to reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `thinking.type` is `adaptive`, beside an effort.
    Adaptive,
    /// `thinking.type` is `enabled`, with a number of tokens.
    Budget,
}

impl Way {
    /// The way of the model of this name; `Adaptive` where the name says nothing.
    pub(crate) fn of(model: &str) -> Self {
        match version(model) {
            Some(version) if version < (4, 6) => Self::Budget,
            _ => Self::Adaptive,
        }
    }
}

/// The version in a name such as `claude-opus-4-5-20251101` or `claude-3-7-sonnet-latest`.
fn version(model: &str) -> Option<(u32, u32)> {
    let (_, name) = model.rsplit_once("claude-")?;
    let mut parts = name
        .split(['-', '.', '@', ':'])
        .skip_while(|part| part.parse::<u32>().is_err());
    let major = parts.next()?.parse().ok()?;
    // What has more than two digits is a date.
    let minor = parts.next().filter(|part| part.len() <= 2);
    Some((major, minor.and_then(|part| part.parse().ok()).unwrap_or(0)))
}

/// What a request says of reasoning.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reasoning {
    pub(crate) thinking: Option<Value>,
    pub(crate) effort: Option<&'static str>,
}

impl Reasoning {
    /// What to say for `effort`. With a budget, low, medium and high are an eighth, a quarter and a half
    /// of `output_tokens_max`, of which they are a part, and at least 1024 tokens.
    pub(crate) fn new(
        effort: Option<Effort>,
        way: Way,
        display: Option<&str>,
        output_tokens_max: u32,
    ) -> Result<Self, ProviderError> {
        let (word, share) = match (effort, way) {
            // A model with a budget does not reason unless it is told to.
            (None, _) | (Some(Effort::Off), Way::Budget) => return Ok(Self::default()),
            (Some(Effort::Off), Way::Adaptive) => {
                return Ok(Self {
                    thinking: Some(json!({"type": "disabled"})),
                    effort: None,
                });
            }
            (Some(Effort::Low), _) => ("low", 8),
            (Some(Effort::Medium), _) => ("medium", 4),
            (Some(Effort::High), _) => ("high", 2),
        };
        let mut thinking = match way {
            Way::Adaptive => json!({"type": "adaptive"}),
            Way::Budget if output_tokens_max <= BUDGET_TOKENS_MIN => {
                return Err(ProviderError::invalid(format!(
                    "this model reasons with at least {BUDGET_TOKENS_MIN} tokens, and the answer may have \
                     only {output_tokens_max}; allow more or ask for no effort"
                )));
            }
            Way::Budget => {
                let budget = output_tokens_max
                    .checked_div(share)
                    .unwrap_or_default()
                    .max(BUDGET_TOKENS_MIN);
                json!({"type": "enabled", "budget_tokens": budget})
            }
        };
        if let (Some(display), Some(fields)) = (display, thinking.as_object_mut()) {
            fields.insert("display".into(), display.into());
        }
        Ok(Self {
            thinking: Some(thinking),
            effort: (way == Way::Adaptive).then_some(word),
        })
    }

    /// Whether a budget was set, with which the API takes no sampling and no forced tool.
    pub(crate) fn has_budget(&self) -> bool {
        self.effort.is_none()
            && self
                .thinking
                .as_ref()
                .is_some_and(|thinking| thinking.get("budget_tokens").is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_way() {
        for model in [
            "claude-2.1",
            "claude-instant-1.2",
            "claude-3-opus-20240229",
            "claude-3-7-sonnet-latest",
            "claude-sonnet-4-20250514",
            "claude-opus-4-1",
            "claude-opus-4@20250514",
            "claude-haiku-4-5-20251001",
            "anthropic/claude-sonnet-4.5",
            "us.anthropic.claude-opus-4-5-20251101-v1:0",
        ] {
            assert_eq!(Way::of(model), Way::Budget, "{model}");
        }
        for model in [
            "claude-opus-4-6",
            "claude-sonnet-4-6",
            "claude-opus-4-8",
            "claude-haiku-5-5",
            "claude-opus-5",
            "claude-sonnet-6-20270101",
            "claude-mythos-preview",
            "some-model-4",
            "",
        ] {
            assert_eq!(Way::of(model), Way::Adaptive, "{model}");
        }
    }

    fn reasoning(effort: Option<Effort>, way: Way, tokens: u32) -> Reasoning {
        Reasoning::new(effort, way, None, tokens).unwrap()
    }

    #[test]
    fn nothing_is_said_where_nothing_is_asked() {
        for way in [Way::Adaptive, Way::Budget] {
            assert_eq!(reasoning(None, way, 10), Reasoning::default());
        }
    }

    #[test]
    fn an_effort_is_a_word_or_a_share_of_the_tokens() {
        for (effort, word, budget) in [
            (Effort::Low, "low", 2_048),
            (Effort::Medium, "medium", 4_096),
            (Effort::High, "high", 8_192),
        ] {
            let adaptive = reasoning(Some(effort), Way::Adaptive, 16_384);
            assert_eq!(adaptive.thinking, Some(json!({"type": "adaptive"})));
            assert_eq!(adaptive.effort, Some(word));
            assert!(!adaptive.has_budget());
            let enabled = reasoning(Some(effort), Way::Budget, 16_384);
            let wanted = json!({"type": "enabled", "budget_tokens": budget});
            assert_eq!(enabled.thinking, Some(wanted));
            assert_eq!(enabled.effort, None);
            assert!(enabled.has_budget());
        }
    }

    #[test]
    fn off_is_said_only_to_a_model_that_would_reason_by_itself() {
        let off = reasoning(Some(Effort::Off), Way::Adaptive, 100);
        assert_eq!(off.thinking, Some(json!({"type": "disabled"})));
        assert_eq!(off.effort, None);
        let off = reasoning(Some(Effort::Off), Way::Budget, 100);
        assert_eq!(off, Reasoning::default());
    }

    #[test]
    fn a_budget_is_between_its_bounds_or_there_is_none() {
        let budget = |tokens| {
            let reasoning = Reasoning::new(Some(Effort::Low), Way::Budget, None, tokens)?;
            Ok::<_, ProviderError>(reasoning.thinking.unwrap()["budget_tokens"].clone())
        };
        assert_eq!(budget(1_025).unwrap(), 1_024);
        assert_eq!(budget(u32::MAX).unwrap(), u32::MAX / 8);
        for tokens in [0, 1, 1_024] {
            assert!(
                matches!(budget(tokens), Err(ProviderError::InvalidRequest(m)) if m.contains("1024"))
            );
        }
        // A model that decides itself has no least number.
        reasoning(Some(Effort::High), Way::Adaptive, 1);
    }

    #[test]
    fn whether_reasoning_is_shown_can_be_said() {
        let thinking = |effort, way| {
            let reasoning = Reasoning::new(Some(effort), way, Some("summarized"), 16_384).unwrap();
            reasoning.thinking.unwrap()
        };
        for way in [Way::Adaptive, Way::Budget] {
            assert_eq!(thinking(Effort::High, way)["display"], "summarized");
        }
        assert!(
            thinking(Effort::Off, Way::Adaptive)
                .get("display")
                .is_none()
        );
    }
}
