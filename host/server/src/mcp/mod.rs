//! The Model Context Protocol, spoken by `rmcp`.
//!
//! Versions 2024-11-05 to 2026-07-28. Those before 2026-07-28 have sessions: over HTTP the session's id
//! is `Mcp-Session-Id`, and it is the id of the session of Tollgate's as well. 2026-07-28 has none: over HTTP
//! all its requests share one session of the server's. Over stdio a process is a session in either case.
//!
//! Invariant: the protocol library's types are known here and nowhere else.

mod events;
mod handler;
pub(crate) mod service;
mod sessions;
mod stdio;
mod told;
mod wire;

pub use stdio::{StdioEnd, serve_stdio};
