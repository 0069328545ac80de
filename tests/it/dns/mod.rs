//! Names that lead inwards: the built binary, the system's own resolver, and a name server that mixes public with
//! private addresses and changes its mind.
//!
//! Each test runs itself again in a network and a file system of its own, in which there are a public address, a
//! private one, and the name server. Where that is forbidden it says so and is skipped.

mod names;

use crate::hostile::outcome::{line, receipts};
use crate::support::server::{Answer, Server};
use crate::support::{Home, Ran};
use names::{Names, Script};
use std::net::{IpAddr, SocketAddr};
use std::process::Command;

/// Set in the network of its own.
const INSIDE: &str = "TOLLGATE_TEST_NETWORK";
/// A public address that is this machine's there, a private one of each family, and loopback.
const PUBLIC: &str = "93.184.216.34";
const PRIVATE: [&str; 3] = ["10.0.0.7", "fd00::7", "127.0.0.1"];
const SET_UP: &str = r#"
set -e
ip link set lo up
for address in 93.184.216.34/32 10.0.0.7/32 169.254.169.254/32; do ip addr add "$address" dev lo; done
ip -6 addr add fd00::7/128 dev lo
mount --bind "$1/resolv.conf" /etc/resolv.conf
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
shift
echo entered
exec "$@"
"#;

const NAMES: Script = &[
    ("private-first.example", &[&["10.0.0.7", PUBLIC, "fd00::7"]]),
    (
        "public-first.example",
        &[&[PUBLIC, "10.0.0.7", "fd00::7", "127.0.0.1"]],
    ),
    ("turning.example", &[&[PUBLIC], &["10.0.0.7", "fd00::7"]]),
    ("inner.example", &[&["10.0.0.7"]]),
    ("inner-six.example", &[&["fd00::7"]]),
    ("loopback.example", &[&["127.0.0.1"]]),
    ("unspecified.example", &[&["0.0.0.0"]]),
    ("metadata.example", &[&["169.254.169.254"]]),
    ("mapped.example", &[&["::ffff:10.0.0.7"]]),
    ("translated.example", &[&["64:ff9b::a00:7"]]),
];

