//! Which requests share a connection.

use super::super::*;
use super::support::*;
use http::Response;
use http_body_util::BodyExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn once(client: &Client, request: OutboundRequest) -> bool {
    let inbound = client.send(request).await.unwrap();
    let reused = inbound.reused;
    assert!(inbound.peer.is_some());
    read(inbound).await.unwrap();
    settle().await;
    reused
}

fn keyed(server: &Server, key: PoolKey) -> OutboundRequest {
    let mut request = get(&server.url("/"));
    request.pool_key = key;
    request
}

#[tokio::test]
async fn only_equal_keys_share() {
    let server = serve(|_| async { text("ok") }).await;
    let client = client();
    let base = key("a");
    assert!(!once(&client, keyed(&server, base.clone())).await);
    assert!(once(&client, keyed(&server, base.clone())).await);
    let others = [
        PoolKey {
            plugin: "b".into(),
            ..base.clone()
        },
        PoolKey {
            session: "t".into(),
            ..base.clone()
        },
        PoolKey {
            policy: "q".into(),
            ..base.clone()
        },
        PoolKey {
            credential: Some("c".into()),
            ..base.clone()
        },
    ];
    for other in others {
        assert!(
            !once(&client, keyed(&server, other.clone())).await,
            "{other:?}"
        );
        assert!(once(&client, keyed(&server, other)).await);
    }
    assert_eq!(server.connections(), 5);
}

#[tokio::test]
async fn names_of_one_address_do_not_share() {
    let server = serve(|_| async { text("ok") }).await;
    let client = client_with(Rebinding::new(&[&["127.0.0.1"]]));
    let port = server.address.port();
    for name in ["one.example", "two.example"] {
        assert!(!once(&client, get(&format!("http://{name}:{port}/"))).await);
        assert!(once(&client, get(&format!("http://{name}:{port}/"))).await);
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_waiting_connection_is_checked_before_it_is_used() {
    let server = serve(|_| async { text("ok") }).await;
    let client = client();
    assert!(!once(&client, keyed(&server, key("a"))).await);
    let mut refused = keyed(&server, key("a"));
    refused.address_check = Arc::new(|_| Err("revoked".to_owned()));
    let error = client.send(refused).await.unwrap_err();
    assert_eq!(
        (code(&error), error.sent()),
        ("destination-IP-prohibited", false)
    );
    assert_eq!((server.connections(), server.requests()), (1, 1));
}

#[tokio::test]
async fn a_revoked_key_loses_waiting_and_busy_connections() {
    let go: Arc<AtomicBool> = Arc::default();
    let gate = Arc::clone(&go);
    let server = serve(move |_| {
        let gate = Arc::clone(&gate);
        async move {
            let (feeder, body) = fed();
            tokio::spawn(async move {
                while !gate.load(Ordering::SeqCst) {
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
                feeder.data("done");
            });
            Response::new(body)
        }
    })
    .await;
    let client = client();
    let busy = client.send(keyed(&server, key("a"))).await.unwrap();
    let other = client.send(keyed(&server, key("b"))).await.unwrap();
    assert_eq!(client.drop_pool(|key| key.plugin == "a"), 0);
    // The key lives on, as another bucket, into which the revoked connection must not fall.
    let next = client.send(keyed(&server, key("a"))).await.unwrap();
    assert!(!next.reused);
    go.store(true, Ordering::SeqCst);
    assert_eq!(read(busy).await.unwrap(), "done");
    assert_eq!(read(next).await.unwrap(), "done");
    assert_eq!(read(other).await.unwrap(), "done");
    settle().await;
    // Only the later one came back.
    assert_eq!(client.drop_pool(|key| key.plugin == "a"), 1);
    assert!(once(&client, keyed(&server, key("b"))).await);
    assert!(!once(&client, keyed(&server, key("a"))).await);
}

#[tokio::test]
async fn keys_are_bounded() {
    let server = serve(|_| async { text("ok") }).await;
    let client = client();
    for index in 0..=POOL_KEYS_MAX {
        let inbound = client
            .send(keyed(&server, key(&format!("p{index}"))))
            .await
            .unwrap();
        read(inbound).await.unwrap();
    }
    settle().await;
    // The first key gave way; the second had not.
    let last = key(&format!("p{POOL_KEYS_MAX}"));
    assert!(once(&client, keyed(&server, last)).await);
    assert!(!once(&client, keyed(&server, key("p0"))).await);
}

#[tokio::test]
async fn a_connection_that_the_peer_closed_is_not_used() {
    let server = serve(|_| async {
        let mut response = text("ok");
        response
            .headers_mut()
            .insert("connection", "close".parse().unwrap());
        response
    })
    .await;
    let client = client();
    for _ in 0..3 {
        assert!(!once(&client, keyed(&server, key("a"))).await);
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn an_unread_answer_is_not_followed_by_another() {
    let server = serve(|_| async { text("x".repeat(1_000_000)) }).await;
    let client = client();
    let mut inbound = client.send(keyed(&server, key("a"))).await.unwrap();
    inbound.body.frame().await.unwrap().unwrap();
    drop(inbound);
    settle().await;
    assert!(!once(&client, keyed(&server, key("a"))).await);
}

#[tokio::test]
async fn nothing_is_sent_twice() {
    // Answers the first request of each connection, reads the second, and hangs up.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut head = vec![0; 4096];
                let _ = stream.read(&mut head).await;
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    .await;
                if stream.read(&mut head).await.is_ok_and(|bytes| bytes > 0) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let client = client();
    let url = format!("http://{address}/");
    assert!(!once(&client, get(&url)).await);
    let error = client.send(get(&url)).await.unwrap_err();
    assert_eq!(
        (code(&error), error.sent()),
        ("connection-terminated", true)
    );
    settle().await;
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}
