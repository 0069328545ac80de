//! What goes out and what comes back: exactness, streams, bounds, breaks.

use super::super::*;
use super::support::*;
use http::{Method, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

#[tokio::test]
async fn what_was_matched_is_what_is_sent() {
    let server = serve(|request| async move {
        let fields: Vec<String> = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        let line = format!(
            "{} {}\n{}\n",
            request.method(),
            request.uri(),
            fields.join("\n")
        );
        let body = request.into_body().collect().await.unwrap().to_bytes();
        text([line.as_bytes(), &body].concat())
    })
    .await;
    let mut sent = request(Method::POST, &server.url("/a/%7Eb;c=1//x?q=%20&r=a+b"));
    sent.headers = headers(&[
        ("host", "evil.example"),
        ("connection", "close"),
        ("x-mine", "1"),
    ]);
    sent.body = body("hello");
    let tally = Arc::clone(&sent.tally);
    let inbound = client().send(sent).await.unwrap();
    assert_eq!(inbound.peer, Some(server.address));
    assert_eq!(inbound.http_version, Version::HTTP_11);
    assert!(!inbound.reused);
    let stripped: Vec<&str> = inbound.stripped.iter().map(|name| name.as_str()).collect();
    assert_eq!(stripped, ["connection", "host"]);
    assert_eq!(
        read(inbound).await.unwrap(),
        format!(
            "POST /a/%7Eb;c=1//x?q=%20&r=a+b\nx-mine: 1\ncontent-length: 5\nhost: {}\nhello",
            server.address
        )
    );
    assert_eq!(tally.bytes_out(), 5);
    assert!(tally.bytes_in() > 5);
}

#[tokio::test]
async fn what_cannot_be_sent_exactly_is_refused() {
    let client = client();
    let refused = async |change: &dyn Fn(&mut OutboundRequest)| {
        let mut request = get("http://127.0.0.1:9/x?key=QUERYVALUE");
        change(&mut request);
        let error = client.send(request).await.unwrap_err();
        assert!(!error.sent());
        assert!(!error.to_string().contains("QUERYVALUE"), "{error}");
        code(&error)
    };
    for path in ["x", "", "/a b?key=QUERYVALUE", "/a#QUERYVALUE", "*"] {
        let code = refused(&|request| request.path_and_query = path.to_owned()).await;
        assert_eq!(code, "HTTP-request-URI-invalid", "{path}");
    }
    let long = format!("/{}", "a".repeat(20_000));
    let too_long = refused(&|request| request.path_and_query.clone_from(&long)).await;
    assert_eq!(too_long, "HTTP-request-URI-too-long");
    for host in ["a b", "a@b", "a/b", "a:1", ""] {
        let code = refused(&|request| request.host = Host::Name(host.to_owned())).await;
        assert_eq!(code, "HTTP-request-URI-invalid", "{host}");
    }
    for method in [Method::CONNECT, Method::TRACE] {
        let code = refused(&|request| request.method = method.clone()).await;
        assert_eq!(code, "HTTP-request-method-invalid");
    }
    let port_nine = refused(&|_| {}).await;
    assert_eq!(port_nine, "connection-refused");
}

#[tokio::test]
async fn streams_both_ways() {
    // Echoes frame by frame; each side waits for the other's last frame before it sends the next.
    let server = serve(|request| async move {
        let (feeder, answer) = fed();
        let mut incoming = request.into_body();
        tokio::spawn(async move {
            while let Some(Ok(frame)) = incoming.frame().await {
                if let Ok(data) = frame.into_data() {
                    feeder.data(data);
                }
            }
        });
        Response::new(answer)
    })
    .await;
    let (feeder, upload) = fed();
    let mut sent = request(Method::POST, &server.url("/"));
    sent.body = upload;
    let tally = Arc::clone(&sent.tally);
    let mut inbound = client().send(sent).await.unwrap();
    for round in 0..5 {
        assert!(feeder.data(format!("round {round}")));
        let frame = inbound.body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), format!("round {round}"));
    }
    drop(feeder);
    assert!(inbound.body.frame().await.is_none());
    assert_eq!((tally.bytes_out(), tally.bytes_in()), (35, 35));
}

