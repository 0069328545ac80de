//! Log lines for the operator. Counted and capped by the host; outside a component they are dropped.
//!
//! `tollgate call` shows them after the answer, and `tollgate plugin test` beside a failed case. They are
//! the plugin's own words and in no receipt; standard error is kept the same way.
//!
//! ```
//! tollgate_sdk::log::info("greet", "the cache is cold");
//! ```

use crate::bindings::standard::logging::logging as host;

/// How much a line matters.
pub use host::Level;

/// Writes one line. `context` groups lines, such as the name of a tool.
pub fn write(level: Level, context: &str, message: &str) {
    if cfg!(target_family = "wasm") {
        host::log(level, context, message);
    }
}

/// A line for somebody who debugs the plugin.
pub fn debug(context: &str, message: &str) {
    write(Level::Debug, context, message);
}

/// A line for somebody who watches the plugin.
pub fn info(context: &str, message: &str) {
    write(Level::Info, context, message);
}

/// A line about something that may go wrong.
pub fn warn(context: &str, message: &str) {
    write(Level::Warn, context, message);
}

/// A line about something that went wrong.
pub fn error(context: &str, message: &str) {
    write(Level::Error, context, message);
}
