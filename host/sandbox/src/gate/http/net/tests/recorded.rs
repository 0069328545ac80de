//! What is kept of a real exchange answers as the server did, and holds nobody's secrets.

use super::super::*;
use super::support::*;
use http::{HeaderValue, Method};
use std::sync::Arc;

#[tokio::test]
async fn what_is_recorded_answers_again_and_is_nobodys() {
    let server = serve(|request| async move {
        let key = request.headers().get("authorization").cloned();
        let key = key.map_or_else(String::new, |key| key.to_str().unwrap().to_owned());
        let mut response = text(format!("data: é, and {key}\n\n"));
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("set-cookie", "session=cookie-value"),
            ("x-request-id", "request-value"),
            ("openai-organization", "organisation-value"),
            ("retry-after", "3"),
        ] {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    })
    .await;
    let recorder = Recorder::default();
    let transport = Transport::Recorded(client(), recorder.clone());
    assert_eq!(transport.label(), "live");
    let asked = || {
        let mut request = request(Method::POST, &server.url("/v1/x?alt=sse"));
        request.body = body("request-body");
        request.headers = headers(&[("x-organisation", "organisation-value")]);
        request.credential = credential();
        request
    };
    let live = read(transport.send(asked()).await.unwrap()).await.unwrap();
    assert_eq!(live, "data: é, and Bearer [redacted]\n\n");

    let written = recorder.fixture().unwrap();
    for secret in [
        SECRET,
        "cookie-value",
        "request-value",
        "organisation-value",
        "request-body",
        "authorization",
    ] {
        assert!(!written.contains(secret), "{secret}: {written}");
    }
    let fixture = Transport::Fixture(FixtureSet::parse(&written, "written").unwrap());
    let answer = fixture.send(asked()).await.unwrap();
    assert_eq!(
        answer.headers,
        headers(&[("content-type", "text/event-stream"), ("retry-after", "3")])
    );
    assert_eq!(read(answer).await.unwrap(), live);
}

#[tokio::test]
async fn what_broke_off_is_not_written() {
    let server = serve_raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    let recorder = Recorder::default();
    let transport = Transport::Recorded(client(), recorder.clone());
    let mut request = request(Method::GET, &server.url("/x"));
    request.address_check = Arc::new(|_| Ok(()));
    read(transport.send(request).await.unwrap())
        .await
        .unwrap_err();
    assert_eq!(recorder.fixture(), Err(RecordError::BrokenOff));
}
