//! The classification table: every import of every world, what it can do, how it is refused.
//!
//! The linker is built from this table and from nothing else ([`super::linker`]).
//!
//! Invariant: an interface that does not stand here is not linked, and an interface or a function of the
//! contract that does not stand here fails the build.

use super::kinds;
pub use super::kinds::{EffectKind, TargetForm};
use super::linker::Link;

/// How the gate treats one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// An effect: decided, recorded, then performed.
    Effect {
        /// The kinds that its receipts may have.
        kinds: &'static [EffectKind],
        /// What the guest sees when it is refused.
        denial: DenialForm,
    },
    /// Works on a handle that the gate minted; covered by the receipt that opened it.
    Handle {
        /// The kinds of the receipts that it leaves when the grant is gone meanwhile.
        kinds: &'static [EffectKind],
    },
    /// Counted in the call's own record.
    Counted,
    /// Builds or reads a value of the call; touches nothing outside.
    Inert,
}

/// What the guest sees when an effect is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialForm {
    /// The error of the interface's own variant.
    Error(&'static str),
    /// The value without what was refused.
    Filtered,
}

/// One function of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its name in the interface.
    pub function: &'static str,
    /// How it is treated.
    pub treatment: Treatment,
}

/// One interface.
#[derive(Clone, Copy)]
pub struct Interface {
    /// Its full name with version.
    pub name: &'static str,
    /// Its functions.
    pub rows: &'static [Row],
    pub(super) link: Link,
}

const ENV: &str = "wasi:cli/environment.get-environment";
pub(super) const ENVIRONMENT: &str = ENV;
pub(super) const RESOLVE: &str = "wasi:sockets/ip-name-lookup.resolve-addresses";
pub(super) const HTTP_HANDLE: &str = "wasi:http/outgoing-handler.handle";
pub(super) const KV_OPEN: &str = "wasi:keyvalue/store.open";
pub(super) const KV_GET: &str = "wasi:keyvalue/store.bucket.get";
pub(super) const KV_SET: &str = "wasi:keyvalue/store.bucket.set";
pub(super) const KV_DELETE: &str = "wasi:keyvalue/store.bucket.delete";
pub(super) const KV_EXISTS: &str = "wasi:keyvalue/store.bucket.exists";
pub(super) const KV_LIST: &str = "wasi:keyvalue/store.bucket.list-keys";

const fn effect(function: &'static str, kinds: &'static [EffectKind], denial: DenialForm) -> Row {
    Row {
        function,
        treatment: Treatment::Effect { kinds, denial },
    }
}

const fn handle(function: &'static str) -> Row {
    using(function, &[])
}

const fn using(function: &'static str, kinds: &'static [EffectKind]) -> Row {
    Row {
        function,
        treatment: Treatment::Handle { kinds },
    }
}

const fn counted(function: &'static str) -> Row {
    Row {
        function,
        treatment: Treatment::Counted,
    }
}

const fn inert(function: &'static str) -> Row {
    Row {
        function,
        treatment: Treatment::Inert,
    }
}

/// A file or directory that is used after its grant is gone.
const FS_USE: &[EffectKind] = &[kinds::FS_USE];
/// A request or an answer that goes on after its grant is gone.
const HTTP_USE: &[EffectKind] = &[kinds::HTTP_USE];
/// A request that led to an address where it may not go.
const HTTP_FLIGHT: &[EffectKind] = &[kinds::HTTP_USE, kinds::HTTP_CONNECT];
/// A socket for datagrams that is used after its grant is gone.
const UDP_USE: &[EffectKind] = &[kinds::UDP_USE];
/// Streams are of files, of bodies and of connections.
const STREAM_USE: &[EffectKind] = &[kinds::FS_USE, kinds::HTTP_USE, kinds::TCP_USE];
const NOT_PERMITTED: DenialForm = DenialForm::Error("not-permitted");
const ACCESS_DENIED: DenialForm = DenialForm::Error("access-denied");

