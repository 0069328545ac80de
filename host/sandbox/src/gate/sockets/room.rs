//! How many sockets there may be: of one call, and of all calls together, whose descriptors are those of
//! one process.
//!
//! What a socket keeps in the host is bounded as well: one datagram that came in, one that waits to go out,
//! and what one stream was handed last, each of at most 64 KiB.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Sockets that one call may have open, clients included that were let in.
pub(super) const SOCKETS_MAX: usize = 64;
/// Sockets that all calls may have open.
const SOCKETS_HOST_MAX: usize = 512;
/// Names that one call may have looked up at once.
const LOOKUPS_MAX: usize = 4;
/// Names that all calls may have looked up at once: each takes a thread while the system's resolver waits.
const LOOKUPS_HOST_MAX: usize = 32;

/// The room of all calls.
pub(crate) struct HostRooms {
    sockets: Arc<Semaphore>,
    pub(super) lookups: Arc<Semaphore>,
}

impl Default for HostRooms {
    fn default() -> Self {
        Self {
            sockets: Arc::new(Semaphore::new(SOCKETS_HOST_MAX)),
            lookups: Arc::new(Semaphore::new(LOOKUPS_HOST_MAX)),
        }
    }
}

/// The room of one call.
pub(super) struct Rooms {
    sockets: Arc<Semaphore>,
    pub(super) lookups: Arc<Semaphore>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            sockets: Arc::new(Semaphore::new(SOCKETS_MAX)),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }
    }
}

/// Room for one socket, given back when it is dropped.
pub(super) struct Room {
    _of_call: OwnedSemaphorePermit,
    _of_host: OwnedSemaphorePermit,
}

impl Rooms {
    /// Room for one more socket, if there is.
    pub(super) fn take(&self, host: &HostRooms) -> Option<Room> {
        Some(Room {
            _of_call: Arc::clone(&self.sockets).try_acquire_owned().ok()?,
            _of_host: Arc::clone(&host.sockets).try_acquire_owned().ok()?,
        })
    }
}
