//! Sockets and name lookup: refused, with a receipt, whatever the grants say.
//!
//! Making a socket and looking up a name are the attempts. As no socket can exist, the functions on
//! sockets cannot be reached; they are linked so that ordinary components instantiate.

use super::decision::Attempt;
use super::table::{RESOLVE, TCP_CREATE, UDP_CREATE};
use super::view;
use crate::state::State;
use std::sync::Arc;
use tollgate_grants::Reason;
use tollgate_receipts::Class;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::{instance_network, ip_name_lookup, network, tcp, udp};
use wasmtime_wasi::sockets::WasiSockets;

async fn refuse(
    store: &mut StoreContextMut<'_, State>,
    import: &'static str,
    kind: &'static str,
    class: Class,
    target: String,
) -> ErrorCode {
    let scope = Arc::clone(&store.data().scope);
    let attempt = Attempt {
        import,
        kind,
        class,
        target,
        whole: None,
        effects: &[],
    };
    scope.refuse_for(&attempt, Reason::Unsupported).await;
    ErrorCode::AccessDenied
}

fn family(family: IpAddressFamily) -> String {
    match family {
        IpAddressFamily::Ipv4 => "ipv4".into(),
        IpAddressFamily::Ipv6 => "ipv6".into(),
    }
}

pub(super) fn link_tcp_create(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker
        .instance("wasi:sockets/tcp-create-socket@0.2.12")?
        .func_wrap_async(
            "create-tcp-socket",
            |mut store: StoreContextMut<'_, State>, (version,): (IpAddressFamily,)| {
                Box::new(async move {
                    let error = refuse(
                        &mut store,
                        TCP_CREATE,
                        "tcp.socket",
                        Class::Strict,
                        family(version),
                    )
                    .await;
                    Ok((Err::<Resource<tcp::TcpSocket>, _>(error),))
                })
            },
        )
}

pub(super) fn link_udp_create(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker
        .instance("wasi:sockets/udp-create-socket@0.2.12")?
        .func_wrap_async(
            "create-udp-socket",
            |mut store: StoreContextMut<'_, State>, (version,): (IpAddressFamily,)| {
                Box::new(async move {
                    let error = refuse(
                        &mut store,
                        UDP_CREATE,
                        "udp.socket",
                        Class::Strict,
                        family(version),
                    )
                    .await;
                    Ok((Err::<Resource<udp::UdpSocket>, _>(error),))
                })
            },
        )
}

pub(super) fn link_lookup(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime::component::ResourceType;
    let mut instance = linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?;
    instance.func_wrap_async(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, State>, (_, name): (Resource<Network>, String)| {
            Box::new(async move {
                let error = refuse(&mut store, RESOLVE, "dns.resolve", Class::Buffered, name).await;
                Ok((Err::<Resource<ip_name_lookup::ResolveAddressStream>, _>(
                    error,
                ),))
            })
        },
    )?;
    // No stream of addresses is ever minted, so its methods answer nobody.
    instance.resource(
        "resolve-address-stream",
        ResourceType::host::<ip_name_lookup::ResolveAddressStream>(),
        |_, _| Ok(()),
    )?;
    instance.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |_: StoreContextMut<'_, State>, (_,): (Resource<ip_name_lookup::ResolveAddressStream>,)| {
            Ok((Err::<Option<network::IpAddress>, _>(
                ErrorCode::AccessDenied,
            ),))
        },
    )?;
    instance.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |_: StoreContextMut<'_, State>,
         (_,): (Resource<ip_name_lookup::ResolveAddressStream>,)|
         -> wasmtime::Result<(Resource<wasmtime_wasi_io::poll::DynPollable>,)> {
            Err(wasmtime::format_err!("no name lookup was ever allowed"))
        },
    )?;
    Ok(())
}

pub(super) fn link_network(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    network::add_to_linker::<State, WasiSockets>(linker, &Default::default(), view::sockets)
}

pub(super) fn link_instance_network(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    instance_network::add_to_linker::<State, WasiSockets>(linker, view::sockets)
}

pub(super) fn link_tcp(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    tcp::add_to_linker::<State, WasiSockets>(linker, view::sockets)
}

pub(super) fn link_udp(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    udp::add_to_linker::<State, WasiSockets>(linker, view::sockets)
}
