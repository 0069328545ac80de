//! Progress of something that takes longer than a second.

use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long something may take before it is worth a word.
const SILENCE: Duration = Duration::from_secs(1);
/// How often the picture changes.
const TICK: Duration = Duration::from_millis(100);

/// A running spinner; it disappears when dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    done: Arc<AtomicBool>,
}

impl Progress {
    pub(super) fn start(what: &str, visible: bool) -> Self {
        let bar = ProgressBar::hidden();
        let done = Arc::new(AtomicBool::new(false));
        if visible {
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.set_message(super::escape::line(what));
            let (shown, over) = (bar.clone(), done.clone());
            std::thread::spawn(move || {
                std::thread::sleep(SILENCE);
                if !over.load(Ordering::Acquire) {
                    shown.set_draw_target(indicatif::ProgressDrawTarget::stderr());
                    shown.enable_steady_tick(TICK);
                }
            });
        }
        Self { bar, done }
    }
}

/// Changes the words of a spinner that somebody else holds.
#[derive(Clone)]
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    /// Says what is going on now.
    pub(crate) fn say(&self, what: &str) {
        self.0.set_message(super::escape::line(what));
    }
}

impl Progress {
    /// The spinner, for another thread.
    pub(crate) fn spinner(&self) -> Spinner {
        Spinner(self.bar.clone())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        self.bar.finish_and_clear();
    }
}
