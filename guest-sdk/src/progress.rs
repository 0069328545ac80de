//! How far a tool is, for whoever waits for its call: an agent over MCP, or a person at `tollgate call`.
//!
//! A report is a hint. The host passes on at most ten in a second and none whose `done` has not grown, shows
//! the message as the plugin's own words, and counts both as output of the call. Outside a component reports
//! are dropped. Since contract 0.1.1: a host of 0.1.0 does not load a component that uses it.
//!
//! ```
//! let pages = ["one", "two", "three"];
//! for (at, page) in (1..).zip(&pages) {
//!     // ... work on the page ...
//!     tollgate_sdk::progress::report(at, Some(3), page);
//! }
//! ```

use crate::bindings::contract::progress as host;

/// Reports that `done` of `total` are done, in a unit of the tool's own. An empty message is none.
pub fn report(done: u64, total: Option<u64>, message: &str) {
    if cfg!(target_family = "wasm") {
        host::report(done, total, (!message.is_empty()).then_some(message));
    }
}
