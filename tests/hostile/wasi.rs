//! The raw imports of files and sockets, without the libc in front of them.

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package tollgate:test-guests;
        world raw {
            import wasi:filesystem/types@0.2.12;
            import wasi:filesystem/preopens@0.2.12;
            import wasi:cli/environment@0.2.12;
            import wasi:sockets/instance-network@0.2.12;
            import wasi:sockets/ip-name-lookup@0.2.12;
            import wasi:sockets/tcp@0.2.12;
            import wasi:sockets/tcp-create-socket@0.2.12;
            import wasi:sockets/udp@0.2.12;
            import wasi:sockets/udp-create-socket@0.2.12;
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:clocks/monotonic-clock@0.2.12;
            import wasi:random/random@0.2.12;
            import wasi:http/types@0.2.12;
            import wasi:http/outgoing-handler@0.2.12;
        }
    ",
    generate_all,
});

pub use wasi::{cli, clocks, filesystem, http, io, keyvalue, random, sockets};
