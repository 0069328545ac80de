//! Which addresses are connected to.

use super::super::*;
use super::support::*;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn a_name_that_turns_inwards_is_refused() {
    let server = serve(|_| async { text("inside") }).await;
    let port = server.address.port();
    let resolver = Rebinding::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let client = client_with(resolver);
    let url = format!("http://name.example:{port}/");
    let inbound = client.send(get(&url)).await.unwrap();
    assert_eq!(inbound.peer, Some(server.address));
    assert_eq!(read(inbound).await.unwrap(), "inside");

    client.drop_pool(|_| true);
    let error = client.send(get(&url)).await.unwrap_err();
    let NetErrorKind::DestinationIpProhibited { addresses, refusal } = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(addresses, &["10.0.0.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(refusal, "only this machine");
    assert!(!error.sent());
}

#[tokio::test]
async fn every_address_is_checked_and_only_checked_ones_are_connected_to() {
    let server = serve(|_| async { text("ok") }).await;
    let port = server.address.port();
    // The first is refused by the check; were it not, it would answer, for it is this machine too.
    let resolver = Rebinding::new(&[&["127.0.0.2", "127.0.0.1", "::1"]]);
    let asked: Arc<Mutex<Vec<IpAddr>>> = Arc::default();
    let mut sent = get(&format!("http://name.example:{port}/"));
    let (noted, inner) = (Arc::clone(&asked), only_loopback());
    sent.address_check = Arc::new(move |address| {
        noted.lock().unwrap().push(address);
        inner(address)
    });
    let inbound = client_with(resolver).send(sent).await.unwrap();
    assert_eq!(inbound.peer, Some(server.address));
    let asked: Vec<String> = asked
        .lock()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(asked, ["127.0.0.2", "127.0.0.1", "::1", "127.0.0.1"]);
}

#[tokio::test]
async fn literals_are_checked_and_never_resolved() {
    let client = client_with(Rebinding::new(&[]));
    let error = client
        .send(get("http://169.254.169.254/latest"))
        .await
        .unwrap_err();
    assert_eq!(code(&error), "destination-IP-prohibited");
    assert_eq!(
        error.to_string(),
        "169.254.169.254:80 resolves only to addresses that may not be reached (169.254.169.254): \
         only this machine"
    );
    let error = client
        .send(get("http://unknown.example/?k=QUERYVALUE"))
        .await
        .unwrap_err();
    assert_eq!(code(&error), "DNS-error");
    assert_eq!(
        error.to_string(),
        "the name of unknown.example:80 could not be resolved"
    );
}

#[tokio::test]
async fn the_next_address_is_tried() {
    let server = serve(|_| async { text("ok") }).await;
    let port = server.address.port();
    // Nothing listens on ::1 at this port; the failure is quick, and so is the next attempt.
    let client = client_with(Rebinding::new(&[&["::1", "127.0.0.1"]]));
    let mut sent = get(&format!("http://name.example:{port}/"));
    sent.address_check = Arc::new(|_| Ok(()));
    let inbound = client.send(sent).await.unwrap();
    assert_eq!(inbound.peer, Some(server.address));

    let closed = get("http://127.0.0.1:1/");
    let error = client.send(closed).await.unwrap_err();
    assert_eq!((code(&error), error.sent()), ("connection-refused", false));
}