#[tokio::test]
async fn a_body_that_is_given_up_ends_the_request() {
    let server = serve(|request| async move {
        let whole = request.into_body().collect().await.is_ok();
        text(format!("{whole}"))
    })
    .await;
    let (feeder, upload) = fed();
    let mut sent = request(Method::POST, &server.url("/"));
    sent.body = upload;
    feeder.data("half");
    feeder.fail(BodyError);
    let error = client().send(sent).await.unwrap_err();
    assert_eq!(code(&error), "HTTP-protocol-error");
    assert!(error.sent());
    assert!(
        error.to_string().contains("given up by its writer"),
        "{error}"
    );

    let mut sent = request(Method::POST, &server.url("/"));
    sent.headers = headers(&[("content-length", "9")]);
    let (feeder, upload) = fed();
    sent.body = upload;
    feeder.data("half");
    drop(feeder);
    let error = client().send(sent).await.unwrap_err();
    assert_eq!(error.kind(), &NetErrorKind::HttpRequestBodySize(Some(9)));
}

#[tokio::test]
async fn redirects_arrive_as_they_are() {
    let server = serve(|request| async move {
        if request.uri().path() == "/secret" {
            return text("followed");
        }
        let mut response = text("moved");
        *response.status_mut() = StatusCode::FOUND;
        response
            .headers_mut()
            .insert("location", "/secret".parse().unwrap());
        response
    })
    .await;
    let inbound = client().send(get(&server.url("/"))).await.unwrap();
    assert_eq!(inbound.status, StatusCode::FOUND);
    assert_eq!(inbound.headers["location"], "/secret");
    assert_eq!(read(inbound).await.unwrap(), "moved");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn slowness_is_bounded() {
    let server = serve(|request| async move {
        if request.uri().path() == "/head" {
            std::future::pending::<()>().await;
        }
        let (feeder, body) = fed();
        let quick = request.uri().path() == "/drip";
        tokio::spawn(async move {
            feeder.data("a");
            while quick && feeder.data("b") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            std::future::pending::<()>().await;
        });
        Response::new(body)
    })
    .await;
    let short = Duration::from_millis(80);
    let client = client();

    let mut sent = get(&server.url("/head"));
    sent.timeouts.first_byte = short;
    let error = client.send(sent).await.unwrap_err();
    assert_eq!(
        (code(&error), error.sent()),
        ("HTTP-response-timeout", true)
    );
    assert_eq!(error.peer(), Some(server.address));

    let mut sent = get(&server.url("/silent"));
    sent.timeouts.between_bytes = short;
    let inbound = client.send(sent).await.unwrap();
    // Nobody waits for the body: that is the guest's time, not the peer's.
    tokio::time::sleep(short * 2).await;
    let mut body = inbound.body;
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "a"
    );
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(code(&error), "connection-read-timeout");
    assert!(body.frame().await.is_none());

    let mut sent = get(&server.url("/drip"));
    sent.timeouts.between_bytes = short;
    sent.timeouts.total = short * 3;
    let started = Instant::now();
    let inbound = client.send(sent).await.unwrap();
    let error = read(inbound).await.unwrap_err();
    assert_eq!(code(&error), "HTTP-response-timeout");
    assert!(started.elapsed() >= short * 3);
}

#[tokio::test]
async fn connecting_is_bounded() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Accepted by the kernel, never answered: TLS waits.
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let mut sent = get(&url);
    sent.timeouts.connect = Duration::from_millis(80);
    let error = client().send(sent).await.unwrap_err();
    assert_eq!((code(&error), error.sent()), ("connection-timeout", false));

    struct Slow;
    impl Resolver for Slow {
        fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
            Box::pin(std::future::pending())
        }
    }
    let mut sent = get("http://slow.example/");
    sent.timeouts.connect = Duration::from_millis(80);
    let error = client_with(Arc::new(Slow)).send(sent).await.unwrap_err();
    assert_eq!(code(&error), "DNS-timeout");
}

