//! The data of one store: what one instance holds while its call lives.

use crate::gate::fs::Handles;
use crate::gate::http::{FIELDS_BYTES_MAX, Hooks};
use crate::gate::progress::Reporter;
use crate::gate::scope::CallScope;
use crate::gate::sockets::Sockets;
use crate::meter::Meter;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_contract::{DeltaSink, RequestOptions};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::cli::WasiCliCtx;
use wasmtime_wasi::clocks::WasiClocksCtx;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::sockets::WasiSocketsCtx;
use wasmtime_wasi_http::WasiHttpCtx;

/// The most handles that a call may hold at once. Each may keep some tens of kilobytes in the host, which
/// the limit of memory does not see.
pub(crate) const HANDLES_MAX: usize = 1024;

/// The data of one store.
pub(crate) struct State {
    pub(crate) scope: Arc<CallScope>,
    pub(crate) table: ResourceTable,
    pub(crate) handles: Handles,
    pub(crate) cli: WasiCliCtx,
    pub(crate) clocks: WasiClocksCtx,
    pub(crate) sockets: Sockets,
    /// Makes no socket: each is made with a context of its own.
    pub(crate) no_network: WasiSocketsCtx,
    pub(crate) http: WasiHttpCtx,
    pub(crate) hooks: Hooks,
    pub(crate) meter: Meter,
    pub(crate) output: crate::gate::stdio::Output,
    /// The arguments of a command, its name first.
    pub(crate) arguments: Vec<String>,
    /// The standard input of a command.
    pub(crate) stdin: Option<MemoryInputPipe>,
    pub(crate) http_body_bytes_max: u64,
    pub(crate) config: Arc<BTreeMap<String, String>>,
    pub(crate) deltas: Option<Arc<dyn DeltaSink>>,
    pub(crate) options: RequestOptions,
    pub(crate) reporter: Option<Reporter>,
}

/// What a new store is made of.
pub(crate) struct Seed {
    pub(crate) scope: Arc<CallScope>,
    pub(crate) meter: Meter,
    pub(crate) output_bytes_max: u64,
    pub(crate) http_body_bytes_max: u64,
    pub(crate) config: Arc<BTreeMap<String, String>>,
    pub(crate) deltas: Option<Arc<dyn DeltaSink>>,
    pub(crate) options: RequestOptions,
    pub(crate) reporter: Option<Reporter>,
}

impl State {
    pub(crate) fn new(seed: Seed) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS_BYTES_MAX);
        Self {
            output: crate::gate::stdio::Output::new(Arc::clone(&seed.scope), seed.output_bytes_max),
            arguments: Vec::new(),
            stdin: None,
            scope: seed.scope,
            table,
            handles: Handles::default(),
            cli: WasiCliCtx::default(),
            clocks: WasiClocksCtx::default(),
            sockets: Sockets::default(),
            no_network: WasiSocketsCtx::default(),
            http,
            hooks: Hooks,
            meter: seed.meter,
            http_body_bytes_max: seed.http_body_bytes_max,
            config: seed.config,
            deltas: seed.deltas,
            options: seed.options,
            reporter: seed.reporter,
        }
    }

    /// Gives a command its standard input.
    pub(crate) fn give_stdin(&mut self, bytes: Vec<u8>) {
        self.stdin = Some(MemoryInputPipe::new(bytes));
    }
}
