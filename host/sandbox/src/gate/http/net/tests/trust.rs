//! TLS: whom the client believes, and what it speaks then.

use super::super::*;
use super::support::*;
use http::{Method, Version};
use http_body_util::BodyExt as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// A root of our own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn client(&self) -> Client {
        let roots = TlsRoots::default()
            .with_pem(self.0.pem().as_bytes())
            .unwrap();
        let resolver = Rebinding::new(&[&["127.0.0.1"]]);
        Client::new(ClientOptions { roots, resolver }).unwrap()
    }

    /// Echoes the request's body, over TLS, under one name.
    async fn server(&self, params: CertificateParams, alpn: &[&str]) -> Server {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        serve_on(
            |request| async move {
                let line = format!("{} {:?} ", request.uri(), request.headers().get("te"));
                let big = request.uri().path() == "/big";
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let mut response = text([line.as_bytes(), &body].concat());
                for index in 0..if big { body.len() } else { 0 } {
                    let name: http::HeaderName = format!("x-{index}").parse().unwrap();
                    let value = "y".repeat(1000).parse().unwrap();
                    response.headers_mut().insert(name, value);
                }
                response
            },
            move |stream| {
                let acceptor = acceptor.clone();
                async move {
                    let stream = acceptor.accept(stream).await.ok()?;
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    Some((stream, http2))
                }
            },
        )
        .await
    }
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

#[tokio::test]
async fn speaks_what_was_agreed_on() {
    let authority = Authority::new("ours");
    let client = authority.client();
    for (alpn, version, te) in [
        (
            &["h2", "http/1.1"][..],
            Version::HTTP_2,
            "Some(\"trailers\")",
        ),
        (&["http/1.1"][..], Version::HTTP_11, "None"),
        (&[][..], Version::HTTP_11, "None"),
    ] {
        let server = authority.server(named("name.example"), alpn).await;
        let port = server.address.port();
        let url = format!("https://name.example:{port}/a?b=1");
        for round in 0..3 {
            let mut sent = request(Method::POST, &url);
            sent.headers = headers(&[("te", "trailers")]);
            sent.body = body("hello");
            let inbound = client.send(sent).await.unwrap();
            assert_eq!(inbound.http_version, version);
            assert_eq!(inbound.peer, Some(server.address));
            assert_eq!(inbound.reused, round > 0);
            let uri = if version == Version::HTTP_2 {
                url.as_str()
            } else {
                "/a?b=1"
            };
            assert_eq!(read(inbound).await.unwrap(), format!("{uri} {te} hello"));
            settle().await;
        }
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn http2_is_shared_while_it_is_busy_and_let_go_on_revocation() {
    let authority = Authority::new("ours");
    let client = authority.client();
    let server = authority.server(named("name.example"), &["h2"]).await;
    let url = format!("https://name.example:{}/", server.address.port());
    read(client.send(get(&url)).await.unwrap()).await.unwrap();
    let (feeder, upload) = fed();
    let mut slow = request(Method::POST, &url);
    slow.body = upload;
    let slow_client = client.clone();
    let slow = tokio::spawn(async move { slow_client.send(slow).await });
    eventually(|| server.requests() == 2).await;
    assert!(client.send(get(&url)).await.unwrap().reused);
    assert_eq!(server.connections(), 1);

    client.drop_pool(|_| true);
    assert!(!client.send(get(&url)).await.unwrap().reused);
    drop(feeder);
    assert!(slow.await.unwrap().unwrap().reused);

    let mut refused = get(&url);
    refused.address_check = Arc::new(|_| Err("revoked".to_owned()));
    let requests = server.requests();
    assert!(client.send(refused).await.is_err());
    assert_eq!(server.requests(), requests);
}

#[tokio::test]
async fn bad_certificates_are_refused() {
    let authority = Authority::new("ours");
    let mut expired = named("name.example");
    expired.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let cases = [
        (
            named("other.example"),
            authority.client(),
            "it was issued for another name",
        ),
        (expired, authority.client(), "it has expired"),
        (
            named("name.example"),
            Authority::new("theirs").client(),
            "its issuer is unknown",
        ),
    ];
    for (params, client, why) in cases {
        let server = authority.server(params, &[]).await;
        let url = format!("https://name.example:{}/", server.address.port());
        let error = client.send(get(&url)).await.unwrap_err();
        assert_eq!(
            (code(&error), error.sent()),
            ("TLS-certificate-error", false)
        );
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(server.requests(), 0);
    }
}

#[tokio::test]
async fn a_plain_port_is_no_tls_port() {
    let server = serve_raw("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let url = format!("https://{}/", server.address);
    let error = client().send(get(&url)).await.unwrap_err();
    assert_eq!(code(&error), "TLS-protocol-error");
    assert!(
        error.to_string().contains("is it a plain http port?"),
        "{error}"
    );
}

#[tokio::test]
async fn addresses_have_certificates_too() {
    let authority = Authority::new("ours");
    let server = authority.server(named("127.0.0.1"), &[]).await;
    let url = format!("https://{}/", server.address);
    let inbound = authority.client().send(get(&url)).await.unwrap();
    assert_eq!(inbound.peer, Some(server.address));
}

#[tokio::test]
async fn http2_headers_are_bounded() {
    let authority = Authority::new("ours");
    let client = authority.client();
    let server = authority.server(named("name.example"), &["h2"]).await;
    for (count, limit) in [
        (100, "HTTP-response-header-section-size"),
        (400, "HTTP-protocol-error"),
    ] {
        let url = format!("https://name.example:{}/big", server.address.port());
        let mut sent = request(Method::POST, &url);
        sent.body = body("x".repeat(count));
        let error = client.send(sent).await.unwrap_err();
        assert_eq!(code(&error), limit, "{error}");
    }
}
