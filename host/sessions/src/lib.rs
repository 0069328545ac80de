//! Whose work it is: the session's state machine, its event log, the run loop and recovery.
//!
//! - [`machine`] decides, purely: which command is legal, what follows, what a log means.
//! - [`ports`] says what a store must do; `tollgate-store` does it.
//! - [`event`] and [`state`] are the log and its fold.
//!
//! Plugins are called only through `tollgate_contract::PluginCaller`.
//!
//! Invariant: this crate knows neither wasmtime nor SQL, and `machine` knows no I/O at all.

pub mod event;
pub mod machine;
pub mod ports;
pub mod state;
pub mod status;
