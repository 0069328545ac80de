//! The clock thread: drives the engine's epoch while calls are live and ends calls at their wall limit.
//!
//! An operating-system thread of its own, because a runtime whose workers spin in guests fires no
//! timers. It sleeps while no call is live.
//!
//! Invariant: a watch ends at most one call, its own; the shared epoch only makes guests yield.

use futures::future::{AbortHandle, AbortRegistration};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wasmtime::Engine;

/// The length of one tick: the longest that a spinning guest keeps a worker before it yields.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// How long the thread goes on ticking after the last call has ended.
const LINGER_TICKS: u32 = 100;

/// One call under watch.
#[derive(Debug)]
struct Watch {
    deadline_us: AtomicU64,
    expired: AtomicBool,
    done: AtomicBool,
    abort: AbortHandle,
}

/// The call's end of a watch; ends it when dropped.
#[derive(Debug)]
pub(crate) struct Watched(Arc<Watch>);

impl Watched {
    /// Whether the wall limit has ended the call.
    pub(crate) fn expired(&self) -> bool {
        self.0.expired.load(Ordering::Acquire)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::Release);
    }
}

/// Handle to the clock thread. The thread ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    shared: Arc<Shared>,
    _stop: Arc<Stop>,
}

#[derive(Debug)]
struct Shared {
    born: Instant,
    state: Mutex<Watches>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Watches {
    live: Vec<Arc<Watch>>,
    asleep: bool,
    stopped: bool,
}

#[derive(Debug)]
struct Stop(Arc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        lock(&self.0.state).stopped = true;
        self.0.wake.notify_all();
    }
}

impl Clock {
    /// Starts the thread.
    pub(crate) fn start(engine: Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            born: Instant::now(),
            state: Mutex::new(Watches::default()),
            wake: Condvar::new(),
        });
        let thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("tollgate-clock".into())
            .spawn(move || run(&thread, &engine))?;
        Ok(Self {
            _stop: Arc::new(Stop(Arc::clone(&shared))),
            shared,
        })
    }

    /// Watches a call that may last `wall`. The registration belongs to the call's future.
    pub(crate) fn watch(&self, wall: Duration) -> (Watched, AbortRegistration) {
        let (abort, registration) = AbortHandle::new_pair();
        let deadline = self.shared.born.elapsed().saturating_add(wall);
        let watch = Arc::new(Watch {
            deadline_us: AtomicU64::new(u64::try_from(deadline.as_micros()).unwrap_or(u64::MAX)),
            expired: AtomicBool::new(false),
            done: AtomicBool::new(false),
            abort,
        });
        let mut state = lock(&self.shared.state);
        state.live.push(Arc::clone(&watch));
        if state.asleep {
            state.asleep = false;
            self.shared.wake.notify_one();
        }
        (Watched(watch), registration)
    }
}

fn run(shared: &Shared, engine: &Engine) {
    let mut idle_ticks = 0;
    loop {
        std::thread::sleep(TICK);
        engine.increment_epoch();
        let now_us = u64::try_from(shared.born.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut state = lock(&shared.state);
        state.live.retain(|watch| {
            if watch.done.load(Ordering::Acquire) {
                return false;
            }
            if watch.deadline_us.load(Ordering::Acquire) <= now_us {
                watch.expired.store(true, Ordering::Release);
                watch.abort.abort();
                return false;
            }
            true
        });
        idle_ticks = if state.live.is_empty() {
            idle_ticks + 1
        } else {
            0
        };
        if state.stopped {
            return;
        }
        if idle_ticks > LINGER_TICKS {
            state.asleep = true;
            while state.asleep && !state.stopped {
                state = shared
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            idle_ticks = 0;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
