//! Whose work it is: the session's state machine, its event log, the run loop and recovery.
//!
//! - [`machine`] decides, purely: which command is legal, what follows, what a log means.
//! - [`ports`] says what a store must do; `tollgate-store` does it.
//! - [`event`] and [`state`] are the log and its fold; [`transcript`] holds the words.
//! - [`retry`] says when a provider is asked again, and [`models`] what it costs.
//! - [`driver`] does what the machine decides: launch, run loop, recovery, end.
//!
//! Plugins are called only through `tollgate_contract::PluginCaller`.
//!
//! Invariant: this crate knows neither wasmtime nor SQL, and `machine` knows no I/O at all.

mod budget;
mod carry;
pub mod catalog;
pub mod clock;
pub mod driver;
pub mod event;
pub mod handoff;
pub mod keyed;
pub mod machine;
#[cfg(test)]
mod memory;
pub mod models;
pub mod observe;
pub mod ports;
pub mod record;
pub mod retry;
pub mod state;
pub mod status;
pub mod transcript;

pub use carry::LeftOut;
