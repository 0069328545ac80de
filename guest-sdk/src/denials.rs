//! What the gate refused.

use crate::Denial;
use crate::bindings::contract::denials as host;
use std::fmt;

/// The latest refusal of this call.
///
/// Ask right after the error that it shall explain: it stays until the next refusal. Outside a
/// component it is what [`testing::set_denial`](crate::testing::set_denial) set.
pub fn last() -> Option<Denial> {
    if cfg!(target_family = "wasm") {
        host::last()
    } else {
        crate::testing::denial()
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "denied: {} {} ({})", self.kind, self.target, self.reason)
    }
}