#[tokio::test]
async fn a_break_is_never_a_whole_answer() {
    let cases: [(&str, &str, bool); 6] = [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
            "HTTP-response-incomplete",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "HTTP-response-incomplete",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-le",
            "connection-terminated",
            false,
        ),
        ("", "connection-terminated", false),
        ("SSH-2.0-OpenSSH_9\r\n\r\n", "HTTP-protocol-error", false),
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            "HTTP-upgrade-failed",
            false,
        ),
    ];
    for (answer, expected, has_head) in cases {
        let server = serve_raw(answer).await;
        let sent = client().send(get(&server.url("/"))).await;
        assert_eq!(sent.is_ok(), has_head, "{answer:?} {sent:?}");
        let error = match sent {
            Ok(inbound) => read(inbound).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(code(&error), expected, "{answer:?}: {error}");
        assert!(error.sent());
    }
}

#[tokio::test]
async fn size_is_bounded() {
    let server = serve(|request| async move {
        let count: usize = request.uri().path().trim_matches('/').parse().unwrap();
        match request.uri().query() {
            Some("headers") => {
                let mut response = text("");
                for index in 0..count {
                    let name: http::HeaderName = format!("x-{index}").parse().unwrap();
                    response
                        .headers_mut()
                        .insert(name, "y".repeat(1000).parse().unwrap());
                }
                response
            }
            Some("stream") => {
                let (feeder, body) = fed();
                for _ in 0..count {
                    feeder.data("z");
                }
                Response::new(body)
            }
            _ => text("z".repeat(count)),
        }
    })
    .await;
    let client = client();
    let send = async |path: &str| {
        let mut sent = get(&server.url(path));
        sent.limits.response_body_bytes_max = 1000;
        sent.limits.response_header_bytes_max = 10_000;
        match client.send(sent).await {
            Ok(inbound) => read(inbound).await,
            Err(error) => Err(error),
        }
        .map(|text| text.len())
        .map_err(|error| error.kind().clone())
    };
    let body = Err(NetErrorKind::HttpResponseBodySize(Some(1000)));
    let head = |limit| Err(NetErrorKind::HttpResponseHeaderSectionSize(Some(limit)));
    assert_eq!(send("/1000").await, Ok(1000));
    assert_eq!(send("/1001").await, body);
    assert_eq!(send("/1000?stream").await, Ok(1000));
    assert_eq!(send("/1001?stream").await, body);
    assert_eq!(send("/9?headers").await, Ok(0));
    assert_eq!(send("/10?headers").await, head(10_000));
    assert_eq!(send("/1000?headers").await, head(256 * 1024));
}

#[tokio::test]
async fn a_reader_that_leaves_is_noticed() {
    let (told, dropped) = mpsc::channel();
    let server = serve(move |_| {
        let told = told.clone();
        async move {
            let (feeder, body) = fed();
            tokio::spawn(async move {
                while feeder.data("more ") {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                told.send(()).unwrap();
            });
            Response::new(body)
        }
    })
    .await;
    let inbound = client().send(get(&server.url("/"))).await.unwrap();
    let (sender, reports) = mpsc::channel();
    let mut body = CountingBody::new(inbound.body, move |report| sender.send(report).unwrap());
    body.frame().await.unwrap().unwrap();
    drop(body);
    let report = reports.recv().unwrap();
    assert_eq!(report.ended, Ended::Dropped);
    assert!(report.bytes >= 5);
    tokio::task::spawn_blocking(move || dropped.recv_timeout(Duration::from_secs(5)).unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn trailers_pass_within_bounds_and_without_framing_fields() {
    let answer = |trailers: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n{trailers}\r\n"
        )
    };
    let server = serve_raw(answer("x-sum: 1\r\nhost: evil\r\n")).await;
    let inbound = client().send(get(&server.url("/"))).await.unwrap();
    let collected = inbound.body.collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&headers(&[("x-sum", "1")])));

    let server = serve_raw(answer(&format!("x-sum: {}\r\n", "1".repeat(500)))).await;
    let mut sent = get(&server.url("/"));
    sent.limits.response_header_bytes_max = 300;
    let error = read(client().send(sent).await.unwrap()).await.unwrap_err();
    assert_eq!(code(&error), "HTTP-response-trailer-section-size");
}
