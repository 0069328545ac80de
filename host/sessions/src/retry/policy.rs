//! Trying again: exponential backoff with full jitter, within bounds on calls and on time.

use std::time::Duration;
use tollgate_contract::ProviderError;
use uuid::Uuid;

/// Bounds of trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Calls in all, the first included.
    pub attempts_max: u32,
    /// The most that is waited before the second call; doubles with each further one.
    pub backoff: Duration,
    /// The longest wait; a provider that asks for longer is given up at once.
    pub wait_max: Duration,
    /// From the first call of a turn on: no call begins later.
    pub total_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 4,
            backoff: Duration::from_millis(500),
            wait_max: Duration::from_secs(30),
            total_max: Duration::from_secs(15 * 60),
        }
    }
}

/// Chance, so that hosts that failed together do not come back together, and so that tests own it.
pub trait Jitter: Send + Sync {
    /// Any duration up to `most`.
    fn up_to(&self, most: Duration) -> Duration;
}

/// Chance of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomJitter;

impl Jitter for RandomJitter {
    fn up_to(&self, most: Duration) -> Duration {
        // Of a random UUID (RFC 9562 section 5.4) the last 62 bits are random.
        let (_, low) = Uuid::new_v4().as_u64_pair();
        let share = low & u64::from(u32::MAX);
        let nanos = most.as_nanos().saturating_mul(u128::from(share)) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(most)
    }
}

/// What follows from a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again after so long.
    Again(Duration),
    /// Do not.
    GiveUp(GivenUp),
}

/// Why a call is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GivenUp {
    /// The same request would fail again.
    #[error("trying again does not help")]
    NotRetryable,
    /// As many calls were made as may be.
    #[error("the provider did not answer, retries included ({calls} calls)")]
    Attempts {
        /// How many.
        calls: u32,
    },
    /// The provider asked for a longer wait than is allowed.
    #[error(
        "the provider asked to wait {} s, and {} s is the most that is waited",
        .asked.as_millis().div_ceil(1000), .most.as_secs()
    )]
    WaitTooLong {
        /// How long.
        asked: Duration,
        /// How long would be allowed.
        most: Duration,
    },
    /// The next call would begin too late.
    #[error("the provider did not answer within {} s, retries included", .most.as_secs())]
    TotalTime {
        /// The bound.
        most: Duration,
    },
}

impl RetryPolicy {
    /// What follows after call `attempt` (from 1) failed, `elapsed` after the first call began.
    ///
    /// A provider's own word (retry-after, RFC 9110 section 10.2.3) is kept to the millisecond, never
    /// shortened; without one the wait is anything up to the backoff (full jitter).
    pub fn judge(
        &self,
        attempt: u32,
        elapsed: Duration,
        error: &ProviderError,
        jitter: &dyn Jitter,
    ) -> Verdict {
        let asked = match error {
            ProviderError::RateLimited { retry_after_ms, .. }
            | ProviderError::Overloaded { retry_after_ms, .. }
            | ProviderError::Unavailable { retry_after_ms, .. } => {
                retry_after_ms.map(Duration::from_millis)
            }
            _ => return Verdict::GiveUp(GivenUp::NotRetryable),
        };
        if attempt >= self.attempts_max {
            return Verdict::GiveUp(GivenUp::Attempts { calls: attempt });
        }
        let wait = match asked {
            Some(asked) if asked > self.wait_max => {
                let most = self.wait_max;
                return Verdict::GiveUp(GivenUp::WaitTooLong { asked, most });
            }
            Some(asked) => asked,
            None => jitter.up_to(self.backoff_before(attempt.saturating_add(1))),
        };
        if elapsed.saturating_add(wait) > self.total_max {
            let most = self.total_max;
            return Verdict::GiveUp(GivenUp::TotalTime { most });
        }
        Verdict::Again(wait)
    }

    /// The most that is waited before call `attempt`, from 2.
    fn backoff_before(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(2).min(16);
        self.backoff
            .saturating_mul(1 << doublings)
            .min(self.wait_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as it may be, divided.
    struct Share(u32);

    impl Jitter for Share {
        fn up_to(&self, most: Duration) -> Duration {
            most / self.0
        }
    }

    fn limited(retry_after_ms: Option<u64>) -> ProviderError {
        ProviderError::RateLimited {
            message: String::new(),
            retry_after_ms,
        }
    }

    fn ms(n: u64) -> Verdict {
        Verdict::Again(Duration::from_millis(n))
    }

    #[test]
    fn the_bound_of_the_waits_doubles_and_ends() {
        let policy = RetryPolicy::default();
        let waits = |share| -> Vec<_> {
            (1..=5)
                .map(|n| policy.judge(n, Duration::ZERO, &limited(None), &Share(share)))
                .collect()
        };
        let end = |calls| Verdict::GiveUp(GivenUp::Attempts { calls });
        assert_eq!(waits(1), [ms(500), ms(1000), ms(2000), end(4), end(5)]);
        assert_eq!(waits(4), [ms(125), ms(250), ms(500), end(4), end(5)]);
        let long = RetryPolicy {
            attempts_max: u32::MAX,
            ..policy
        };
        let last = long.judge(u32::MAX - 1, Duration::ZERO, &limited(None), &Share(1));
        assert_eq!(last, Verdict::Again(long.wait_max));
    }

    #[test]
    fn the_providers_word_is_kept_or_the_call_given_up() {
        let policy = RetryPolicy::default();
        // Chance has no part in it.
        let judge = |error: &ProviderError| policy.judge(1, Duration::ZERO, error, &Share(7));
        assert_eq!(judge(&limited(Some(7_001))), ms(7_001));
        assert_eq!(judge(&limited(Some(30_000))), ms(30_000));
        assert_eq!(judge(&limited(Some(0))), ms(0));
        let Verdict::GiveUp(given_up) = judge(&limited(Some(30_001))) else {
            panic!("waited");
        };
        assert_eq!(
            given_up.to_string(),
            "the provider asked to wait 31 s, and 30 s is the most that is waited"
        );
        let refused = ProviderError::Refused {
            message: String::new(),
        };
        assert_eq!(judge(&refused), Verdict::GiveUp(GivenUp::NotRetryable));
    }

    #[test]
    fn no_call_begins_after_the_total_time() {
        let policy = RetryPolicy {
            total_max: Duration::from_secs(10),
            ..RetryPolicy::default()
        };
        let after = |elapsed, asked| {
            let elapsed = Duration::from_secs(elapsed);
            policy.judge(1, elapsed, &limited(Some(asked)), &Share(1))
        };
        assert_eq!(after(4, 6_000), ms(6_000));
        let most = policy.total_max;
        assert_eq!(
            after(4, 6_001),
            Verdict::GiveUp(GivenUp::TotalTime { most })
        );
    }

    #[test]
    fn chance_stays_in_its_bounds_and_is_no_constant() {
        let most = Duration::from_secs(3);
        let drawn: Vec<_> = (0..64).map(|_| RandomJitter.up_to(most)).collect();
        assert!(drawn.iter().all(|wait| *wait <= most));
        assert!(drawn.iter().any(|wait| *wait != drawn[0]));
        assert_eq!(RandomJitter.up_to(Duration::ZERO), Duration::ZERO);
    }
}