macro_rules! interfaces {
    ($($name:literal $link:ident [$($row:expr),* $(,)?])*) => {
        /// Every interface that may be linked.
        pub const TABLE: &[Interface] = &[
            $(Interface { name: $name, rows: &[$($row),*], link: Link::$link },)*
        ];
    };
}

interfaces! {
    "wasi:cli/environment@0.2.12" Environment [
        effect("get-environment", &[kinds::ENV_READ], DenialForm::Filtered),
        inert("get-arguments"),
        inert("initial-cwd"),
    ]
    "wasi:cli/exit@0.2.12" Exit [inert("exit"), inert("exit-with-code")]
    "wasi:cli/stdin@0.2.12" Stdin [counted("get-stdin")]
    "wasi:cli/stdout@0.2.12" Stdout [counted("get-stdout")]
    "wasi:cli/stderr@0.2.12" Stderr [counted("get-stderr")]
    "wasi:cli/terminal-input@0.2.12" TerminalInput []
    "wasi:cli/terminal-output@0.2.12" TerminalOutput []
    "wasi:cli/terminal-stdin@0.2.12" TerminalStdin [inert("get-terminal-stdin")]
    "wasi:cli/terminal-stdout@0.2.12" TerminalStdout [inert("get-terminal-stdout")]
    "wasi:cli/terminal-stderr@0.2.12" TerminalStderr [inert("get-terminal-stderr")]
    "wasi:clocks/monotonic-clock@0.2.12" MonotonicClock [
        counted("now"),
        inert("resolution"),
        counted("subscribe-instant"),
        counted("subscribe-duration"),
    ]
    "wasi:clocks/wall-clock@0.2.12" WallClock [counted("now"), inert("resolution")]
    "wasi:config/store@0.2.0-rc.1" Config [inert("get"), inert("get-all")]
    "wasi:filesystem/types@0.2.12" Filesystem [
        using("[method]descriptor.read-via-stream", FS_USE),
        using("[method]descriptor.write-via-stream", FS_USE),
        using("[method]descriptor.append-via-stream", FS_USE),
        using("[method]descriptor.advise", FS_USE),
        using("[method]descriptor.sync-data", FS_USE),
        handle("[method]descriptor.get-flags"),
        handle("[method]descriptor.get-type"),
        using("[method]descriptor.set-size", FS_USE),
        using("[method]descriptor.set-times", FS_USE),
        using("[method]descriptor.read", FS_USE),
        using("[method]descriptor.write", FS_USE),
        effect("[method]descriptor.read-directory", &[kinds::FS_LIST], NOT_PERMITTED),
        using("[method]descriptor.sync", FS_USE),
        effect("[method]descriptor.create-directory-at", &[kinds::FS_MKDIR], NOT_PERMITTED),
        using("[method]descriptor.stat", FS_USE),
        effect("[method]descriptor.stat-at", &[kinds::FS_STAT], NOT_PERMITTED),
        effect("[method]descriptor.set-times-at", &[kinds::FS_SET_TIMES], NOT_PERMITTED),
        effect("[method]descriptor.link-at", &[kinds::FS_LINK], NOT_PERMITTED),
        effect(
            "[method]descriptor.open-at",
            &[kinds::FS_OPEN_READ, kinds::FS_OPEN_DIR, kinds::FS_OPEN_WRITE, kinds::FS_CREATE],
            NOT_PERMITTED
        ),
        effect("[method]descriptor.readlink-at", &[kinds::FS_READLINK], NOT_PERMITTED),
        effect("[method]descriptor.remove-directory-at", &[kinds::FS_DELETE], NOT_PERMITTED),
        effect("[method]descriptor.rename-at", &[kinds::FS_RENAME], NOT_PERMITTED),
        effect("[method]descriptor.symlink-at", &[kinds::FS_SYMLINK], NOT_PERMITTED),
        effect("[method]descriptor.unlink-file-at", &[kinds::FS_DELETE], NOT_PERMITTED),
        handle("[method]descriptor.is-same-object"),
        using("[method]descriptor.metadata-hash", FS_USE),
        effect("[method]descriptor.metadata-hash-at", &[kinds::FS_STAT], NOT_PERMITTED),
        handle("[method]directory-entry-stream.read-directory-entry"),
        inert("filesystem-error-code"),
    ]
    "wasi:filesystem/preopens@0.2.12" Preopens [inert("get-directories")]
    "wasi:http/types@0.2.12" HttpTypes [
        inert("[constructor]fields"),
        inert("[static]fields.from-list"),
        inert("[method]fields.get"),
        inert("[method]fields.has"),
        inert("[method]fields.set"),
        inert("[method]fields.delete"),
        inert("[method]fields.append"),
        inert("[method]fields.entries"),
        inert("[method]fields.clone"),
        inert("[method]incoming-request.method"),
        inert("[method]incoming-request.path-with-query"),
        inert("[method]incoming-request.scheme"),
        inert("[method]incoming-request.authority"),
        inert("[method]incoming-request.headers"),
        inert("[method]incoming-request.consume"),
        inert("[constructor]outgoing-request"),
        inert("[method]outgoing-request.body"),
        inert("[method]outgoing-request.method"),
        inert("[method]outgoing-request.set-method"),
        inert("[method]outgoing-request.path-with-query"),
        inert("[method]outgoing-request.set-path-with-query"),
        inert("[method]outgoing-request.scheme"),
        inert("[method]outgoing-request.set-scheme"),
        inert("[method]outgoing-request.authority"),
        inert("[method]outgoing-request.set-authority"),
        inert("[method]outgoing-request.headers"),
        inert("[constructor]request-options"),
        inert("[method]request-options.connect-timeout"),
        inert("[method]request-options.set-connect-timeout"),
        inert("[method]request-options.first-byte-timeout"),
        inert("[method]request-options.set-first-byte-timeout"),
        inert("[method]request-options.between-bytes-timeout"),
        inert("[method]request-options.set-between-bytes-timeout"),
        inert("[static]response-outparam.set"),
        handle("[method]incoming-response.status"),
        handle("[method]incoming-response.headers"),
        handle("[method]incoming-response.consume"),
        handle("[method]incoming-body.stream"),
        handle("[static]incoming-body.finish"),
        handle("[method]future-trailers.subscribe"),
        using("[method]future-trailers.get", HTTP_USE),
        inert("[constructor]outgoing-response"),
        inert("[method]outgoing-response.status-code"),
        inert("[method]outgoing-response.set-status-code"),
        inert("[method]outgoing-response.headers"),
        inert("[method]outgoing-response.body"),
        handle("[method]outgoing-body.write"),
        handle("[static]outgoing-body.finish"),
        handle("[method]future-incoming-response.subscribe"),
        using("[method]future-incoming-response.get", HTTP_FLIGHT),
        inert("http-error-code"),
    ]
    "wasi:http/outgoing-handler@0.2.12" OutgoingHandler [
        effect(
            "handle",
            &[kinds::HTTP_REQUEST],
            DenialForm::Error("HTTP-request-denied")
        ),
    ]
    "wasi:io/error@0.2.12" IoError [inert("[method]error.to-debug-string")]
    "wasi:io/poll@0.2.12" Poll [
        handle("[method]pollable.ready"),
        handle("[method]pollable.block"),
        handle("poll"),
    ]
    "wasi:io/streams@0.2.12" Streams [
        using("[method]input-stream.read", STREAM_USE),
        using("[method]input-stream.blocking-read", STREAM_USE),
        using("[method]input-stream.skip", STREAM_USE),
        using("[method]input-stream.blocking-skip", STREAM_USE),
        handle("[method]input-stream.subscribe"),
        using("[method]output-stream.check-write", STREAM_USE),
        using("[method]output-stream.write", STREAM_USE),
        using("[method]output-stream.blocking-write-and-flush", STREAM_USE),
        using("[method]output-stream.flush", STREAM_USE),
        using("[method]output-stream.blocking-flush", STREAM_USE),
        handle("[method]output-stream.subscribe"),
        using("[method]output-stream.write-zeroes", STREAM_USE),
        using("[method]output-stream.blocking-write-zeroes-and-flush", STREAM_USE),
        using("[method]output-stream.splice", STREAM_USE),
        using("[method]output-stream.blocking-splice", STREAM_USE),
    ]
    "wasi:keyvalue/store@0.2.0-draft" KeyValue [
        effect("[method]bucket.get", &[kinds::KV_GET], ACCESS_DENIED),
        effect("[method]bucket.set", &[kinds::KV_SET], ACCESS_DENIED),
        effect("[method]bucket.delete", &[kinds::KV_DELETE], ACCESS_DENIED),
        effect("[method]bucket.exists", &[kinds::KV_GET], ACCESS_DENIED),
        effect("[method]bucket.list-keys", &[kinds::KV_LIST], ACCESS_DENIED),
        effect("open", &[kinds::KV_OPEN], ACCESS_DENIED),
    ]
    "wasi:logging/logging@0.1.0-draft" Logging [counted("log")]
    "wasi:random/insecure-seed@0.2.12" InsecureSeed [counted("insecure-seed")]
    "wasi:random/insecure@0.2.12" Insecure [
        counted("get-insecure-random-bytes"),
        counted("get-insecure-random-u64"),
    ]
    "wasi:random/random@0.2.12" Random [
        counted("get-random-bytes"),
        counted("get-random-u64"),
    ]
    "wasi:sockets/network@0.2.12" Network []
    "wasi:sockets/instance-network@0.2.12" InstanceNetwork [inert("instance-network")]
    "wasi:sockets/ip-name-lookup@0.2.12" NameLookup [
        effect("resolve-addresses", &[kinds::DNS_RESOLVE], ACCESS_DENIED),
        handle("[method]resolve-address-stream.resolve-next-address"),
        handle("[method]resolve-address-stream.subscribe"),
    ]
    "wasi:sockets/tcp-create-socket@0.2.12" TcpCreate [
        inert("create-tcp-socket"),
    ]
    "wasi:sockets/udp-create-socket@0.2.12" UdpCreate [
        inert("create-udp-socket"),
    ]
    "wasi:sockets/tcp@0.2.12" Tcp [
        effect("[method]tcp-socket.start-bind", &[kinds::TCP_BIND], ACCESS_DENIED),
        handle("[method]tcp-socket.finish-bind"),
        effect("[method]tcp-socket.start-connect", &[kinds::TCP_CONNECT], ACCESS_DENIED),
        handle("[method]tcp-socket.finish-connect"),
        effect("[method]tcp-socket.start-listen", &[kinds::TCP_LISTEN], ACCESS_DENIED),
        handle("[method]tcp-socket.finish-listen"),
        effect("[method]tcp-socket.accept", &[kinds::TCP_ACCEPT], DenialForm::Filtered),
        handle("[method]tcp-socket.local-address"),
        handle("[method]tcp-socket.remote-address"),
        handle("[method]tcp-socket.is-listening"),
        handle("[method]tcp-socket.address-family"),
        handle("[method]tcp-socket.set-listen-backlog-size"),
        handle("[method]tcp-socket.keep-alive-enabled"),
        handle("[method]tcp-socket.set-keep-alive-enabled"),
        handle("[method]tcp-socket.keep-alive-idle-time"),
        handle("[method]tcp-socket.set-keep-alive-idle-time"),
        handle("[method]tcp-socket.keep-alive-interval"),
        handle("[method]tcp-socket.set-keep-alive-interval"),
        handle("[method]tcp-socket.keep-alive-count"),
        handle("[method]tcp-socket.set-keep-alive-count"),
        handle("[method]tcp-socket.hop-limit"),
        handle("[method]tcp-socket.set-hop-limit"),
        handle("[method]tcp-socket.receive-buffer-size"),
        handle("[method]tcp-socket.set-receive-buffer-size"),
        handle("[method]tcp-socket.send-buffer-size"),
        handle("[method]tcp-socket.set-send-buffer-size"),
        handle("[method]tcp-socket.subscribe"),
        handle("[method]tcp-socket.shutdown"),
    ]
    "wasi:sockets/udp@0.2.12" Udp [
        effect("[method]udp-socket.start-bind", &[kinds::UDP_BIND], ACCESS_DENIED),
        handle("[method]udp-socket.finish-bind"),
        effect("[method]udp-socket.stream", &[kinds::UDP_CONNECT], ACCESS_DENIED),
        handle("[method]udp-socket.local-address"),
        handle("[method]udp-socket.remote-address"),
        handle("[method]udp-socket.address-family"),
        handle("[method]udp-socket.unicast-hop-limit"),
        handle("[method]udp-socket.set-unicast-hop-limit"),
        handle("[method]udp-socket.receive-buffer-size"),
        handle("[method]udp-socket.set-receive-buffer-size"),
        handle("[method]udp-socket.send-buffer-size"),
        handle("[method]udp-socket.set-send-buffer-size"),
        handle("[method]udp-socket.subscribe"),
        using("[method]incoming-datagram-stream.receive", UDP_USE),
        handle("[method]incoming-datagram-stream.subscribe"),
        using("[method]outgoing-datagram-stream.check-send", UDP_USE),
        effect("[method]outgoing-datagram-stream.send", &[kinds::UDP_SEND], ACCESS_DENIED),
        handle("[method]outgoing-datagram-stream.subscribe"),
    ]
    "tollgate:plugin/denials@0.1.2" Denials [inert("last")]
    "tollgate:plugin/progress@0.1.2" Progress [counted("report")]
    "tollgate:plugin/request-options@0.1.2" RequestOptions [inert("get")]
    "tollgate:plugin/sink@0.1.2" Sink [counted("emit")]
    "tollgate:plugin/tool-types@0.1.2" ToolTypes []
    "tollgate:plugin/model-types@0.1.2" ModelTypes []
}

