//! A credential reaches its audience and nobody else.

use super::super::*;
use super::support::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Response};
use http_body_util::BodyExt as _;
use std::sync::Arc;

fn with_credential(url: &str) -> OutboundRequest {
    let mut request = get(url);
    request.credential = credential();
    request
}

#[tokio::test]
async fn the_audience_gets_it_and_the_guests_copy_is_gone() {
    let server = serve(|request| async move {
        let values: Vec<_> = request.headers().get_all("authorization").iter().collect();
        let right = values == [format!("Bearer {SECRET}").as_str()];
        let coding = request.headers()["accept-encoding"].to_str().unwrap();
        text(format!("{right} {coding}"))
    })
    .await;
    let mut sent = with_credential(&server.url("/"));
    sent.headers = headers(&[
        ("authorization", "Bearer guess"),
        ("accept-encoding", "gzip"),
    ]);
    let inbound = client().send(sent).await.unwrap();
    let stripped: Vec<&str> = inbound.stripped.iter().map(|name| name.as_str()).collect();
    assert_eq!(stripped, ["authorization", "accept-encoding"]);
    assert_eq!(read(inbound).await.unwrap(), "true identity");
}

#[tokio::test]
async fn echoes_are_replaced_everywhere() {
    let server = serve(|_| async {
        let (feeder, body) = fed();
        tokio::spawn(async move {
            let encoded = STANDARD.encode(format!("user:{SECRET}"));
            let whole = format!("a {SECRET} b {encoded} c sk-test%2f1234%2B567%20890 d");
            for piece in whole.as_bytes().chunks(3) {
                feeder.data(piece.to_vec());
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        });
        let mut response = Response::new(body);
        let echoed = format!("you sent {SECRET}").parse().unwrap();
        response.headers_mut().insert("x-echo", echoed);
        response
    })
    .await;
    let sent = with_credential(&server.url("/"));
    let tally = Arc::clone(&sent.tally);
    let inbound = client().send(sent).await.unwrap();
    assert_eq!(inbound.headers["x-echo"], "you sent [redacted]");
    let text = read(inbound).await.unwrap();
    let (before, after) = text.split_once(" c ").unwrap();
    assert!(before.starts_with("a [redacted] b dXNlcj"), "{text}");
    assert!(before.contains("[redacted]"), "{text}");
    assert_eq!(after, "[redacted] d");
    assert!(tally.redactions() >= 4, "{}", tally.redactions());
}

#[tokio::test]
async fn trailers_and_what_was_held_back_arrive_in_order() {
    let server = serve_raw(format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nsk-te\r\n0\r\nx-sum: {SECRET}\r\n\r\n"
    ))
    .await;
    let inbound = client()
        .send(with_credential(&server.url("/")))
        .await
        .unwrap();
    let collected = inbound.body.collect().await.unwrap();
    assert_eq!(
        collected.trailers(),
        Some(&headers(&[("x-sum", "[redacted]")]))
    );
    assert_eq!(collected.to_bytes(), "sk-te");
}

#[tokio::test]
async fn an_answer_that_cannot_be_checked_is_refused() {
    let server = serve(|_| async {
        let mut response = text("not really gzip");
        response
            .headers_mut()
            .insert("content-encoding", "gzip".parse().unwrap());
        response
    })
    .await;
    let client = client();
    let error = client
        .send(with_credential(&server.url("/")))
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        &NetErrorKind::HttpResponseContentCoding(Some("gzip".into()))
    );
    assert!(error.sent());
    // Without a credential there is nothing to look for.
    assert!(client.send(get(&server.url("/"))).await.is_ok());
}

#[tokio::test]
async fn never_in_clear_text_to_another_machine() {
    let client = client_with(Rebinding::new(&[&["192.0.2.1"]]));
    let mut sent = with_credential("http://api.example/");
    sent.address_check = Arc::new(|_| Ok(()));
    let error = client.send(sent).await.unwrap_err();
    assert_eq!((code(&error), error.sent()), ("HTTP-request-denied", false));
    assert_eq!(
        error.to_string(),
        "a credential is not sent in clear text to api.example:80; use https"
    );
}

#[tokio::test]
async fn no_error_prints_it() {
    let answers = [
        "HTTP/1.1 200 OK\r\ncontent-encoding: SECRET\r\n\r\n",
        "SECRET\r\n\r\n",
        "HTTP/1.1 SECRET\r\n\r\n",
        "HTTP/1.1 200 OK\r\nSECRET\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nSECRET\r\n",
    ];
    for answer in answers {
        let server = serve_raw(answer.replace("SECRET", SECRET)).await;
        let sent = client()
            .send(with_credential(&server.url("/?k=QUERYVALUE")))
            .await;
        let error = match sent {
            Ok(inbound) => inbound.body.collect().await.map(|_| ()).unwrap_err(),
            Err(error) => error,
        };
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains("QUERYVALUE"), "{printed}");
        for part in [SECRET, "1234", "567"] {
            assert!(!printed.contains(part), "{printed}");
        }
    }
}

#[tokio::test]
async fn a_heads_length_stays_and_a_bodys_length_goes() {
    let server = serve(|_| async { text("hello") }).await;
    let client = client();
    let mut head = request(Method::HEAD, &server.url("/"));
    head.credential = credential();
    let inbound = client.send(head).await.unwrap();
    assert_eq!(inbound.headers["content-length"], "5");
    let inbound = client
        .send(with_credential(&server.url("/")))
        .await
        .unwrap();
    assert!(!inbound.headers.contains_key("content-length"));
    assert_eq!(read(inbound).await.unwrap(), "hello");
}
