//! Write plugins for Tollgate in Rust.
//!
//! A plugin is a small library crate with `crate-type = ["cdylib"]`. Tools implement [`Tools`]
//! and are exported with [`export_tools!`]; an adapter to a provider of models implements [`Provider`]
//! and is exported with [`export_provider!`].
//!
//! ```
//! use tollgate_sdk::{Context, Tool, ToolError, ToolOutput, Tools};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Greet {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! fn greet(arguments: Greet, _: &Context) -> Result<ToolOutput, ToolError> {
//!     Ok(ToolOutput::text(format!("Hello, {}!", arguments.name)))
//! }
//!
//! struct Hello;
//!
//! impl Tools for Hello {
//!     fn tools() -> Vec<Tool> {
//!         vec![Tool::new::<Greet>("greet", "Greets somebody by name.", greet).read_only()]
//!     }
//! }
//!
//! tollgate_sdk::export_tools!(Hello);
//! ```
//!
//! What the plugin needs is declared in its `Cargo.toml`; the build writes it into the component:
//!
//! ```toml
//! [package.metadata.tollgate]
//! world = "tools"                       # or "provider"
//! title = "Hello"
//! needs = ["http GET https://example.com/**"]
//! ```
//!
//! Files, time, randomness and environment come from the standard library. This crate adds what it
//! lacks: [`http`], [`sse`] and [`ndjson`] readers, [`config`], [`kv`], [`log`], and [`denials`].
//!
//! # Time
//!
//! A call has [`Context::deadline_ms`](Context) milliseconds of wall time from its start; then, or when it is
//! cancelled, the host ends it where it stands. Nothing is asked of the plugin first, so work that must
//! not be cut in the middle is bounded by the plugin itself:
//!
//! ```
//! use std::time::{Duration, Instant};
//! use tollgate_sdk::{Context, ToolOutput};
//!
//! fn count(words: &[&str], context: &Context) -> ToolOutput {
//!     let started = Instant::now();
//!     let enough = Duration::from_millis(context.deadline_ms) / 2;
//!     let done = words.iter().take_while(|_| started.elapsed() < enough).count();
//!     match words.len() - done {
//!         0 => ToolOutput::text(format!("{done} words")),
//!         left => ToolOutput::text(format!("{done} words; {left} were left out for lack of time")),
//!     }
//! }
//! # let output = count(&["a", "b"], &tollgate_sdk::testing::context());
//! # assert_eq!(output, ToolOutput::text("2 words"));
//! ```
//!
//! A tool that takes long says how far it is with [`progress::report`].
//!
//! # Images and other bytes
//!
//! ```
//! use tollgate_sdk::ToolOutput;
//!
//! let pixel = b"P1 1 1 0".to_vec();
//! let output = ToolOutput::blob("image/x-portable-bitmap", pixel).and_text("one white pixel");
//! assert_eq!(output.content.len(), 2);
//! ```
//!
//! # Tests
//!
//! `cargo test` runs a plugin's functions natively with the stand-ins of [`testing`];
//! `tollgate plugin test` runs its component in the real sandbox, with the grants of each case.
//!
//! Invariant: only the functions that touch the host know the target; everything else runs and is
//! tested natively. Outside a component those functions act on the stand-ins of [`testing`].

#[doc(hidden)]
pub mod bindings;

pub mod config;
pub mod denials;
mod error;
mod export;
pub mod http;
mod io_kind;
pub mod kv;
mod lines;
pub mod log;
pub mod ndjson;
pub mod options;
pub mod progress;
mod provider;
pub mod sink;
pub mod sse;
pub mod testing;
mod tool;

pub use bindings::contract::denials::Denial;
pub use bindings::contract::model_types::{
    Completion, CompletionRequest, ContentBlock, Delta, Image, Message, Opaque, ProviderError,
    ProviderInfo, Retryable, Role, StopReason, ToolChoice, ToolResult, ToolUse, ToolUseStart,
    Usage,
};
pub use bindings::contract::tool_types::{
    Blob, CallContext as Context, OutputBlock, ToolError, ToolHints, ToolOutput, ToolSpec,
};
#[doc(hidden)]
pub use export::{ProviderExport, ToolsExport};
pub use io_kind::io_kind;
pub use lines::{Limits, StreamError};
pub use provider::Provider;
pub use tool::{Tool, Tools};
