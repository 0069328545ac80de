//! Recorded answers keep the rules of real ones.

use super::super::*;
use super::support::*;
use http::Method;
use http_body_util::BodyExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn transport(response: &str) -> Transport {
    let text = format!(
        r#"{{"version": 1, "exchanges": [{{
            "request": {{"method": "POST", "url": "https://api.example/v1/x", "body_contains": ["hello"]}},
            "response": {response}, "repeat": true}}]}}"#
    );
    Transport::Fixture(FixtureSet::parse(&text, "t.json").unwrap())
}

fn post(url: &str) -> OutboundRequest {
    let mut request = request(Method::POST, url);
    request.body = body("say hello");
    // Nothing is resolved, so nothing is asked.
    request.address_check = Arc::new(|_| panic!("asked"));
    request
}

#[tokio::test]
async fn answers_in_pieces() {
    let transport = transport(r#"{"chunks": [{"text": "a"}, {"text": "b", "delay_ms": 60}]}"#);
    assert_eq!(transport.label(), "fixture");
    let sent = post("https://api.example/v1/x");
    let tally = Arc::clone(&sent.tally);
    let started = Instant::now();
    let mut inbound = transport.send(sent).await.unwrap();
    assert_eq!((inbound.peer, inbound.reused), (None, false));
    assert_eq!(
        inbound
            .body
            .frame()
            .await
            .unwrap()
            .unwrap()
            .into_data()
            .unwrap(),
        "a"
    );
    assert_eq!(read(inbound).await.unwrap(), "b");
    assert!(started.elapsed() >= Duration::from_millis(60));
    assert_eq!((tally.bytes_out(), tally.bytes_in()), (9, 2));
}

#[tokio::test]
async fn the_rules_hold() {
    let json =
        format!(r#"{{"json": {{"echo": "{SECRET}"}}, "headers": {{"connection": "close"}}}}"#);
    let transport = transport(&json);
    let mut sent = post("https://api.example/v1/x");
    sent.credential = credential();
    sent.headers = headers(&[("authorization", "mine"), ("host", "h")]);
    let inbound = transport.send(sent).await.unwrap();
    assert_eq!(inbound.stripped.len(), 2);
    assert_eq!(
        inbound.headers,
        headers(&[("content-type", "application/json")])
    );
    assert_eq!(read(inbound).await.unwrap(), r#"{"echo":"[redacted]"}"#);

    let mut sent = post("https://api.example/v1/x");
    sent.limits.response_body_bytes_max = 3;
    let error = read(transport.send(sent).await.unwrap()).await.unwrap_err();
    assert_eq!(code(&error), "HTTP-response-body-size");

    let mut sent = post("https://api.example/v1/x");
    sent.limits.request_body_bytes_max = 3;
    let error = transport.send(sent).await.unwrap_err();
    assert_eq!(code(&error), "HTTP-request-body-size");

    let mut sent = post("http://api.example/v1/x");
    sent.credential = credential();
    let error = transport.send(sent).await.unwrap_err();
    assert_eq!(code(&error), "HTTP-request-denied");
}

#[tokio::test]
async fn a_miss_names_the_nearest() {
    let error = transport("{}")
        .send(post("https://api.example/v1/x?k=QUERYVALUE"))
        .await
        .unwrap_err();
    assert_eq!(
        (code(&error), error.to_string().as_str()),
        (
            "destination-not-found",
            "no fixture of t.json answers POST to api.example:443; nearest is exchange 1 \
             (POST https://api.example:443/v1/x): the query differs"
        )
    );
}
