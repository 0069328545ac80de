//! The gate: the one place where a component's wish becomes an effect.
//!
//! Every host import that can observe or change anything outside linear memory passes it: decide,
//! write, perform, write what came of it.
//!
//! Invariants:
//! - what is linked is what stands in the classification [`table`];
//! - what touches the world takes a [`permit::Permit`], which only [`scope::CallScope`] makes;
//! - wasmtime-wasi acts only on handles that the gate minted.

mod ambient;
mod book;
mod config;
pub(crate) mod decision;
mod denials;
mod env;
pub(crate) mod fs;
pub(crate) mod http;
mod io_error;
pub(crate) mod keyvalue;
pub(crate) mod kinds;
pub(crate) mod linker;
mod log;
mod options;
pub(crate) mod permit;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod scope;
mod sink;
pub(crate) mod sockets;
pub(crate) mod stdio;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod view;

use crate::services::{Credentials, Environment, KeyValue, QuotaBook, SessionKeys};
use std::sync::Arc;
use tollgate_contract::LeaseCheck;
use tollgate_grants::AuthoritySource;
use tollgate_receipts::Ledger;

/// What all calls of one host share.
pub(crate) struct GateHost {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) authority: Arc<dyn AuthoritySource>,
    pub(crate) lease: Arc<dyn LeaseCheck>,
    pub(crate) keys: Arc<dyn SessionKeys>,
    pub(crate) keyvalue: Arc<dyn KeyValue>,
    pub(crate) quotas: Arc<dyn QuotaBook>,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) transport: http::net::Transport,
    pub(crate) files: fs::Files,
    pub(crate) sockets: sockets::HostRooms,
    /// The runtime of the tasks that the gate owns; guests never run on it.
    pub(crate) io: tokio::runtime::Handle,
}
