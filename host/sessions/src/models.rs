//! What the operator's configuration says of models: which one for which purpose, and what it costs.
//!
//! Money is counted in millionths of a currency's unit, in whole numbers; what is left over is rounded up.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tollgate_contract::Usage;

/// Tokens for which a price is stated.
const PRICED_TOKENS: u128 = 1_000_000;

/// The operator's configuration. Who joins the crates says where it is read.
pub trait Models: Send + Sync {
    /// What `model` of `provider` costs; none where that is not stated.
    fn price(&self, provider: &str, model: &str) -> Option<Price>;

    /// The model for a purpose, else the default one; none where nothing is stated.
    fn model_for(&self, purpose: Option<&str>) -> Option<ModelChoice>;
}

/// A configuration that says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoModels;

impl Models for NoModels {
    fn price(&self, _: &str, _: &str) -> Option<Price> {
        None
    }

    fn model_for(&self, _: Option<&str>) -> Option<ModelChoice> {
        None
    }
}

/// A model, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChoice {
    /// The provider plugin; none for whichever is used.
    pub provider: Option<String>,
    /// The model, as its provider names it.
    pub model: String,
}

/// What a million tokens cost, in millionths of the currency's unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The currency's letters (ISO 4217).
    pub currency: String,
    /// Tokens of the request that the provider had not cached.
    pub input_micros: u64,
    /// Tokens of the request that it had.
    pub cached_input_micros: u64,
    /// Tokens of the answer, reasoning included.
    pub output_micros: u64,
}

impl Price {
    /// What so many tokens cost, rounded up.
    pub fn cost(&self, usage: Usage) -> Cost {
        let cached = usage.cached_input.min(usage.input);
        let part = |tokens: u64, micros: u64| u128::from(tokens).saturating_mul(micros.into());
        let sum = part(usage.input.saturating_sub(cached), self.input_micros)
            .saturating_add(part(cached, self.cached_input_micros))
            .saturating_add(part(usage.output, self.output_micros));
        Cost {
            micros: u64::try_from(sum.div_ceil(PRICED_TOKENS)).unwrap_or(u64::MAX),
            currency: self.currency.clone(),
        }
    }

    /// Tokens of answer that `micros` pay for, rounded down.
    pub(crate) fn output_tokens_for(&self, micros: u64) -> u64 {
        match self.output_micros {
            0 => u64::MAX,
            price => {
                let tokens = u128::from(micros).saturating_mul(PRICED_TOKENS) / u128::from(price);
                u64::try_from(tokens).unwrap_or(u64::MAX)
            }
        }
    }
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Millionths of the currency's unit.
    pub micros: u64,
    /// The currency's letters (ISO 4217).
    pub currency: String,
}

/// Amounts by currency, in millionths of its unit. Calls without a price are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Costs(BTreeMap<String, u64>);

impl Costs {
    /// Adds an amount.
    pub fn add(&mut self, cost: &Cost) {
        let sum = self.0.entry(cost.currency.clone()).or_default();
        *sum = sum.saturating_add(cost.micros);
    }

    /// The amount in one currency.
    pub fn of(&self, currency: &str) -> u64 {
        self.0.get(currency).copied().unwrap_or_default()
    }

    /// Every amount with its currency.
    pub fn each(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0
            .iter()
            .map(|(currency, micros)| (currency.as_str(), *micros))
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        Price {
            currency: "USD".into(),
            input_micros: 2_500_000,
            cached_input_micros: 250_000,
            output_micros: 10_000_000,
        }
    }

    #[test]
    fn tokens_cost_what_the_table_says_rounded_up() {
        let cost = |input, cached_input, output| {
            let usage = Usage {
                input,
                output,
                cached_input,
                reasoning: 0,
            };
            price().cost(usage).micros
        };
        assert_eq!(cost(1_000_000, 0, 0), 2_500_000);
        assert_eq!(cost(1_000_000, 1_000_000, 0), 250_000);
        assert_eq!(cost(1_000, 400, 100), 1_500 + 100 + 1_000);
        assert_eq!(cost(1, 0, 0), 3);
        assert_eq!(cost(0, 5, 0), 0, "more cached than asked");
        assert_eq!(cost(u64::MAX, 0, u64::MAX), u64::MAX);
    }

    #[test]
    fn money_pays_for_no_more_than_it_is_worth() {
        assert_eq!(price().output_tokens_for(1_000), 100);
        assert_eq!(price().output_tokens_for(9), 0);
        let free = Price {
            output_micros: 0,
            ..price()
        };
        assert_eq!(free.output_tokens_for(0), u64::MAX);
    }

    #[test]
    fn currencies_are_not_added_up() {
        let mut costs = Costs::default();
        for (micros, currency) in [(1, "USD"), (2, "EUR"), (3, "USD")] {
            costs.add(&Cost {
                micros,
                currency: currency.into(),
            });
        }
        assert_eq!(
            (costs.of("USD"), costs.of("EUR"), costs.of("CHF")),
            (4, 2, 0)
        );
        assert_eq!(
            serde_json::to_string(&costs).unwrap(),
            r#"{"EUR":2,"USD":4}"#
        );
    }
}
