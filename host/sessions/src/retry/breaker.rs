//! A circuit breaker for each (provider, model): after enough failures in a row nothing is asked for a while,
//! and then one call finds out whether the provider is back.
//!
//! ```text
//! closed ──failures_max failures in a row──► open ──after `open`──► half-open: one call
//!    ▲                                        ▲                        │
//!    └──────────── it answered ───────────────┼────────────────────────┤
//!                                             └────── it failed ───────┘
//! ```
//!
//! Failures are `unavailable` and `overloaded`, timeouts included. Any other word of the provider, also an
//! error, shows that it answers. What the gate refused never reached it and counts neither way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tollgate_contract::ProviderError;

/// Failures in a row that open a circuit: one more than the calls of one turn, so that a single turn opens
/// none that was closed.
pub const BREAKER_FAILURES: u32 = 5;
/// How long an open circuit lets no call through.
pub const BREAKER_OPEN: Duration = Duration::from_secs(30);
/// Circuits kept; a model's name is whatever an operator wrote. Those without failures make room.
const CIRCUITS_MAX: usize = 256;

/// Bounds of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures_max: u32,
    /// How long it stays open.
    pub open: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures_max: BREAKER_FAILURES,
            open: BREAKER_OPEN,
        }
    }
}

/// The circuit is open: no call was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("circuit open, next probe in {} s", .wait.as_millis().div_ceil(1000))]
pub struct CircuitOpen {
    /// When a call is let through again, microseconds since the Unix epoch.
    pub probe_us: i64,
    /// How long that is from now; zero while the one call that may find out is under way.
    pub wait: Duration,
}

/// One circuit, pure: times come in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Breaker {
    /// Calls go through.
    #[default]
    Closed,
    /// So many failures in a row; calls go through.
    Failing(u32),
    /// No call goes through.
    Open {
        /// Until when, microseconds since the Unix epoch.
        until_us: i64,
    },
    /// One call is under way; no other goes through.
    HalfOpen,
}

impl Breaker {
    /// Lets a call through or not.
    pub fn admit(&mut self, now_us: i64, policy: &BreakerPolicy) -> Result<(), CircuitOpen> {
        match *self {
            Self::Closed | Self::Failing(_) => Ok(()),
            Self::Open { until_us } => {
                let left_us = until_us.saturating_sub(now_us);
                // Longer than it was opened for: the clock was set back.
                if left_us <= 0 || left_us > micros(policy.open) {
                    *self = Self::HalfOpen;
                    return Ok(());
                }
                Err(CircuitOpen {
                    probe_us: until_us,
                    wait: Duration::from_micros(left_us.unsigned_abs()),
                })
            }
            Self::HalfOpen => Err(CircuitOpen {
                probe_us: now_us,
                wait: Duration::ZERO,
            }),
        }
    }

    /// The provider answered, be it with an error.
    pub fn answered(&mut self) {
        *self = Self::Closed;
    }

    /// The provider did not answer.
    pub fn failed(&mut self, now_us: i64, policy: &BreakerPolicy) {
        let failures = match *self {
            Self::Closed => 1,
            Self::Failing(failures) => failures.saturating_add(1),
            Self::HalfOpen | Self::Open { .. } => policy.failures_max,
        };
        *self = if failures >= policy.failures_max {
            Self::Open {
                until_us: now_us.saturating_add(micros(policy.open)),
            }
        } else {
            Self::Failing(failures)
        };
    }

