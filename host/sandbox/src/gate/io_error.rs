//! `wasi:io/error`: why a stream failed, in words.
//!
//! Ours, because the library's words are those of its debug output, which names files of the host as soon as
//! backtraces are on.

use super::view::Gate;
use wasmtime::component::Resource;
use wasmtime_wasi_io::bindings::wasi::io::error::{Host, HostError};
use wasmtime_wasi_io::streams::Error;

impl Host for Gate<'_> {}

impl HostError for Gate<'_> {
    fn to_debug_string(&mut self, error: Resource<Error>) -> wasmtime::Result<String> {
        Ok(format!("{:#}", self.state.table.get(&error)?))
    }

    fn drop(&mut self, error: Resource<Error>) -> wasmtime::Result<()> {
        self.state.table.delete(error)?;
        Ok(())
    }
}
