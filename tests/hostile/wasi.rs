//! The raw imports of the contract, without libc or SDK in front of them.

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package tollgate:test-guests;
        world raw {
            include wasi:cli/imports@0.2.12;
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:http/types@0.2.12;
            import wasi:http/outgoing-handler@0.2.12;
            import wasi:config/store@0.2.0-rc.1;
            import wasi:logging/logging@0.1.0-draft;
            import tollgate:plugin/denials@0.1.2;
            import tollgate:plugin/progress@0.1.2;
            import tollgate:plugin/request-options@0.1.2;
            import tollgate:plugin/sink@0.1.2;
        }
    ",
    generate_all,
});

pub use self::tollgate::plugin;
pub use wasi::{cli, clocks, config, filesystem, http, io, keyvalue, logging, random, sockets};