    /// The call ended without a word about the provider: the next one may find out.
    pub fn abandoned(&mut self, now_us: i64) {
        if *self == Self::HalfOpen {
            *self = Self::Open { until_us: now_us };
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

type Circuits = BTreeMap<(String, String), Breaker>;

/// The circuits of one process, shared by its sessions.
#[derive(Debug, Default)]
pub struct Breakers(Mutex<Circuits>);

impl Breakers {
    fn circuits(&self) -> MutexGuard<'_, Circuits> {
        // A circuit is changed in one step, so that a panic elsewhere leaves none half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call of `model` (empty for the adapter's default) through or not.
    pub fn admit(
        self: &Arc<Self>,
        provider: &str,
        model: &str,
        now_us: i64,
        policy: &BreakerPolicy,
    ) -> Result<Pass, CircuitOpen> {
        let key = (provider.to_owned(), model.to_owned());
        if let Some(breaker) = self.circuits().get_mut(&key) {
            breaker.admit(now_us, policy)?;
        }
        Ok(Pass {
            breakers: Arc::clone(self),
            key,
            now_us,
            told: false,
        })
    }
}

/// A call that was let through. Dropped without a word it says nothing about the provider.
#[derive(Debug)]
#[must_use]
pub struct Pass {
    breakers: Arc<Breakers>,
    key: (String, String),
    now_us: i64,
    told: bool,
}

impl Pass {
    /// The provider answered.
    pub fn answered(mut self) {
        self.told = true;
        // A circuit that is not kept is closed.
        self.breakers.circuits().remove(&self.key);
    }

    /// The provider answered with this error, or did not answer.
    pub fn erred(mut self, error: &ProviderError, now_us: i64, policy: &BreakerPolicy) {
        match error {
            ProviderError::Unavailable { .. } | ProviderError::Overloaded { .. } => {
                self.told = true;
                let mut circuits = self.breakers.circuits();
                if !circuits.contains_key(&self.key) && circuits.len() >= CIRCUITS_MAX {
                    let least = circuits
                        .iter()
                        .find(|(_, breaker)| matches!(breaker, Breaker::Failing(_)))
                        .or_else(|| circuits.iter().next())
                        .map(|(key, _)| key.clone());
                    least.map(|key| circuits.remove(&key));
                }
                circuits
                    .entry(self.key.clone())
                    .or_default()
                    .failed(now_us, policy);
            }
            // It did not get there.
            ProviderError::Denied { .. } => {}
            _ => self.answered(),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.told
            && let Some(breaker) = self.breakers.circuits().get_mut(&self.key)
        {
            breaker.abandoned(self.now_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn policy() -> BreakerPolicy {
        BreakerPolicy {
            failures_max: 3,
            open: Duration::from_secs(10),
        }
    }

    fn unavailable() -> ProviderError {
        ProviderError::Unavailable {
            message: String::new(),
            retry_after_ms: None,
        }
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for now in 0..3 {
            breaker.admit(now * SECOND, &policy()).unwrap();
            breaker.failed(now * SECOND, &policy());
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_does_not() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            breaker.failed(0, &policy());
            breaker.failed(0, &policy());
            breaker.answered();
        }
        assert_eq!(breaker, Breaker::Closed);
        let open = opened().admit(5 * SECOND, &policy()).unwrap_err();
        assert_eq!((open.probe_us, open.wait.as_secs()), (12 * SECOND, 7));
        assert_eq!(open.to_string(), "circuit open, next probe in 7 s");
    }

    #[test]
    fn one_call_finds_out_and_decides() {
        let mut breaker = opened();
        assert!(breaker.admit(12 * SECOND - 1, &policy()).is_err());
        breaker.admit(12 * SECOND, &policy()).unwrap();
        assert!(breaker.admit(12 * SECOND, &policy()).is_err(), "a second");
        let mut failed = breaker;
        failed.failed(13 * SECOND, &policy());
        assert!(failed.admit(23 * SECOND - 1, &policy()).is_err());
        failed.admit(23 * SECOND, &policy()).unwrap();
        let mut abandoned = breaker;
        abandoned.abandoned(13 * SECOND);
        abandoned.admit(13 * SECOND, &policy()).unwrap();
        breaker.answered();
        assert_eq!(breaker, Breaker::Closed);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nothing_shut() {
        opened().admit(-3600 * SECOND, &policy()).unwrap();
    }

    #[test]
    fn circuits_are_apart_and_a_dropped_call_says_nothing() {
        let breakers = Arc::new(Breakers::default());
        let admit = |model: &str, now| breakers.admit("p", model, now * SECOND, &policy());
        for _ in 0..3 {
            admit("m", 0).unwrap().erred(&unavailable(), 0, &policy());
        }
        assert!(admit("m", 9).is_err());
        admit("other", 9).unwrap().answered();
        let probe = admit("m", 10).unwrap();
        assert!(admit("m", 10).is_err());
        drop(probe);
        let probe = admit("m", 10).unwrap();
        // An error is an answer, too.
        let refused = ProviderError::Refused {
            message: String::new(),
        };
        probe.erred(&refused, 10 * SECOND, &policy());
        admit("m", 10).unwrap().answered();
    }

    #[test]
    fn what_the_gate_refused_counts_neither_way() {
        let breakers = Arc::new(Breakers::default());
        let admit = || breakers.admit("p", "m", 0, &policy());
        let denial = tollgate_contract::Denial {
            receipt: "r".into(),
            kind: "http".into(),
            target: "x".into(),
            reason: "no_grant".into(),
        };
        for _ in 0..2 {
            admit().unwrap().erred(&unavailable(), 0, &policy());
        }
        let denied = ProviderError::Denied { denial };
        for _ in 0..3 {
            admit().unwrap().erred(&denied, 0, &policy());
        }
        admit().unwrap().erred(&unavailable(), 0, &policy());
        assert!(admit().is_err());
    }

    #[test]
    fn the_number_of_circuits_is_bounded() {
        let breakers = Arc::new(Breakers::default());
        for n in 0..CIRCUITS_MAX + 10 {
            let pass = breakers.admit("p", &n.to_string(), 0, &policy()).unwrap();
            pass.erred(&unavailable(), 0, &policy());
        }
        assert_eq!(breakers.circuits().len(), CIRCUITS_MAX);
    }
}
