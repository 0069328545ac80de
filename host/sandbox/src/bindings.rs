//! Generated from `wit/`: the exports that the host calls and the imports that are ours.

pub(crate) mod provider {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "tollgate:plugin/provider",
        imports: {
            "tollgate:plugin/sink.emit": async | trappable,
            "wasi:keyvalue/store.open": async | trappable,
            "wasi:keyvalue/store.[method]bucket.get": async | trappable,
            "wasi:keyvalue/store.[method]bucket.set": async | trappable,
            "wasi:keyvalue/store.[method]bucket.delete": async | trappable,
            "wasi:keyvalue/store.[method]bucket.exists": async | trappable,
            "wasi:keyvalue/store.[method]bucket.list-keys": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:cli": wasmtime_wasi::p2::bindings::cli,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:filesystem": wasmtime_wasi::p2::bindings::filesystem,
            "wasi:random": wasmtime_wasi::p2::bindings::random,
            "wasi:sockets": wasmtime_wasi::p2::bindings::sockets,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:keyvalue/store.bucket": crate::gate::keyvalue::Bucket,
        },
    });
}

pub(crate) mod tools {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "tollgate:plugin/tools",
        imports: {
            "tollgate:plugin/progress.report": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:cli": wasmtime_wasi::p2::bindings::cli,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:filesystem": wasmtime_wasi::p2::bindings::filesystem,
            "wasi:random": wasmtime_wasi::p2::bindings::random,
            "wasi:sockets": wasmtime_wasi::p2::bindings::sockets,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:config": crate::bindings::provider::wasi::config,
            "wasi:keyvalue": crate::bindings::provider::wasi::keyvalue,
            "wasi:logging": crate::bindings::provider::wasi::logging,
            "tollgate:plugin/denials": crate::bindings::provider::tollgate::plugin::denials,
            "tollgate:plugin/tool-types": crate::bindings::provider::tollgate::plugin::tool_types,
        },
    });
}

pub(crate) use provider::tollgate::plugin::{
    denials, model_types, request_options, sink, tool_types,
};
pub(crate) use provider::wasi::{config, keyvalue, logging};
pub(crate) use tools::tollgate::plugin::progress;
