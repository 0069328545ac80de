//! Whether what a socket was given may still be used: its grant is looked at again when the grants have
//! changed.

use super::wish::Wish;
use crate::gate::decision::{Attempt, Basis};
use crate::gate::kinds;
use crate::gate::scope::CallScope;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tollgate_grants::Protocol;

/// Something that was allowed and goes on.
pub(super) struct Lasting {
    scope: Arc<CallScope>,
    wish: Wish,
    target: String,
    basis: Basis,
    /// The grants generation at which it was last found to be granted.
    looked_at: AtomicU64,
    refused: AtomicBool,
}

impl Lasting {
    pub(super) fn new(
        scope: Arc<CallScope>,
        wish: Wish,
        address: SocketAddr,
        basis: Basis,
    ) -> Arc<Self> {
        Arc::new(Self {
            looked_at: AtomicU64::new(basis.generation),
            scope,
            wish,
            target: address.to_string(),
            basis,
            refused: AtomicBool::new(false),
        })
    }

    /// True while the grant holds. The first refusal leaves a receipt.
    pub(super) fn holds(&self) -> bool {
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        let generation = self.scope.host.authority.generation();
        if generation.is_ok_and(|now| now == looked_at) {
            return true;
        }
        let effects = [self.wish.effect(&self.target)];
        let reason = match self.scope.still_allowed(&effects, &self.basis) {
            Ok(now) => {
                self.looked_at.store(now, Ordering::Relaxed);
                return true;
            }
            Err(reason) => reason,
        };
        if !self.refused.swap(true, Ordering::Relaxed) {
            let attempt = match self.wish.protocol {
                Protocol::Tcp => Attempt {
                    import: "wasi:sockets/tcp",
                    kind: kinds::TCP_USE,
                    target: self.target.clone(),
                    whole: None,
                    effects: &effects,
                },
                Protocol::Udp => Attempt {
                    import: "wasi:sockets/udp",
                    kind: kinds::UDP_USE,
                    target: self.target.clone(),
                    whole: None,
                    effects: &effects,
                },
            };
            self.scope.refuse_now(&attempt, reason);
        }
        false
    }
}
