//! `tollgate:plugin/progress`: a report of a tool leaves the call only behind its watermark, and not oftener
//! than a reader can follow.

use super::view::Gate;
use crate::bindings::progress::Host;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tollgate_contract::{Progress, ProgressSink};

/// The shortest time between two reports that are passed on.
const SPACING: Duration = Duration::from_millis(100);
/// What a report counts as output beside its message.
const REPORT_BYTES: usize = 16;

/// Where the reports of one call go.
pub(crate) struct Reporter {
    sink: Arc<dyn ProgressSink>,
    passed: Option<(Instant, u64)>,
}

impl Reporter {
    pub(crate) fn new(sink: Arc<dyn ProgressSink>) -> Self {
        Self { sink, passed: None }
    }

    /// Whether a report is passed on at this time: it says more than the last one that was, and either
    /// enough time has gone by or it is the end.
    fn takes(&mut self, now: Instant, done: u64, total: Option<u64>) -> bool {
        let takes = self.passed.is_none_or(|(at, before)| {
            done > before && (total == Some(done) || now.duration_since(at) >= SPACING)
        });
        if takes {
            self.passed = Some((now, done));
        }
        takes
    }
}

impl Host for Gate<'_> {
    async fn report(
        &mut self,
        done: u64,
        total: Option<u64>,
        message: Option<String>,
    ) -> wasmtime::Result<()> {
        let words = message.as_ref().map_or(0, String::len);
        self.state.output.count(words + REPORT_BYTES)?;
        let Some(reporter) = &mut self.state.reporter else {
            return Ok(());
        };
        if !reporter.takes(Instant::now(), done, total) {
            return Ok(());
        }
        let sink = Arc::clone(&reporter.sink);
        let scope = Arc::clone(&self.state.scope);
        scope
            .watermark()
            .await
            .map_err(|error| wasmtime::format_err!("the ledger cannot be written: {error}"))?;
        sink.report(Progress {
            done,
            total,
            message: message
                .map(|text| tollgate_receipts::clip(&text, Progress::MESSAGE_BYTES_MAX)),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl ProgressSink for Nobody {
        fn report(&self, _: Progress) {}
    }

    #[test]
    fn reports_grow_and_are_spaced_and_the_end_is_always_told() {
        let mut reporter = Reporter::new(Arc::new(Nobody));
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        assert!(reporter.takes(after(0), 0, Some(9)));
        assert!(!reporter.takes(after(99), 1, Some(9)));
        assert!(reporter.takes(after(100), 1, Some(9)));
        assert!(!reporter.takes(after(300), 1, Some(9)));
        assert!(!reporter.takes(after(300), 0, None));
        assert!(reporter.takes(after(110), 9, Some(9)));
        assert!(!reporter.takes(after(500), 9, Some(9)));
    }
}