/// Whether an interface stands in the table, under exactly this name.
const fn links(interface: &str) -> bool {
    rows_of(interface).is_some()
}

/// Whether a function of an interface stands in the table.
const fn has_row(interface: &str, function: &str) -> bool {
    let Some(mut rows) = rows_of(interface) else {
        return false;
    };
    while let [row, rest @ ..] = rows {
        if same(row.function, function) {
            return true;
        }
        rows = rest;
    }
    false
}

const fn rows_of(interface: &str) -> Option<&'static [Row]> {
    let mut left = TABLE;
    while let [first, rest @ ..] = left {
        if same(first.name, interface) {
            return Some(first.rows);
        }
        left = rest;
    }
    None
}

const fn same(one: &str, other: &str) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while let ([a, rest @ ..], [b, others @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (rest, others);
    }
    true
}

// What the contract imports, asserted by the build script.
include!(concat!(env!("OUT_DIR"), "/imports.rs"));

/// Whether an import of a component stands in the table. Releases of WASI 0.2 are compatible, so the
/// patch number of a stable version is not compared; pre-releases match exactly.
pub fn knows(import: &str) -> bool {
    TABLE
        .iter()
        .any(|interface| compatible(interface.name, import))
}

/// Whether a name of the contract's package is of a version that is ours.
pub fn is_contract(name: &str) -> bool {
    let version = |name: &str| {
        name.rsplit_once('@')
            .map(|(_, version)| format!("x@{version}"))
    };
    let ours = format!("x@{}", tollgate_contract::CONTRACT_VERSION);
    version(name).is_some_and(|theirs| compatible(&ours, &theirs))
}

