//! Builds the linker from the classification table.
//!
//! Invariants: each interface is linked by itself; shadowing stays off, so nothing can be linked
//! over; `add_to_linker_async` of the libraries is never called; an interface without a row in the
//! table is not linked.

use super::sockets;
use super::table::TABLE;
use super::view::{self, HasGate, gate};
use crate::bindings;
use crate::state::State;
use wasmtime::Engine;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::WasiCli;
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi_http::WasiHttp;
use wasmtime_wasi_io::bindings::wasi::io;

/// How an interface is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Environment,
    Exit,
    Stdin,
    Stdout,
    Stderr,
    TerminalInput,
    TerminalOutput,
    TerminalStdin,
    TerminalStdout,
    TerminalStderr,
    MonotonicClock,
    WallClock,
    Config,
    Filesystem,
    Preopens,
    HttpTypes,
    OutgoingHandler,
    IoError,
    Poll,
    Streams,
    KeyValue,
    Logging,
    InsecureSeed,
    Insecure,
    Random,
    Network,
    InstanceNetwork,
    NameLookup,
    TcpCreate,
    UdpCreate,
    Tcp,
    Udp,
    Denials,
    Progress,
    RequestOptions,
    Sink,
    ToolTypes,
    ModelTypes,
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

fn table(state: &mut State) -> &mut ResourceTable {
    &mut state.table
}

/// The linker for every component.
pub(crate) fn build(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    for interface in TABLE {
        add(&mut linker, interface.link)?;
    }
    Ok(linker)
}

fn add(l: &mut Linker<State>, link: Link) -> wasmtime::Result<()> {
    match link {
        Link::Environment => cli::environment::add_to_linker::<_, HasGate>(l, gate),
        Link::Exit => cli::exit::add_to_linker::<_, HasGate>(l, gate),
        Link::Stdin => cli::stdin::add_to_linker::<_, HasGate>(l, gate),
        Link::Stdout => cli::stdout::add_to_linker::<_, HasGate>(l, gate),
        Link::Stderr => cli::stderr::add_to_linker::<_, HasGate>(l, gate),
        Link::TerminalInput => cli::terminal_input::add_to_linker::<_, WasiCli>(l, view::cli),
        Link::TerminalOutput => cli::terminal_output::add_to_linker::<_, WasiCli>(l, view::cli),
        Link::TerminalStdin => cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, view::cli),
        Link::TerminalStdout => cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, view::cli),
        Link::TerminalStderr => cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, view::cli),
        Link::MonotonicClock => clocks::monotonic_clock::add_to_linker::<_, HasGate>(l, gate),
        Link::WallClock => clocks::wall_clock::add_to_linker::<_, HasGate>(l, gate),
        Link::Config => bindings::config::store::add_to_linker::<_, HasGate>(l, gate),
        Link::Filesystem => filesystem::types::add_to_linker::<_, HasGate>(l, gate),
        Link::Preopens => filesystem::preopens::add_to_linker::<_, HasGate>(l, gate),
        Link::HttpTypes => wasmtime_wasi_http::p2::bindings::http::types::add_to_linker::<
            _,
            WasiHttp,
        >(l, &Default::default(), view::http),
        Link::OutgoingHandler => super::http::link(l),
        Link::IoError => io::error::add_to_linker::<_, HasGate>(l, gate),
        Link::Poll => io::poll::add_to_linker::<_, HasTable>(l, table),
        Link::Streams => io::streams::add_to_linker::<_, HasTable>(l, table),
        Link::KeyValue => bindings::keyvalue::store::add_to_linker::<_, HasGate>(l, gate),
        Link::Logging => bindings::logging::logging::add_to_linker::<_, HasGate>(l, gate),
        Link::InsecureSeed => random::insecure_seed::add_to_linker::<_, HasGate>(l, gate),
        Link::Insecure => random::insecure::add_to_linker::<_, HasGate>(l, gate),
        Link::Random => random::random::add_to_linker::<_, HasGate>(l, gate),
        Link::Network => sockets::link_network(l),
        Link::InstanceNetwork => sockets::link_instance_network(l),
        Link::NameLookup => sockets::link_lookup(l),
        Link::TcpCreate => sockets::link_tcp_create(l),
        Link::UdpCreate => sockets::link_udp_create(l),
        Link::Tcp => sockets::link_tcp(l),
        Link::Udp => sockets::link_udp(l),
        Link::Denials => bindings::denials::add_to_linker::<_, HasGate>(l, gate),
        Link::Progress => bindings::progress::add_to_linker::<_, HasGate>(l, gate),
        Link::RequestOptions => bindings::request_options::add_to_linker::<_, HasGate>(l, gate),
        Link::Sink => bindings::sink::add_to_linker::<_, HasGate>(l, gate),
        Link::ToolTypes => bindings::tool_types::add_to_linker::<_, HasGate>(l, gate),
        Link::ModelTypes => bindings::model_types::add_to_linker::<_, HasGate>(l, gate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{self, Pool};
    use crate::gate::table;
    use wasmtime::component::Component;

    fn links(import: &str) -> bool {
        let engine = engine::build(Pool::CompileOnly).unwrap();
        let text = format!(r#"(component (import "{import}" (instance (export "f" (func)))))"#);
        let component = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        build(&engine).unwrap().instantiate_pre(&component).is_ok()
    }

    #[test]
    fn an_import_without_a_row_is_not_linked() {
        for import in [
            "wasi:nn/graph@0.2.0",
            "wasi:cli/run@0.2.12",
            "wasi:http/incoming-handler@0.2.12",
            "wasi:keyvalue/atomics@0.2.0-draft",
            "wasi:filesystem/types@0.3.0",
        ] {
            assert!(!table::knows(import), "{import}");
            assert!(!links(import), "{import}");
        }
    }

    #[test]
    fn nothing_can_be_linked_over_the_table() {
        let engine = engine::build(Pool::CompileOnly).unwrap();
        let mut linker = build(&engine).unwrap();
        for interface in TABLE.iter().filter(|interface| !interface.rows.is_empty()) {
            let again = add(&mut linker, interface.link);
            assert!(again.is_err(), "{}", interface.name);
        }
    }
}
