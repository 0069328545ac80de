//! What a client is told of a call while it runs: that it began, how far the tool says it is, and that it
//! still runs (Model Context Protocol, progress).

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tollgate_contract::{Progress, ProgressSink};

/// What a notification adds that has nothing to count: the protocol wants each number above the last.
const STEP: f64 = 1e-6;

/// The newest report of a tool; one that nobody has taken yet gives way to the next.
type Heard = watch::Receiver<Option<Progress>>;

struct Newest(watch::Sender<Option<Progress>>);

impl ProgressSink for Newest {
    fn report(&self, progress: Progress) {
        self.0.send_replace(Some(progress));
    }
}

/// Where a tool reports, and where that is heard; nowhere if nobody asked.
pub(super) fn channel(wanted: bool) -> (Option<Arc<dyn ProgressSink>>, Option<Heard>) {
    if !wanted {
        return (None, None);
    }
    let (sender, heard) = watch::channel(None);
    (Some(Arc::new(Newest(sender))), Some(heard))
}

/// The progress of one call as its client was told.
pub(super) struct Told {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    tool: String,
    last: f64,
    total: Option<f64>,
}

impl Told {
    pub(super) fn new(peer: &Peer<RoleServer>, token: ProgressToken, tool: &str) -> Self {
        Self {
            peer: peer.clone(),
            token,
            tool: tollgate_receipts::clip(tool, tollgate_sessions::catalog::NAME_BYTES_MAX),
            last: -STEP,
            total: None,
        }
    }

    /// The host's own word; it counts nothing.
    async fn word(&mut self, word: &str) {
        self.last = above(self.last);
        self.tell(format!("{} {word}", self.tool)).await;
    }

    /// The tool's word.
    async fn pass(&mut self, progress: Progress) {
        let (done, total) = numbers(self.last, &progress);
        (self.last, self.total) = (done, total);
        let message = match progress.message {
            Some(words) => format!("{}: {words}", self.tool),
            None => self.tool.clone(),
        };
        self.tell(message).await;
    }

    async fn pass_newest(&mut self, heard: &mut Heard) {
        let newest = heard.borrow_and_update().clone();
        if let Some(newest) = newest {
            self.pass(newest).await;
        }
    }

    async fn tell(&self, message: String) {
        let mut told =
            ProgressNotificationParam::new(self.token.clone(), self.last).with_message(message);
        told.total = self.total;
        // A client that cannot be told will not hear the answer either.
        let _ = self.peer.notify_progress(told).await;
    }
}

/// The least number above `last` that the protocol takes.
fn above(last: f64) -> f64 {
    (last + STEP).max(last.next_up())
}

/// A tool's numbers as the protocol wants them: above `last`, and the total not below.
#[expect(
    clippy::cast_precision_loss,
    reason = "above 2^53 a client sees the nearest number that JSON readers hold"
)]
fn numbers(last: f64, progress: &Progress) -> (f64, Option<f64>) {
    let done = (progress.done as f64).max(above(last));
    (done, progress.total.map(|total| (total as f64).max(done)))
}

/// Waits for `call`, and tells of its progress meanwhile.
pub(super) async fn beside<T>(
    call: impl Future<Output = T>,
    told: Option<Told>,
    heard: Option<Heard>,
    heartbeat: Duration,
) -> T {
    let (Some(mut told), Some(mut heard)) = (told, heard) else {
        return call.await;
    };
    told.word("began").await;
    tokio::pin!(call);
    loop {
        tokio::select! {
            biased;
            Ok(()) = heard.changed() => told.pass_newest(&mut heard).await,
            value = &mut call => {
                // The tool's last word may have come with its answer.
                if heard.has_changed().is_ok_and(|has| has) {
                    told.pass_newest(&mut heard).await;
                }
                return value;
            }
            () = tokio::time::sleep(heartbeat) => told.word("still runs").await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_and_the_total_is_never_below() {
        let of = |done, total| Progress {
            done,
            total,
            message: None,
        };
        assert_eq!(numbers(0.0, &of(3, Some(9))), (3.0, Some(9.0)));
        assert_eq!(numbers(3.0, &of(4, None)), (4.0, None));
        let (done, total) = numbers(3.0, &of(0, Some(1)));
        assert!(done > 3.0 && total == Some(done));
        // Where a step is less than the next number there is.
        let large = 1e18;
        assert!(numbers(large, &of(1, None)).0 > large);
        assert!(above(large) > large);
    }
}
