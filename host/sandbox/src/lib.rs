//! Where plugins run: a fresh instance for every call, behind one gate.
//!
//! [`Sandbox`] implements [`tollgate_contract::PluginCaller`]. It reads a component once, compiles it in
//! a limited child process, links it from the gate's classification table and instantiates it from a
//! pool for each call. Every import that can observe or change anything passes the gate.
//!
//! Does not know where entries, grants or plugins are stored: those are traits of [`services`],
//! `tollgate-grants` and `tollgate-receipts`.

mod adapt;
mod admission;
mod answer;
mod bindings;
mod cache;
mod call;
mod clock;
mod compile;
mod convert;
mod engine;
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod inspect;
mod meter;
mod needs;
mod plain;
mod sandbox;
mod services;
mod source;
mod state;

pub use cache::LoadError;
pub use call::Held;
pub use compile::{
    COMPILE_CPU_SECONDS_MAX, COMPILE_MEMORY_BYTES_MAX, COMPILE_WALL_SECONDS_MAX, CompileError,
    Compiler, compile_child,
};
pub use engine::{CORE_INSTANCES_PER_COMPONENT_MAX, LIVE_CALLS_MAX, MEMORY_SLOT_BYTES_MAX};
pub use gate::decision::{BUFFERED_EFFECTS_MAX, LEDGER_BYTES_MAX, STRICT_EFFECTS_MAX};
pub use gate::http::net;
pub use gate::table;
pub use inspect::{
    COMPONENT_BYTES_MAX, Form, InspectError, Inspection, META_SECTION, Meta, NEEDS_SECTION, Offers,
    inspect,
};
pub use plain::{TOOLS_PER_COMPONENT_MAX, ToolsError};
pub use sandbox::{Config, Examined, Sandbox, StartError};
pub use services::{
    Amount, Credentials, Environment, KeyValue, KeyValueError, PluginEntry, PluginSource,
    ProcessEnvironment, QuotaBook, QuotaKey, SessionKeys,
};
pub use source::{ComponentSource, SourceStamp};
