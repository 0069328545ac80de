//! Where the pieces of a streamed answer go.

use crate::Delta;
use crate::bindings::contract::sink as host;

/// Takes the pieces of a streamed answer, in order. In a test, use a `Vec<Delta>`.
pub trait Emit {
    /// Takes one piece.
    fn emit(&mut self, delta: Delta);
}

impl Emit for Vec<Delta> {
    fn emit(&mut self, delta: Delta) {
        self.push(delta);
    }
}

/// The host's sink. Outside a component it drops every piece.
#[derive(Debug, Clone, Copy, Default)]
pub struct Host;

impl Emit for Host {
    fn emit(&mut self, delta: Delta) {
        if cfg!(target_family = "wasm") {
            host::emit(&delta);
        }
    }
}
