//! What a request asks of a model beyond [`CompletionRequest`](crate::CompletionRequest): how much to reason,
//! and the form of the answer.
//!
//! Outside a component there are none. Since contract 0.1.2: an earlier host does not load a component that
//! uses it.

use crate::bindings::contract::request_options as host;

pub use host::{Effort, Options, OutputFormat};

/// The options of the request that this call answers.
pub fn get() -> Options {
    if cfg!(target_family = "wasm") {
        host::get()
    } else {
        Options {
            effort: None,
            output: None,
        }
    }
}
