//! The gate's view of a store: one type on which every host trait of ours is implemented.

use crate::state::State;
use wasmtime::component::HasData;
use wasmtime_wasi::cli::WasiCliCtxView;
use wasmtime_wasi::clocks::WasiClocksCtxView;
use wasmtime_wasi::filesystem::{WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::sockets::WasiSocketsCtxView;
use wasmtime_wasi_http::WasiHttpCtxView;

/// The gate, for the time of one host call.
pub(crate) struct Gate<'a> {
    pub(crate) state: &'a mut State,
    pub(super) no_files: WasiFilesystemCtx,
}

/// Names [`Gate`] as the data of a linked interface.
pub(crate) struct HasGate;

impl HasData for HasGate {
    type Data<'a> = Gate<'a>;
}

/// The gate of a store.
pub(crate) fn gate(state: &mut State) -> Gate<'_> {
    Gate {
        state,
        no_files: WasiFilesystemCtx::default(),
    }
}

impl Gate<'_> {
    pub(super) fn clocks(&mut self) -> WasiClocksCtxView<'_> {
        WasiClocksCtxView {
            ctx: &mut self.state.clocks,
            table: &mut self.state.table,
        }
    }

    /// wasmtime-wasi's own file functions, for handles that the gate minted.
    pub(super) fn minted_files(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView {
            ctx: &mut self.no_files,
            table: &mut self.state.table,
        }
    }

    /// wasmtime-wasi's own socket functions, for handles that the gate minted.
    pub(super) fn minted_sockets(&mut self) -> WasiSocketsCtxView<'_> {
        network(self.state)
    }
}

pub(crate) fn cli(state: &mut State) -> WasiCliCtxView<'_> {
    WasiCliCtxView {
        ctx: &mut state.cli,
        table: &mut state.table,
    }
}

/// A network on which nothing may be done, for functions that only hand it around.
pub(crate) fn network(state: &mut State) -> WasiSocketsCtxView<'_> {
    WasiSocketsCtxView {
        ctx: &mut state.no_network,
        table: &mut state.table,
    }
}

pub(crate) fn http(state: &mut State) -> WasiHttpCtxView<'_> {
    WasiHttpCtxView {
        ctx: &mut state.http,
        table: &mut state.table,
        hooks: &mut state.hooks,
    }
}
