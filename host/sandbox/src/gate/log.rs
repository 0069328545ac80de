//! `wasi:logging`: lines are kept as the plugin's own words, counted and capped, never live.

use super::view::Gate;
use crate::bindings::logging::logging::{Host, Level};

impl Host for Gate<'_> {
    fn log(&mut self, level: Level, context: String, message: String) -> wasmtime::Result<()> {
        self.state.output.count(context.len() + message.len())?;
        let level = match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Critical => "critical",
        };
        let line = format!("{level} {context}: {message}\n");
        self.state.output.keep(line.as_bytes());
        Ok(())
    }
}
