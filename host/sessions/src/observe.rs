//! What a watcher of a run is told, and how it stops one.

use crate::driver::Unmet;
use crate::status::{RunStatus, ToolOutcome};
use std::time::Duration;
use tokio::sync::watch;
use tollgate_contract::{Delta, Denial};

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<'a> {
    /// The session is not bound yet; the prompt waits.
    Waiting {
        /// What is missing, with the commands that help.
        unmet: &'a [Unmet],
    },
    /// A run is open.
    RunStarted {
        /// The run.
        run: &'a str,
    },
    /// A provider call begins.
    Turn {
        /// The turn, from 1.
        turn: u32,
        /// The try, from 1.
        attempt: u32,
    },
    /// The provider call failed and is tried again.
    Retry {
        /// Label of the error.
        error: &'a str,
        /// How long is waited.
        wait: Duration,
    },
    /// A tool call begins.
    ToolStarted {
        /// The plugin.
        plugin: &'a str,
        /// The tool.
        tool: &'a str,
    },
    /// A tool call is over.
    ToolCompleted {
        /// The plugin.
        plugin: &'a str,
        /// The tool.
        tool: &'a str,
        /// How it came back.
        outcome: ToolOutcome,
        /// The gate's refusal, if it was one.
        denial: Option<&'a Denial>,
        /// What the plugin wrote to its standard error and log: its own words, untrusted.
        talk: &'a str,
    },
    /// The run is over or parked.
    RunEnded {
        /// How it stands.
        status: RunStatus,
        /// Label of the reason.
        reason: Option<&'a str>,
    },
}

/// Watches a run. Methods return at once; what they are told has left the gate already.
pub trait RunObserver: Send + Sync {
    /// A step.
    fn progress(&self, _progress: &Progress<'_>) {}
    /// A piece of the provider's answer.
    fn delta(&self, _delta: &Delta) {}
    /// The last `pieces` of [`Self::delta`] do not count: their call failed, was given up or cancelled. Nothing
    /// of them is in the transcript; what follows is of another call.
    fn discarded(&self, _pieces: u64) {}
}

/// A watcher that looks away.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl RunObserver for NoObserver {}

/// Cancels a run from outside: clones share one signal.
#[derive(Debug, Clone)]
pub struct Cancel {
    sender: std::sync::Arc<watch::Sender<bool>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self {
            sender: std::sync::Arc::new(watch::channel(false).0),
        }
    }
}

impl Cancel {
    /// Asks the run to end.
    pub fn cancel(&self) {
        self.sender.send_replace(true);
    }

    /// Resolves when somebody has asked.
    pub async fn cancelled(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives as long as this clone, so waiting cannot fail.
        let _ = receiver.wait_for(|cancelled| *cancelled).await;
    }
}
