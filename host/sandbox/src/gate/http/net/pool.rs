//! Connections that wait for another request.
//!
//! Invariants:
//! - a connection serves one [`PoolKey`] and one target for all its life;
//! - a connection that was in use when its key was dropped never comes back: a bucket has a number, and
//!   a returning connection must know it;
//! - keys, targets and connections are bounded, and nothing idle outlives [`IDLE_SECONDS_MAX`].

use super::request::{PoolKey, Target};
use super::upload::UploadBody;
use hyper::client::conn::{http1, http2};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// Keys that may have idle connections; the one unused for longest goes first.
pub const POOL_KEYS_MAX: usize = 64;

/// Idle connections of one key to one target.
pub const IDLE_PER_ROUTE_MAX: usize = 4;

/// Targets of one key with idle connections.
const ROUTES_PER_KEY_MAX: usize = 16;

/// How long a connection may wait for the next request.
pub const IDLE_SECONDS_MAX: u64 = 30;

/// How often waiting connections are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// The writing end of a connection.
pub(crate) enum Sender {
    One(http1::SendRequest<UploadBody>),
    Two(http2::SendRequest<UploadBody>),
}

impl Sender {
    fn is_usable(&self) -> bool {
        match self {
            Self::One(sender) => sender.is_ready(),
            Self::Two(sender) => !sender.is_closed(),
        }
    }
}

/// A connection and where it really leads.
pub(crate) struct Pooled {
    pub(crate) sender: Sender,
    pub(crate) peer: SocketAddr,
}

/// The right to bring a connection back.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    key: PoolKey,
    target: Target,
    bucket: u64,
}

struct Idle {
    connection: Pooled,
    since: Instant,
}

struct Bucket {
    number: u64,
    used: u64,
    routes: HashMap<Target, Vec<Idle>>,
}

#[derive(Default)]
struct State {
    buckets: HashMap<PoolKey, Bucket>,
    clock: u64,
    sweeping: bool,
}

/// All idle connections of a client.
#[derive(Clone, Default)]
pub(crate) struct Pool {
    state: Arc<Mutex<State>>,
}

impl Pool {
    /// The right to return a connection under this key; makes room for the key if need be.
    pub(crate) fn ticket(&self, key: &PoolKey, target: &Target) -> Ticket {
        let mut state = self.lock();
        state.clock += 1;
        let now = state.clock;
        if !state.buckets.contains_key(key) && state.buckets.len() >= POOL_KEYS_MAX {
            let oldest = state.buckets.iter().min_by_key(|(_, bucket)| bucket.used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                state.buckets.remove(&oldest);
            }
        }
        let bucket = state.buckets.entry(key.clone()).or_insert_with(|| Bucket {
            number: now,
            used: now,
            routes: HashMap::new(),
        });
        bucket.used = now;
        Ticket {
            key: key.clone(),
            target: target.clone(),
            bucket: bucket.number,
        }
    }

    /// The idle connection that was used last, if its peer is still allowed. Others are closed.
    pub(crate) fn take(
        &self,
        ticket: &Ticket,
        allowed: impl Fn(SocketAddr) -> bool,
    ) -> Option<Pooled> {
        loop {
            let idle = {
                let mut state = self.lock();
                let bucket = state.bucket(ticket)?;
                bucket.routes.get_mut(&ticket.target)?.pop()?
            };
            // The check is the caller's code: it runs without the lock.
            if is_fresh(&idle) && allowed(idle.connection.peer) {
                if let Sender::Two(sender) = &idle.connection.sender {
                    let sender = Sender::Two(sender.clone());
                    self.put(
                        ticket,
                        Pooled {
                            sender,
                            peer: idle.connection.peer,
                        },
                    );
                }
                return Some(idle.connection);
            }
        }
    }

    /// Brings a connection back; closes it if its key is gone or has enough.
    pub(crate) fn put(&self, ticket: &Ticket, connection: Pooled) {
        let mut state = self.lock();
        let Some(bucket) = state.bucket(ticket) else {
            return;
        };
        if !bucket.routes.contains_key(&ticket.target) && bucket.routes.len() >= ROUTES_PER_KEY_MAX
        {
            return;
        }
        let waiting = bucket.routes.entry(ticket.target.clone()).or_default();
        if waiting.len() < IDLE_PER_ROUTE_MAX {
            waiting.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
        if !state.sweeping {
            state.sweeping = true;
            tokio::spawn(sweep(Arc::downgrade(&self.state)));
        }
    }

    /// Closes what waits under the keys that are named, and keeps what is in use from coming back.
    pub(crate) fn drop_keys(&self, named: impl Fn(&PoolKey) -> bool) -> usize {
        let mut dropped = 0;
        self.lock().buckets.retain(|key, bucket| {
            let leaves = named(key);
            if leaves {
                dropped += bucket.routes.values().map(Vec::len).sum::<usize>();
            }
            !leaves
        });
        dropped
    }

    /// Closes all that waits, to make room. What is in use may come back.
    pub(crate) fn close_idle(&self) {
        for bucket in self.lock().buckets.values_mut() {
            bucket.routes.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No invariant spans a panic: the worst is a connection that is not reused.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn bucket(&mut self, ticket: &Ticket) -> Option<&mut Bucket> {
        self.buckets
            .get_mut(&ticket.key)
            .filter(|bucket| bucket.number == ticket.bucket)
    }

    /// Closes what has waited too long or was ended by the peer; says whether anything still waits.
    fn sweep(&mut self) -> bool {
        for bucket in self.buckets.values_mut() {
            for waiting in bucket.routes.values_mut() {
                waiting.retain(is_fresh);
            }
            bucket.routes.retain(|_, waiting| !waiting.is_empty());
        }
        self.buckets
            .values()
            .any(|bucket| !bucket.routes.is_empty())
    }
}

fn is_fresh(idle: &Idle) -> bool {
    idle.connection.sender.is_usable() && idle.since.elapsed().as_secs() < IDLE_SECONDS_MAX
}

/// Runs only while something waits.
async fn sweep(state: Weak<Mutex<State>>) {
    let running = Running(state);
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(state) = running.0.upgrade() else {
            return;
        };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.sweep() {
            state.sweeping = false;
            return;
        }
    }
}

/// Lets another sweeper start if this one ends with its runtime.
struct Running(Weak<Mutex<State>>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(state) = self.0.upgrade() {
            // try_lock: at the ordinary end the lock is held here and the flag is already down.
            if let Ok(mut state) = state.try_lock() {
                state.sweeping = false;
            }
        }
    }
}
