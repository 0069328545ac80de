//! `wasi:sockets/ip-name-lookup`: names are looked up under grants by name, and the receipt says what was
//! found.
//!
//! A name has one spelling here, that which is matched, recorded and asked for: lower case, without a dot
//! at the end, ASCII. A name can carry data away, so nothing is asked for before everything that the call
//! did earlier is durable. An address is no name: it is answered as it is, and nobody is asked.
//!
//! Finding an address opens nothing: connecting to it is another effect.

use super::room::Rooms;
use super::wish;
use crate::gate::decision::Attempt;
use crate::gate::http::net::{Resolver, Transport};
use crate::gate::kinds;
use crate::gate::permit::Permit;
use crate::gate::record;
use crate::gate::scope::CallScope;
use crate::gate::table::RESOLVE;
use crate::state::State;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tollgate_grants::{Effect, Reason};
use tollgate_receipts::Outcome;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

/// Addresses of one name that are handed out.
const ADDRESSES_MAX: usize = 16;
/// How long the system's resolver may take.
const LOOKUP_TIME_MAX: Duration = Duration::from_secs(30);
/// Characters of a name that are looked at; no host has so many.
const NAME_CHARS_MAX: usize = 1024;

type Found = Result<VecDeque<IpAddr>, ErrorCode>;

/// A lookup, for the guest.
pub(super) struct Lookup(Progress);

enum Progress {
    Asked(oneshot::Receiver<Found>),
    Answered(Found),
}

impl Lookup {
    fn answered(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self(Progress::Answered(Ok(addresses.into_iter().collect())))
    }

    /// The next address; none after the last.
    pub(super) fn next(&mut self) -> Result<Option<IpAddr>, ErrorCode> {
        if let Progress::Asked(receiver) = &mut self.0 {
            match receiver.try_recv() {
                Ok(found) => self.0 = Progress::Answered(found),
                Err(oneshot::error::TryRecvError::Empty) => return Err(ErrorCode::WouldBlock),
                Err(oneshot::error::TryRecvError::Closed) => {
                    self.0 = Progress::Answered(Err(ErrorCode::TemporaryResolverFailure));
                }
            }
        }
        match &mut self.0 {
            Progress::Answered(Ok(addresses)) => Ok(addresses.pop_front()),
            Progress::Answered(Err(code)) => Err(*code),
            Progress::Asked(_) => Err(ErrorCode::WouldBlock),
        }
    }
}

#[async_trait::async_trait]
impl Pollable for Lookup {
    async fn ready(&mut self) {
        if let Progress::Asked(receiver) = &mut self.0 {
            let found = receiver.await;
            let found = found.unwrap_or(Err(ErrorCode::TemporaryResolverFailure));
            self.0 = Progress::Answered(found);
        }
    }
}

/// The address that a text is: four decimal numbers, or IPv6 with or without brackets.
fn literal(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text
            .parse::<Ipv4Addr>()
            .map(IpAddr::V4)
            .or_else(|_| text.parse::<Ipv6Addr>().map(IpAddr::V6))
            .ok(),
    }
}

/// A name in the one spelling that it has here. What is no name stays what it is, and no grant means it.
fn normalised(name: &str) -> String {
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    let name = name.to_ascii_lowercase();
    name.strip_suffix('.').map_or(name.clone(), str::to_owned)
}

/// Starts a lookup, or refuses it.
pub(super) async fn resolve(
    scope: &Arc<CallScope>,
    rooms: &Arc<Rooms>,
    name: &str,
) -> Result<Lookup, ErrorCode> {
    if let Some(address) = literal(name) {
        return Ok(Lookup::answered([address]));
    }
    let name = normalised(name);
    let effects = [Effect::Dns { name: &name }];
    let attempt = Attempt {
        import: RESOLVE,
        kind: kinds::DNS_RESOLVE,
        target: name.clone(),
        whole: None,
        effects: &effects,
    };
    let resolver = match &scope.host.transport {
        Transport::Live(client) | Transport::Recorded(client, _) => client.resolver(),
        Transport::Fixture(_) if wish::only_recorded(scope, &attempt) => {
            scope.refuse_for(&attempt, Reason::Unsupported).await;
            return Err(ErrorCode::AccessDenied);
        }
        Transport::Fixture(_) => {
            // Denied for its own reason; were it granted meanwhile, there is still nobody to ask.
            if let Ok(permit) = scope.permit_buffered(&attempt) {
                permit.cancel("not asked: recorded exchanges stand in for the network");
            }
            return Err(ErrorCode::AccessDenied);
        }
    };
    let Ok(permit) = scope.permit_buffered(&attempt) else {
        return Err(ErrorCode::AccessDenied);
    };
    if scope.watermark().await.is_err() {
        permit.cancel("not asked: the ledger cannot be written");
        return Err(ErrorCode::AccessDenied);
    }
    let (sender, receiver) = oneshot::channel();
    let (scope, rooms, guard) = (Arc::clone(scope), Arc::clone(rooms), scope.own_task());
    scope.host.io.clone().spawn(async move {
        let found = ask(&scope, &rooms, resolver, permit, &name).await;
        // The guest may be gone.
        let _ = sender.send(found);
        drop(guard);
    });
    Ok(Lookup(Progress::Asked(receiver)))
}

