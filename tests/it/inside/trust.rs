//! TLS, asked for by a guest: a server that cannot say who it is gets no request, and the receipt says what was
//! observed.

use super::host::Host;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tollgate_receipts::{OutcomeResult, Receipt};
use tollgate_sandbox::net::{ClientOptions, Resolver, Resolving, TlsRoots};

/// What the guest asks for.
const NAME: &str = "name.example";

/// A root of our own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn roots(&self) -> TlsRoots {
        let roots = TlsRoots::default().with_pem(self.0.pem().as_bytes());
        roots.unwrap()
    }

    /// What a server shows.
    fn acceptor(&self, params: &CertificateParams) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            );
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }
}

/// Every name is this machine.
struct Here;

impl Resolver for Here {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) })
    }
}

/// A server over TLS, and everything that it could read.
#[derive(Default)]
struct Server {
    connections: Mutex<usize>,
    read: Mutex<Vec<u8>>,
}

impl Server {
    /// Its port, and itself.
    async fn start(acceptor: TlsAcceptor) -> (u16, Arc<Self>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Arc::new(Self::default());
        let serving = Arc::clone(&server);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *serving.connections.lock().unwrap() += 1;
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut piece = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut piece).await {
                    let mut read = serving.read.lock().unwrap();
                    read.extend(&piece[..length]);
                    let whole = read.ends_with(b"\r\n\r\n");
                    drop(read);
                    if whole {
                        break;
                    }
                }
                let answer =
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\
                    connection: close\r\n\r\nhello";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        (port, server)
    }
}

/// What the guest saw, the receipts of its request, and the server.
async fn asked(
    acceptor: TlsAcceptor,
    roots: TlsRoots,
) -> (Result<String, String>, Vec<Receipt>, Arc<Server>, u16) {
    let (port, server) = Server::start(acceptor).await;
    let resolver = Arc::new(Here);
    let policy = format!(
        "version = 1\n[plugins.fetch]\ngrants = [\"http GET https://{NAME}:{port}/**\", \
         \"tcp connect 127.0.0.1:{port}\"]\n"
    );
    let host = Host::of(&policy, ClientOptions { roots, resolver });
    let url = format!("https://{NAME}:{port}/page?q=value");
    let saw = host.tool("fetch", "fetch", json!({ "url": url })).await;
    host.sandbox.settled().await;
    let receipts = host.receipts("http");
    // Its runtimes end on a thread of their own.
    std::thread::spawn(move || drop(host)).join().unwrap();
    (saw, receipts, server, port)
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_say_who_it_is_gets_no_request_of_a_guest() {
    let ours = Authority::new("ours");
    let theirs = Authority::new("theirs");
    let mut expired = named(NAME);
    expired.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let cases = [
        ("another name", ours.acceptor(&named("other.example"))),
        ("expired", ours.acceptor(&expired)),
        ("an unknown issuer", theirs.acceptor(&named(NAME))),
    ];
    for (what, acceptor) in cases {
        let (saw, receipts, server, port) = asked(acceptor, ours.roots()).await;
        let saw = saw.unwrap_err();
        assert!(saw.contains("certificate"), "{what}: {saw}");
        assert_eq!(*server.connections.lock().unwrap(), 1, "{what}");
        assert_eq!(*server.read.lock().unwrap(), b"", "{what}");
        let [receipt] = receipts.as_slice() else {
            panic!("{what}: {receipts:?}");
        };
        let target = receipt.target.as_ref().unwrap();
        let shown = format!("GET https://{NAME}:{port}/page?q=…");
        assert_eq!(target.text, shown, "{what}");
        let outcome = receipt.outcome().unwrap();
        assert_eq!(outcome.result, OutcomeResult::Failed, "{what}");
        assert_eq!(outcome.error.as_deref(), Some("TLS-certificate-error"));
        assert_eq!(outcome.detail.as_deref(), Some("not sent"), "{what}");
        assert_eq!(outcome.status, None, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_can_say_who_it_is_gets_the_request_as_it_was_matched() {
    let ours = Authority::new("ours");
    let (saw, receipts, server, port) = asked(ours.acceptor(&named(NAME)), ours.roots()).await;
    assert!(saw.unwrap().contains("hello"));
    let read = String::from_utf8(server.read.lock().unwrap().clone()).unwrap();
    assert!(read.starts_with("GET /page?q=value HTTP/1.1\r\n"), "{read}");
    assert!(read.contains(&format!("host: {NAME}:{port}\r\n")), "{read}");
    let [receipt] = receipts.as_slice() else {
        panic!("{receipts:?}");
    };
    let outcome = &receipt.settled.as_ref().unwrap().outcome;
    assert_eq!(outcome.status, Some(200));
    assert_eq!(outcome.address, Some(format!("127.0.0.1:{port}")));
}
