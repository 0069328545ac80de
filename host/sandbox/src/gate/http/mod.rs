//! HTTP: `outgoing-handler.handle` is the attempt; everything else works on what it opened.
//!
//! The URL is parsed once; the same object is matched, recorded and sent. The request runs in a task
//! that the gate owns, so that it settles whatever becomes of the guest. Redirects are not followed:
//! the next hop is the guest's next attempt.
//!
//! Invariants: nothing is sent before the intent is durable; the connection goes to an address that
//! was checked; a credential is added here and is never visible to the guest.

pub mod net;

mod ahead;
mod errors;
mod granted;
mod outgoing;
mod task;

use crate::state::State;
use http::HeaderName;
use std::sync::Arc;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, RequestOptions};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{ForbiddenHeaderFilter, WasiBody, WasiHttpHooks};

/// Bytes of a request's body that wait for the connection: every open body may hold so many in the host.
const BODY_CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one set of header fields that a guest keeps in the host.
pub(crate) const FIELDS_BYTES_MAX: usize = 64 * 1024;

/// Hooks of wasmtime-wasi-http: it never sends anything by itself.
pub(crate) struct Hooks;

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ),
    wasmtime_wasi_http::Error,
>;

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        // What a guest may not set is stripped where the request is sent, and `Host` is the gate's.
        Arc::new(|name: &HeaderName| *name == http::header::HOST)
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES_MAX
    }

    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<wasmtime_wasi_http::RequestOptions>,
        _: Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}

/// Links `wasi:http/outgoing-handler`.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker
        .instance("wasi:http/outgoing-handler@0.2.12")?
        .func_wrap_async(
            "handle",
            |mut store: StoreContextMut<'_, State>,
             (request, options): (
                Resource<HostOutgoingRequest>,
                Option<Resource<RequestOptions>>,
            )| {
                Box::new(async move {
                    let answer = outgoing::handle(&mut store, request, options).await?;
                    Ok((answer,) as (Result<Resource<HostFutureIncomingResponse>, ErrorCode>,))
                })
            },
        )
}
