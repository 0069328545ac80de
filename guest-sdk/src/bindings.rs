//! What wit-bindgen makes of `wit/`: the imports and their types once, and each world's export.
//!
//! The generated functions exist on every target, so that the code around them is checked by a native
//! build too, but calling one works only inside a component.

/// Our own imports and the types of both worlds.
pub mod contract {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package tollgate:sdk-contract;
            world sdk-contract {
                import tollgate:plugin/denials@0.1.2;
                import tollgate:plugin/tool-types@0.1.2;
                import tollgate:plugin/model-types@0.1.2;
                import tollgate:plugin/sink@0.1.2;
                import tollgate:plugin/progress@0.1.2;
                import tollgate:plugin/request-options@0.1.2;
            }
        ",
        additional_derives: [PartialEq, Clone],
        generate_all,
        generate_unused_types: true,
    });
    pub use tollgate::plugin::{denials, model_types, progress, request_options, sink, tool_types};
}

/// The standard imports that the standard library does not already use.
pub mod standard {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package tollgate:sdk-standard;
            world sdk-standard {
                import wasi:http/types@0.2.12;
                import wasi:http/outgoing-handler@0.2.12;
                import wasi:config/store@0.2.0-rc.1;
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:logging/logging@0.1.0-draft;
            }
        ",
        generate_all,
    });
    pub use wasi::{config, http, io, keyvalue, logging};
}

/// The export of the world `tools`.
pub mod tools {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package tollgate:sdk-tools;
            world sdk-tools { export tollgate:plugin/tool@0.1.2; }
        ",
        with: {
            "tollgate:plugin/denials@0.1.2": crate::bindings::contract::denials,
            "tollgate:plugin/tool-types@0.1.2": crate::bindings::contract::tool_types,
        },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_tools_world",
        default_bindings_module: "tollgate_sdk::bindings::tools",
    });
}

/// The export of the world `provider`.
pub mod provider {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package tollgate:sdk-provider;
            world sdk-provider { export tollgate:plugin/model@0.1.2; }
        ",
        with: {
            "tollgate:plugin/denials@0.1.2": crate::bindings::contract::denials,
            "tollgate:plugin/tool-types@0.1.2": crate::bindings::contract::tool_types,
            "tollgate:plugin/model-types@0.1.2": crate::bindings::contract::model_types,
        },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_provider_world",
        default_bindings_module: "tollgate_sdk::bindings::provider",
    });
}
