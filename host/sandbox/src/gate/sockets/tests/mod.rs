//! Sockets and lookups as a guest drives them, with a ledger and grants that can change in between.

mod datagrams;
mod names;
mod streams;

use crate::gate::http::net::{Resolver, Resolving};
use crate::gate::testing::{Disk, FakeLedger, World};
use crate::gate::view::{Gate, gate};
use crate::meter::Meter;
use crate::state::{Seed, State};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_receipts::{Record, State as Stage};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::SocketResult;
use wasmtime_wasi::p2::bindings::sockets::instance_network::Host as _;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp::{HostTcpSocket, TcpSocket};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

/// Where something is that nobody answers.
const NOWHERE: &str = "192.0.2.1:9";

/// A call that has a network.
struct Call {
    world: World,
    state: State,
}

/// The streams of a connection.
type Streams = (Resource<DynInputStream>, Resource<DynOutputStream>);

impl Call {
    fn new(grants: &[&str]) -> Self {
        Self::resolving(grants, Book::default())
    }

    fn resolving(grants: &[&str], book: Book) -> Self {
        Self::of(World::live(grants, Arc::new(book)))
    }

    fn of(world: World) -> Self {
        let scope = Arc::clone(&world.scope);
        let running = scope.running.clone();
        let state = State::new(Seed {
            scope,
            meter: Meter::new(1 << 20, Duration::from_secs(1), running),
            output_bytes_max: 1 << 20,
            http_body_bytes_max: 1 << 20,
            config: Arc::default(),
            deltas: None,
            options: tollgate_contract::RequestOptions::default(),
            reporter: None,
        });
        Self { world, state }
    }

    fn gate(&mut self) -> Gate<'_> {
        gate(&mut self.state)
    }

    fn network(&mut self) -> Resource<Network> {
        let mut gate = self.gate();
        gate.minted_sockets().instance_network().unwrap()
    }

    fn tcp(&mut self) -> Resource<TcpSocket> {
        self.gate()
            .create_tcp_socket(IpAddressFamily::Ipv4)
            .unwrap()
    }

    /// Begins to connect.
    fn connecting(&mut self, to: SocketAddr) -> Result<Resource<TcpSocket>, ErrorCode> {
        let (network, socket) = (self.network(), self.tcp());
        let this = Resource::new_borrow(socket.rep());
        code(self.gate().start_connect(this, network, to.into()))?;
        Ok(socket)
    }

    /// Waits until it is known how connecting went.
    async fn connected(&mut self, socket: &Resource<TcpSocket>) -> Result<Streams, ErrorCode> {
        loop {
            let this = Resource::new_borrow(socket.rep());
            match code(self.gate().finish_connect(this)) {
                Err(ErrorCode::WouldBlock) => tokio::time::sleep(Duration::from_millis(1)).await,
                other => return other,
            }
        }
    }

    async fn connect(&mut self, to: SocketAddr) -> Result<Streams, ErrorCode> {
        let socket = self.connecting(to)?;
        self.connected(&socket).await
    }

    /// Ends the call: what it had open is closed. The entries, and the facts of their outcomes.
    async fn ended(self) -> (Vec<String>, Vec<Outcomes>) {
        let Self { world, state } = self;
        drop(state);
        world.scope.settle_tasks().await;
        // Where the ledger cannot be written, nothing is to be waited for.
        let _ = world.scope.watermark().await;
        let drafts = world.ledger.drafts.lock().unwrap();
        let mut outcomes = Vec::new();
        for draft in drafts.iter() {
            match &draft.record {
                Record::Outcome(of) => outcomes.push(Outcomes::of(of.state, &of.outcome)),
                Record::ReadSet(set) => {
                    let items = set.items.iter();
                    let with =
                        items.filter_map(|i| Some(Outcomes::of(i.state, i.outcome.as_ref()?)));
                    outcomes.extend(with);
                }
                _ => {}
            }
        }
        drop(drafts);
        assert_eq!(world.ledger.open_intents(), 0, "{:?}", world.ledger.said());
        (world.ledger.said(), outcomes)
    }

    /// How many entries there are.
    fn written(&self) -> usize {
        self.world.ledger.drafts.lock().unwrap().len()
    }
}

/// What an outcome says besides its result.
#[derive(Debug, PartialEq, Eq)]
struct Outcomes {
    stage: Stage,
    error: Option<String>,
    address: Option<String>,
    bytes: Option<(u64, u64)>,
    detail: Option<String>,
}

impl Outcomes {
    fn of(stage: Stage, outcome: &tollgate_receipts::Outcome) -> Self {
        Self {
            stage,
            error: outcome.error.clone(),
            address: outcome.address.clone(),
            bytes: outcome.bytes_in.zip(outcome.bytes_out),
            detail: outcome.detail.clone(),
        }
    }
}

/// An error in the words of the interface.
fn code<T>(result: SocketResult<T>) -> Result<T, ErrorCode> {
    result.map_err(|error| error.downcast().unwrap())
}

/// A resolver that knows what it is told, and remembers what it was asked.
#[derive(Default, Clone)]
struct Book {
    known: Vec<(&'static str, Vec<IpAddr>)>,
    asked: Arc<Mutex<Vec<String>>>,
    /// Whose entries are counted when it is asked.
    ledger: Arc<Mutex<Option<Arc<FakeLedger>>>>,
    counted: Arc<Mutex<Vec<usize>>>,
}

impl Resolver for Book {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        self.asked.lock().unwrap().push(host.to_owned());
        if let Some(ledger) = &*self.ledger.lock().unwrap() {
            let entries = ledger.drafts.lock().unwrap().len();
            self.counted.lock().unwrap().push(entries);
        }
        let found = self.known.iter().find(|(name, _)| *name == host);
        let found = found.map(|(_, addresses)| addresses.clone());
        Box::pin(async move { found.ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

/// A listener of the test's on loopback.
fn peer() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