/// What may be imported, in words: releases by package, pre-releases by interface.
pub fn accepted() -> String {
    let mut names = std::collections::BTreeSet::new();
    for interface in TABLE {
        let (package, rest) = interface
            .name
            .split_once('/')
            .unwrap_or((interface.name, ""));
        let version = rest.split_once('@').map_or("", |(_, version)| version);
        names.insert(match version.rsplit_once('.') {
            Some((minor, _)) if !version.contains('-') => format!("{package}@{minor}"),
            _ => interface.name.to_owned(),
        });
    }
    let names: Vec<_> = names.into_iter().collect();
    names.join(", ")
}

fn compatible(ours: &str, theirs: &str) -> bool {
    if ours == theirs {
        return true;
    }
    let stable = |name: &str| {
        let (interface, version) = name.rsplit_once('@')?;
        if version.contains('-') {
            return None;
        }
        let (minor, _patch) = version.rsplit_once('.')?;
        (minor != "0.0").then(|| format!("{interface}@{minor}"))
    };
    stable(ours).is_some() && stable(ours) == stable(theirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_in_a_row() {
        let rows = TABLE.iter().flat_map(|interface| interface.rows);
        let known: Vec<EffectKind> = rows
            .flat_map(|row| match row.treatment {
                Treatment::Effect { kinds, .. } | Treatment::Handle { kinds } => kinds,
                Treatment::Counted | Treatment::Inert => &[],
            })
            .copied()
            .collect();
        for kind in kinds::ALL {
            assert!(known.contains(kind), "{kind:?}");
        }
    }

    #[test]
    fn what_does_not_stand_there_fails_the_build() {
        assert!(has_row("wasi:random/random@0.2.12", "get-random-u64"));
        assert!(!has_row("wasi:random/random@0.2.12", "get-random-u65"));
        assert!(!has_row("wasi:random/random@0.2.13", "get-random-u64"));
        assert!(!links("wasi:nn/inference@0.2.0"));
    }

    /// Every import of every world, from the contract itself.
    fn imports() -> std::collections::BTreeMap<String, std::collections::BTreeSet<String>> {
        let mut resolve = wit_parser::Resolve::default();
        let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
        let (package, _) = resolve.push_dir(wit).unwrap();
        let mut found = std::collections::BTreeMap::new();
        for world in ["tools", "provider"] {
            let world = resolve.select_world(&[package], Some(world)).unwrap();
            for (key, item) in &resolve.worlds[world].imports {
                let wit_parser::WorldItem::Interface { id, .. } = item else {
                    panic!("{key:?} is no interface");
                };
                let functions = resolve.interfaces[*id].functions.keys().cloned().collect();
                found.insert(resolve.name_world_key(key), functions);
            }
        }
        found
    }

    #[test]
    fn every_import_of_the_contract_has_a_row_and_every_row_an_import() {
        let table: std::collections::BTreeMap<_, std::collections::BTreeSet<_>> = TABLE
            .iter()
            .map(|interface| {
                let rows = interface.rows.iter().map(|row| row.function.to_owned());
                (interface.name.to_owned(), rows.collect())
            })
            .collect();
        assert_eq!(imports(), table);
    }

    #[test]
    fn what_is_accepted_is_told_by_package() {
        assert_eq!(
            accepted(),
            "tollgate:plugin@0.1, wasi:cli@0.2, wasi:clocks@0.2, wasi:config/store@0.2.0-rc.1, \
             wasi:filesystem@0.2, wasi:http@0.2, wasi:io@0.2, wasi:keyvalue/store@0.2.0-draft, \
             wasi:logging/logging@0.1.0-draft, wasi:random@0.2, wasi:sockets@0.2"
        );
        assert!(is_contract("tollgate:plugin/tool@0.1.7"));
        assert!(!is_contract("tollgate:plugin/tool@0.2.0"));
    }

    #[test]
    fn releases_are_compatible_and_drafts_are_not() {
        assert!(knows("wasi:filesystem/types@0.2.0"));
        assert!(knows("wasi:filesystem/types@0.2.6"));
        assert!(!knows("wasi:filesystem/types@0.3.0"));
        assert!(knows("wasi:keyvalue/store@0.2.0-draft"));
        assert!(!knows("wasi:keyvalue/store@0.2.0-draft2"));
        assert!(!knows("wasi:keyvalue/store@0.2.0"));
        assert!(!knows("wasi:nn/inference@0.2.0"));
    }
}
