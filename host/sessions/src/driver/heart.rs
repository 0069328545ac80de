//! The lease while a run is open: renewed, and watched for others who want or have taken it.

use super::Driver;
use crate::ports::{SessionStore, StoreError};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tollgate_contract::{LeaseCheck, SessionId};

/// What the heart knows of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulse {
    /// It is ours.
    Held,
    /// It is ours, and another process asks for it.
    Wanted,
    /// It is another's, or too old to be sure.
    Lost,
}

/// Renews a lease until dropped.
pub(super) struct Heart {
    pulse: watch::Receiver<Pulse>,
    task: JoinHandle<()>,
}

impl Heart {
    /// Starts beating for `session` under `fence`.
    pub(super) fn start(driver: &Driver, session: SessionId, fence: u64) -> Self {
        let (sender, pulse) = watch::channel(Pulse::Held);
        let driver = driver.clone();
        let task = tokio::spawn(async move {
            let mut until_us = driver.lease_until_us();
            loop {
                tokio::time::sleep(driver.settings.heartbeat).await;
                let found = beat(&driver, &session, fence, &mut until_us);
                if *sender.borrow() != found && sender.send(found).is_err() {
                    return;
                }
                if found == Pulse::Lost {
                    return;
                }
            }
        });
        Self { pulse, task }
    }

    /// Resolves when the run must not go on, and says why.
    pub(super) async fn stopped(&self) -> Pulse {
        let mut pulse = self.pulse.clone();
        match pulse.wait_for(|pulse| *pulse != Pulse::Held).await {
            Ok(pulse) => *pulse,
            // The task is gone, so nobody renews.
            Err(_) => Pulse::Lost,
        }
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn beat(driver: &Driver, session: &SessionId, fence: u64, until_us: &mut i64) -> Pulse {
    let now_us = driver.clock.now_us();
    let half = i64::try_from(driver.settings.lease.as_micros() / 2).unwrap_or(i64::MAX);
    let due = until_us.saturating_sub(now_us) < half;
    let row = if due {
        let next = driver.lease_until_us();
        driver
            .store
            .lease_renew(session, fence, next)
            .inspect(|_| *until_us = next)
    } else {
        driver.store.lease(session)
    };
    match row {
        Ok(lease) if lease.fence != fence || lease.host.as_ref() != Some(driver.store.host()) => {
            Pulse::Lost
        }
        Ok(lease) if lease.wanted => Pulse::Wanted,
        Ok(_) => Pulse::Held,
        Err(StoreError::FenceLost { .. } | StoreError::NotFound { .. }) => Pulse::Lost,
        // The store may come back before the lease ends.
        Err(_) if now_us < *until_us => Pulse::Held,
        Err(_) => Pulse::Lost,
    }
}

/// Answers the gate's question, just before a strict effect, whether the lease is still held.
pub struct StoreLeases(pub Arc<dyn SessionStore>);

impl LeaseCheck for StoreLeases {
    fn held(&self, session: &SessionId, fence: u64) -> bool {
        self.0
            .lease(session)
            .is_ok_and(|lease| lease.fence == fence && lease.host.as_ref() == Some(self.0.host()))
    }
}
