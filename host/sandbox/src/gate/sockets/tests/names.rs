//! Name lookup.

use super::*;
use crate::gate::sockets::lookup::{Lookup, resolve};
use std::net::Ipv4Addr;
use wasmtime_wasi_io::poll::Pollable as _;

fn book() -> Book {
    let many = (1..=40).map(|last| IpAddr::from([198, 51, 100, last]));
    Book {
        known: vec![
            (
                "api.example.org",
                vec![IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 7])],
            ),
            ("many.example.org", many.collect()),
        ],
        ..Book::default()
    }
}

async fn look_up(call: &Call, name: &str) -> Result<Lookup, ErrorCode> {
    resolve(&call.world.scope, &call.state.sockets.rooms, name).await
}

async fn all(mut lookup: Lookup) -> Result<Vec<IpAddr>, ErrorCode> {
    lookup.ready().await;
    let mut addresses = Vec::new();
    while let Some(address) = lookup.next()? {
        addresses.push(address);
    }
    Ok(addresses)
}

#[tokio::test]
async fn what_was_found_is_in_the_receipt() {
    let book = book();
    let call = Call::resolving(&["dns **.example.org"], book.clone());
    let found = all(look_up(&call, "API.Example.ORG.").await.unwrap()).await;
    assert_eq!(found.unwrap(), [IpAddr::from([192, 0, 2, 7])]);
    let many = all(look_up(&call, "many.example.org").await.unwrap()).await;
    assert_eq!(many.unwrap().len(), 16);
    let unknown = all(look_up(&call, "no.example.org").await.unwrap()).await;
    assert_eq!(unknown, Err(ErrorCode::NameUnresolvable));
    let asked = book.asked.lock().unwrap().clone();
    assert_eq!(
        asked,
        ["api.example.org", "many.example.org", "no.example.org"]
    );
    let (said, outcomes) = call.ended().await;
    assert_eq!(
        said,
        [
            "dns.resolve Settled ok",
            "dns.resolve Settled ok",
            "dns.resolve Settled failed"
        ]
    );
    assert_eq!(outcomes[0].detail.as_deref(), Some("192.0.2.7"));
    let many = outcomes[1].detail.as_deref().unwrap();
    assert_eq!(many.split(", ").count(), 16);
    assert_eq!(outcomes[2].error.as_deref(), Some("name-unresolvable"));
}

#[tokio::test]
async fn what_is_not_granted_is_not_asked() {
    let book = book();
    let call = Call::resolving(&["dns *.example.org"], book.clone());
    let names = [
        "example.org",
        "a.b.example.org",
        "c2VjcmV0.attacker.example",
        "apı.example.org",
        "api.example.org..",
        "127.1",
        "",
    ];
    for name in names {
        let denied = look_up(&call, name).await.err();
        assert_eq!(denied, Some(ErrorCode::AccessDenied), "{name}");
    }
    assert!(book.asked.lock().unwrap().is_empty());
    let (said, _) = call.ended().await;
    assert_eq!(said, vec!["dns.resolve Denied"; names.len()]);
}

#[tokio::test]
async fn an_address_is_answered_without_asking() {
    let book = book();
    let call = Call::resolving(&[], book.clone());
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    let found = all(look_up(&call, "127.0.0.1").await.unwrap()).await;
    assert_eq!(found.unwrap(), [here]);
    for text in ["::1", "[::1]"] {
        let found = all(look_up(&call, text).await.unwrap()).await;
        assert_eq!(found.unwrap(), ["::1".parse::<IpAddr>().unwrap()]);
    }
    assert!(book.asked.lock().unwrap().is_empty());
    assert!(call.ended().await.0.is_empty());
}

#[tokio::test]
async fn nothing_is_asked_before_what_the_call_did_is_durable() {
    let book = book();
    let call = Call::resolving(&["dns *.example.org"], book.clone());
    *book.ledger.lock().unwrap() = Some(Arc::clone(&call.world.ledger));
    // A denial waits in the read-set.
    assert!(look_up(&call, "attacker.example").await.is_err());
    assert_eq!(call.written(), 0);
    all(look_up(&call, "api.example.org").await.unwrap())
        .await
        .unwrap();
    assert_eq!(*book.counted.lock().unwrap(), [1]);
    // And where it cannot be, nothing is asked.
    *call.world.ledger.disk.lock().unwrap() = Disk::Fails;
    let denied = look_up(&call, "api.example.org").await.err();
    assert_eq!(denied, Some(ErrorCode::AccessDenied));
    assert_eq!(book.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn recorded_exchanges_have_no_lookups() {
    for (grants, said) in [
        (&["dns *.example.org"][..], "dns.resolve Denied"),
        (&[], "dns.resolve Denied"),
    ] {
        let call = Call::of(World::new(grants));
        let denied = look_up(&call, "api.example.org").await.err();
        assert_eq!(denied, Some(ErrorCode::AccessDenied));
        let last = call.world.scope.book().last_denial.clone().unwrap();
        let reason = if grants.is_empty() {
            "no_grant"
        } else {
            "unsupported"
        };
        assert_eq!(last.reason, reason);
        assert_eq!(call.ended().await.0, [said]);
    }
}
