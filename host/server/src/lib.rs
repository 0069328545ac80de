//! How others reach Tollgate. Today: the Model Context Protocol, over stdio and over HTTP on loopback.
//!
//! - [`host`] is what this crate needs of its host: which tools are offered, and whom to tell what.
//! - [`desk`] lists tools and carries calls out; [`seat`] is one client with its bounds.
//! - [`card`], [`answer`], [`page`] turn the contract's types into what a client is shown. Pure.
//! - [`mcp`] speaks the protocol; [`http`] is the door in front of it.
//!
//! Invariants:
//! - A client reaches plugins through `contract::PluginCaller` and nothing else: no tool, prompt or resource
//!   of this crate changes authority, and nothing that a client is told is a command that would.
//! - Every client has a session of Tollgate's, so that each of its calls is on record under it.
//! - The protocol library's types stay in [`mcp`].
//! - Whatever a stranger can make grow has a bound in [`limits`].
//!
//! Not done: prompts, resources, sampling, elicitation, tasks.

pub mod answer;
pub mod card;
pub mod desk;
pub mod host;
pub mod http;
pub mod limits;
pub mod mcp;
pub mod page;
pub mod seat;

pub use host::{Host, HostError, Offer};
pub use limits::Limits;
