//! The driver: it does what the machine decides, with the store, the ledger and the plugins.
//!
//! - Every command opens the session under a lease ([`seat`]), settles what a lost owner left
//!   ([`open`]), asks the machine, appends, and lets go.
//! - A run ([`run`]) journals each step before and after it: a provider or tool call that came back is
//!   never made again, whatever kills the process. A request for a tool that has no result when the
//!   session goes on gets one that says `interrupted`.
//! - Store calls are synchronous and take milliseconds; they run on the caller's thread. Guests run
//!   elsewhere (the sandbox's own runtime).
//!
//! Invariant: nothing here decides whether a command is legal, and nothing but [`seat`] appends.

mod bind;
mod call;
mod end;
mod error;
mod heart;
mod launch;
mod look;
mod open;
mod prompt;
mod provider;
mod rebind;
mod report;
mod resolve;
mod run;
mod seat;
mod tools;

#[cfg(test)]
mod tests;

pub use bind::{BindChecks, BindContext, Binding, Unmet, describe_provider};
pub use error::DriverError;
pub use heart::StoreLeases;
pub use launch::{Launch, Launched};
pub use prompt::{PromptRequest, Prompted, RunOptions, Work, is_exit_word};
pub use rebind::{Rebind, Rebound};
pub use resolve::{Resolved, Word};

use crate::clock::Clock;
use crate::event::Operator;
use crate::models::{Models, NoModels};
use crate::ports::SessionStore;
use crate::retry::{BreakerPolicy, Breakers, CallTimeouts, Jitter, RandomJitter, RetryPolicy};
use std::sync::Arc;
use std::time::Duration;
use tollgate_contract::PluginCaller;
use tollgate_receipts::Ledger;
use uuid::Uuid;

/// The names that this crate gives to `tollgate_contract::stop_point`, in the order in which a prompt
/// with one tool call passes them; the last two are passed by resolve, and by stop, exit words and
/// `rm --force`.
pub const STOP_POINTS: &[&str] = &[
    "before_lease",
    "after_lease",
    "before_settled",
    "before_bind",
    "after_prompt_received",
    "before_provider_call",
    "after_provider_call",
    "after_provider_event",
    "before_tool_call",
    "after_tool_call",
    "after_tool_event",
    "before_run_completed",
    "after_run_completed",
    "before_lease_release",
    "after_lease_release",
    "before_resolved",
    "between_stopping_and_stopped",
];

/// Bounds of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
    /// How often a run looks at its lease.
    pub heartbeat: Duration,
    /// How long `stop` waits for a living owner to let go before it seizes the session.
    pub stop_grace: Duration,
    /// How long a cancelled run waits for effects in flight.
    pub settle_grace: Duration,
    /// How often an unbound session is checked again while a prompt waits.
    pub bind_poll: Duration,
    /// When failed provider calls are tried again.
    pub retry: RetryPolicy,
    /// How long one provider call may take.
    pub timeouts: CallTimeouts,
    /// When a provider that does not answer is not asked any more.
    pub breaker: BreakerPolicy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            heartbeat: Duration::from_millis(250),
            stop_grace: Duration::from_secs(5),
            settle_grace: Duration::from_secs(5),
            bind_poll: Duration::from_secs(1),
            retry: RetryPolicy::default(),
            timeouts: CallTimeouts::default(),
            breaker: BreakerPolicy::default(),
        }
    }
}

/// What a driver needs for calling providers, besides the plugins. Drivers of one process share it.
#[derive(Clone)]
pub struct Providers {
    /// Which models there are for what, and what they cost.
    pub models: Arc<dyn Models>,
    /// Which of them do not answer.
    pub breakers: Arc<Breakers>,
    /// Chance in the waits between two tries.
    pub jitter: Arc<dyn Jitter>,
}

impl Default for Providers {
    fn default() -> Self {
        Self {
            models: Arc::new(NoModels),
            breakers: Arc::default(),
            jitter: Arc::new(RandomJitter),
        }
    }
}

/// Drives sessions for one operator in one process.
#[derive(Clone)]
pub struct Driver {
    /// Where sessions are kept.
    pub store: Arc<dyn SessionStore>,
    /// Where outcomes are written.
    pub ledger: Arc<dyn Ledger>,
    /// How plugins are called.
    pub caller: Arc<dyn PluginCaller>,
    /// What a session needs before it is idle.
    pub binds: Arc<dyn BindChecks>,
    /// What is known of models and providers.
    pub providers: Providers,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who commands.
    pub operator: Operator,
    /// Bounds of time.
    pub settings: Settings,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("operator", &self.operator)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Driver {
    /// Until when a lease taken or renewed now lasts, microseconds since the Unix epoch.
    fn lease_until_us(&self) -> i64 {
        let lease = i64::try_from(self.settings.lease.as_micros()).unwrap_or(i64::MAX);
        self.clock.now_us().saturating_add(lease)
    }
}

/// A new id: a word for people and a UUIDv7, so that ids of one kind sort by time.
fn fresh(kind: &str) -> String {
    format!("{kind}_{}", Uuid::now_v7().simple())
}