/// Runs `body` in a network of its own.
fn in_a_network(test: &str, body: fn(&Network)) {
    if std::env::var_os(INSIDE).is_some() {
        body(&Network::start());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write(
        "resolv.conf",
        "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n",
    );
    write("nsswitch.conf", "hosts: files dns\n");
    let test = format!("dns::{test}");
    let ran = Command::new("unshare")
        .args([
            "--map-root-user",
            "--mount",
            "--net",
            "sh",
            "-c",
            SET_UP,
            "sh",
        ])
        .arg(directory.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(INSIDE, "1")
        .output();
    let output = match ran {
        Ok(output) => output,
        Err(error) => return eprintln!("skipped: no unshare ({error})"),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    if !text.contains("entered") {
        return eprintln!("skipped: this machine gives no network of its own: {text}");
    }
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

/// What is in the network.
struct Network {
    names: Names,
    public: Server,
    private: Vec<Server>,
}

impl Network {
    fn start() -> Self {
        let private = PRIVATE.map(|address| {
            let address: IpAddr = address.parse().unwrap();
            Server::on((address, 80).into(), |_| plain("private"))
        });
        let public = SocketAddr::new(PUBLIC.parse().unwrap(), 80);
        Self {
            names: Names::start(NAMES),
            public: Server::on(public, |request| {
                match request.line.as_str() {
                    // Closes, so that the next request needs a connection and a lookup of its own.
                    "GET /turn" => Answer::raw(|stream| {
                        use std::io::Write;
                        stream.write_all(
                            b"HTTP/1.1 302 Found\r\nlocation: http://turning.example/again\r\n\
                              content-length: 0\r\nconnection: close\r\n\r\n",
                        )
                    }),
                    _ => plain("public"),
                }
            }),
            private: private.into(),
        }
    }

    /// Panics if anybody came to a private address.
    #[track_caller]
    fn nobody_came_in(&self) {
        for server in &self.private {
            assert_eq!(server.connections(), 0, "{:?}", server.lines());
        }
    }
}

fn plain(words: &str) -> Answer {
    Answer::ok(words).with("content-type", "text/plain")
}

/// A home in which `fetch` may ask every name of the script, and these grants.
fn home(more: &str) -> Home {
    let home = Home::new();
    home.policy(&format!(
        "version = 1\n[plugins.fetch]\ngrants = [\"http GET http://*.example/**\"{more}]\n"
    ));
    home
}

fn fetch(home: &Home, url: &str) -> Ran {
    home.run(["call", "fetch", "fetch", &format!("url={url}"), "--json"])
}

/// The receipts so far: kind, verdict and target, and the address that was connected to.
fn told(home: &Home) -> Vec<String> {
    let listed = home.json(["receipt", "list", "--kind", "http"]);
    let told = receipts(&listed).into_iter().map(|receipt| {
        let address = receipt.pointer("/settled/outcome/address");
        match address.and_then(serde_json::Value::as_str) {
            Some(address) => format!("{} [{address}]", line(&receipt)),
            None => line(&receipt),
        }
    });
    told.collect()
}

#[test]
fn a_name_of_public_and_private_addresses_leads_to_the_public_one() {
    in_a_network(
        "a_name_of_public_and_private_addresses_leads_to_the_public_one",
        |network| {
            for name in ["private-first.example", "public-first.example"] {
                let home = home("");
                for _ in 0..3 {
                    let ran = fetch(&home, &format!("http://{name}/page"));
                    assert!(ran.stdout.contains("public"), "{name}: {ran}");
                }
                let one = format!(
                    "http.request allowed closed ok 200: GET http://{name}/page [{PUBLIC}:80]"
                );
                assert_eq!(told(&home), [&*one, &*one, &*one]);
            }
            assert_eq!(network.public.connections(), 6);
            network.nobody_came_in();
        },
    );
}

#[test]
fn a_name_that_turns_inwards_is_connected_to_as_it_was_checked() {
    in_a_network(
        "a_name_that_turns_inwards_is_connected_to_as_it_was_checked",
        |network| {
            let home = home("");
            // One call, two connections: the name is asked for once for each.
            let ran = fetch(&home, "http://turning.example/turn");
            assert_eq!(ran.code, Some(3), "{ran}");
            assert_eq!(network.names.asked("turning.example"), 2);
            assert_eq!(network.public.lines(), ["GET /turn"]);
            let first = format!(
                "http.request allowed closed ok 302: GET http://turning.example/turn [{PUBLIC}:80]"
            );
            let told = told(&home);
            assert_eq!(told[0], first);
            let refused = |address: &str| {
                format!("http.connect denied address_forbidden: turning.example:80 at {address}")
            };
            for address in ["10.0.0.7", "fd00::7"] {
                assert!(told.contains(&refused(address)), "{told:#?}");
            }
            let second = told.last().unwrap();
            let came = "http.request allowed settled failed destination-IP-prohibited: GET \
                http://turning.example/again";
            assert!(told.iter().any(|line| line == came), "{second}");
            network.nobody_came_in();
        },
    );
}

#[test]
fn a_private_address_is_reached_where_it_is_granted_and_only_there() {
    in_a_network(
        "a_private_address_is_reached_where_it_is_granted_and_only_there",
        |network| {
            for (reached, (name, address)) in [
                ("inner.example", "10.0.0.7:80"),
                ("inner-six.example", "[fd00::7]:80"),
            ]
            .into_iter()
            .enumerate()
            {
                let url = format!("http://{name}/page");
                let without = home("");
                let ran = fetch(&without, &url);
                assert_eq!(ran.code, Some(3), "{ran}");
                let before: usize = network.private.iter().map(Server::connections).sum();
                assert_eq!(before, reached, "{name}");
                // The command that the refusal prints makes the same request pass.
                let error = ran.error();
                let remedy = shlex::split(error["try"].as_str().unwrap()).unwrap();
                without.ok(&remedy[1..]);
                let ran = fetch(&without, &url);
                assert!(ran.stdout.contains("private"), "{ran}");
                let last = told(&without).pop().unwrap();
                let came = format!("http.request allowed closed ok 200: GET {url} [{address}]");
                assert_eq!(last, came);
            }
        },
    );
}

#[test]
fn an_address_in_disguise_is_refused_as_what_it_is() {
    in_a_network(
        "an_address_in_disguise_is_refused_as_what_it_is",
        |network| {
            for name in [
                "loopback",
                "unspecified",
                "metadata",
                "mapped",
                "translated",
            ] {
                let home = home("");
                let ran = fetch(&home, &format!("http://{name}.example/"));
                assert_eq!(ran.code, Some(3), "{ran}");
                let told = told(&home);
                let refused =
                    format!("http.connect denied address_forbidden: {name}.example:80 at ");
                assert!(
                    told.iter().any(|line| line.starts_with(&refused)),
                    "{told:#?}"
                );
            }
            network.nobody_came_in();
        },
    );
}