/// Asks the resolver and writes what it said.
async fn ask(
    scope: &CallScope,
    rooms: &Rooms,
    resolver: Arc<dyn Resolver>,
    permit: Permit,
    name: &str,
) -> Found {
    let asking = async {
        // A lookup that was given up goes on in the system: its room is taken until it ends.
        let of_call = Arc::clone(&rooms.lookups).acquire_owned().await.ok();
        let of_host = Arc::clone(&scope.host.sockets.lookups)
            .acquire_owned()
            .await;
        let (resolver, name) = (resolver, name.to_owned());
        let lookup = scope.host.io.spawn(async move {
            let found = resolver.resolve(&name).await;
            drop((of_call, of_host));
            found
        });
        match tokio::time::timeout(LOOKUP_TIME_MAX, lookup).await {
            Ok(Ok(Ok(found))) => Ok(found),
            Ok(Ok(Err(_))) => Err(ErrorCode::NameUnresolvable),
            Ok(Err(_)) | Err(_) => Err(ErrorCode::TemporaryResolverFailure),
        }
    };
    let found = tokio::select! {
        found = asking => found,
        () = scope.cancelled() => {
            permit.cancel("the call ended before an answer came; the name may have been asked for");
            return Err(ErrorCode::TemporaryResolverFailure);
        }
    };
    match found {
        Ok(found) => {
            let mut addresses = VecDeque::new();
            for address in found.into_iter().map(|address| address.to_canonical()) {
                if addresses.len() < ADDRESSES_MAX && !addresses.contains(&address) {
                    addresses.push_back(address);
                }
            }
            let shown: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            permit.settle(Outcome {
                detail: Some(shown.join(", ")),
                ..record::ok()
            });
            Ok(addresses)
        }
        Err(code) => {
            permit.settle(record::failed(code.name()));
            Err(code)
        }
    }
}

/// Links the interface; the resource is ours, since wasmtime's cannot be made by others.
pub(in crate::gate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?;
    instance.func_wrap_async(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, State>, (network, name): (Resource<Network>, String)| {
            Box::new(async move {
                let state = store.data_mut();
                state.table.get(&network)?;
                let (scope, rooms) = (Arc::clone(&state.scope), Arc::clone(&state.sockets.rooms));
                let lookup = match resolve(&scope, &rooms, &name).await {
                    Ok(lookup) => Ok(store.data_mut().table.push(lookup)?),
                    Err(code) => Err(code),
                };
                Ok((lookup,))
            })
        },
    )?;
    instance.resource(
        "resolve-address-stream",
        ResourceType::host::<Lookup>(),
        |mut store, rep| {
            let lookup = Resource::<Lookup>::new_own(rep);
            store.data_mut().table.delete(lookup)?;
            Ok(())
        },
    )?;
    instance.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store: StoreContextMut<'_, State>, (this,): (Resource<Lookup>,)| {
            let lookup = store.data_mut().table.get_mut(&this)?;
            Ok((lookup.next().map(|next| next.map(IpAddress::from)),))
        },
    )?;
    instance.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store: StoreContextMut<'_, State>,
         (this,): (Resource<Lookup>,)|
         -> wasmtime::Result<(Resource<DynPollable>,)> {
            Ok((subscribe(&mut store.data_mut().table, this)?,))
        },
    )?;
    Ok(())
}
