//! Import × verdict: every import that is an effect, attempted with everything granted, with reading
//! granted, with nothing granted, with the grants revoked and with the ledger lost in the middle of the
//! call. The snapshot is reviewed; a row of the classification table that the guest does not attempt fails
//! the test.

use crate::hostile::outcome;
use crate::inside::host::Host;
use crate::inside::trouble::{Ill, When};
use crate::support::server::{Answer, Server};
use crate::support::{Home, place};
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tollgate_receipts::Class;
use tollgate_sandbox::table::{TABLE, Treatment};

/// What is granted, by name.
const GRANTED: [(&str, &str); 3] = [
    (
        "everything",
        r#""fs.full {MOUNT} at /data", "http GET http://127.0.0.1:{PORT}/**", "env HOSTILE_PLAIN",
           "kv notes", "dns localhost", "tcp connect 127.0.0.1:{PORT}", "tcp bind 127.0.0.1:{OWN_PORT}",
           "udp connect 127.0.0.1:{PORT}", "udp bind 127.0.0.1:0""#,
    ),
    ("reading", r#""fs.read {MOUNT} at /data""#),
    ("nothing", ""),
];

/// What came of the attempts under one policy.
struct Column {
    name: &'static str,
    said: Vec<String>,
    /// Why nothing that the guest said left the call.
    silent: Option<String>,
    receipts: Vec<Value>,
}

#[test]
fn every_import_has_its_verdict() {
    let columns = GRANTED.map(|(name, grants)| attempt(name, grants));
    let bench = Bench::new();
    let mut shown = String::new();
    for interface in TABLE {
        let (import, _version) = interface.name.split_once('@').unwrap();
        for row in interface.rows {
            let Treatment::Effect { kinds, .. } = row.treatment else {
                continue;
            };
            let function = row.function.trim_start_matches("[method]");
            let import = format!("{import}.{function}");
            for (kind, class) in kinds {
                writeln!(shown, "{import}  {kind}  {}", class.label()).unwrap();
                for column in &columns {
                    let (came, saw) = column.came(&import, kind);
                    writeln!(shown, "    {:<12}{came:<34}{saw}", column.name).unwrap();
                }
                for (name, ill) in [("revoked", Ill::Revoked), ("no ledger", Ill::NoLedger)] {
                    let column = bench.attempt(name, ill, when(&import, kind, *class));
                    if *class == Class::Strict {
                        assert!(!bench.performed(&import, kind), "{name}: {import} {kind}");
                    }
                    let (came, saw) = column.came(&import, kind);
                    writeln!(shown, "    {name:<12}{came:<34}{saw}").unwrap();
                }
            }
        }
    }
    insta::assert_snapshot!(shown);
}

impl Column {
    /// The receipt of an attempt, and what the guest saw.
    fn came(&self, import: &str, kind: &str) -> (String, String) {
        let saw = self.said.iter().find_map(|line| {
            let (what, saw) = line.split_once(": ")?;
            let (short, of_kind) = what.split_once(' ')?;
            let same = import
                .strip_suffix(short)
                .is_some_and(|rest| rest.ends_with(['/', '.']));
            (same && of_kind == kind).then(|| saw.to_owned())
        });
        let saw = saw.or_else(|| self.silent.clone());
        let saw = saw.unwrap_or_else(|| panic!("the guest does not attempt {import} {kind}"));
        let lines: Vec<String> = self
            .receipts
            .iter()
            .filter(|receipt| receipt["import"] == import && receipt["kind"] == kind)
            .map(outcome::line)
            .collect();
        let came = match lines.as_slice() {
            [] => "no receipt".to_owned(),
            [one] => came_of(one),
            // Every visitor of a listener is an attempt of its own.
            [first, rest @ ..]
                if kind == "tcp.accept"
                    && rest.iter().all(|one| came_of(one) == came_of(first)) =>
            {
                format!("{}, each", came_of(first))
            }
            many => panic!("{import} {kind} has several receipts: {many:?}"),
        };
        (came, saw)
    }
}

/// The line of a receipt without its kind and target.
fn came_of(line: &str) -> String {
    let (came, _target) = line.split_once(": ").unwrap();
    came.split_once(' ').unwrap().1.to_owned()
}

/// The most connections of one visitor.
const VISITORS_MAX: usize = 100;

/// A port on loopback that nobody uses.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Connects to a port as soon as somebody listens there, and stays until the call is over.
pub(crate) fn visit(port: u16, over: Arc<AtomicBool>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        // One connection may reach a listener that is going away.
        let mut visitors = Vec::new();
        while !over.load(Ordering::Relaxed) {
            if visitors.len() < VISITORS_MAX {
                visitors.extend(TcpStream::connect(("127.0.0.1", port)));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    })
}

/// When something goes wrong with an attempt of this kind: a strict one has just said its intent; a buffered
/// one comes after what it needs.
fn when(import: &str, kind: &str, class: Class) -> When {
    match (class, kind) {
        (Class::Strict, _) => When::Intent(import.into(), kind.into()),
        (_, "kv.get" | "kv.list") => When::After("kv.set".into()),
        (_, "tcp.accept") => When::After("tcp.listen".into()),
        _ => When::Begun,
    }
}

/// What the troubled calls share: a host, a server and a place to work in.
struct Bench {
    host: Arc<Host>,
    server: Server,
    /// Requests that the server had before the last call.
    asked: AtomicUsize,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new() -> Self {
        let server = Server::start(|_| Answer::ok("a page"));
        let grants = GRANTED[0]
            .1
            .replace("{MOUNT}", "{ROOT}/mount")
            .replace("{PORT}", &server.port.to_string())
            .replace("{OWN_PORT}", "*");
        let policy = format!(
            "version = 1\n[plugins.matrix]\ngrants = [{grants}]\nlimits = {{ wall = \"3s\" }}\n"
        );
        let client = tollgate_sandbox::net::ClientOptions::default();
        Self {
            host: Host::of(&policy, client),
            server,
            asked: AtomicUsize::new(0),
            runtime: tokio::runtime::Runtime::new().unwrap(),
        }
    }

    /// Whether the disk or the server shows that the last call performed this; of what neither can show, no.
    fn performed(&self, import: &str, kind: &str) -> bool {
        let there = |name: &str| self.host.root().join("mount").join(name).exists();
        match kind {
            "fs.mkdir" => there("made"),
            "fs.create" => there("new.txt"),
            "fs.link" => there("linked.txt"),
            "fs.symlink" => there("new-link"),
            "fs.rename" => there("renamed.txt"),
            "fs.delete" if import.ends_with("remove-directory-at") => !there("made"),
            "fs.delete" => !there("renamed.txt"),
            "http.request" => self.server.seen().len() > self.asked.load(Ordering::Relaxed),
            _ => false,
        }
    }

    fn attempt(&self, name: &'static str, ill: Ill, when: When) -> Column {
        self.asked
            .store(self.server.seen().len(), Ordering::Relaxed);
        let mount = self.host.root().join("mount");
        let _ = std::fs::remove_dir_all(&mount);
        lay_out(&mount);
        let called = Arc::new(AtomicBool::new(false));
        let own_port = free_port();
        let client = visit(own_port, Arc::clone(&called));
        let arguments = json!({ "port": self.server.port, "canary_port": own_port });
        let (said, receipts) =
            self.runtime
                .block_on(self.host.troubled("matrix", arguments, (ill, when)));
        called.store(true, Ordering::Relaxed);
        client.join().unwrap();
        let (said, silent) = match said {
            Ok(output) => {
                let said = serde_json::from_str(&output.content[0].as_text()).unwrap();
                (said, None)
            }
            // What was not recorded is not told.
            Err(_) if ill == Ill::NoLedger => {
                (Vec::new(), Some("no answer leaves the call".into()))
            }
            // Whoever waits for a client that may not come in waits until the call's limit.
            Err(fault) if fault.ends_with("its limit of wall 3s") => {
                (Vec::new(), Some("waits until its wall limit".into()))
            }
            Err(fault) => panic!("{name}: {fault}"),
        };
        let receipts = receipts
            .into_iter()
            .map(|receipt| serde_json::to_value(receipt).unwrap());
        Column {
            name,
            said,
            silent,
            receipts: receipts.collect(),
        }
    }
}

/// The files that the guest works on.
fn lay_out(mount: &Path) {
    std::fs::create_dir_all(mount.join("sub")).unwrap();
    std::fs::write(mount.join("note.txt"), "a note").unwrap();
    std::os::unix::fs::symlink("note.txt", mount.join("link-inside")).unwrap();
}

fn attempt(name: &'static str, grants: &str) -> Column {
    let home = Home::new();
    let server = Server::start(|_| Answer::ok("a page"));
    let mount = home.root().join("mount");
    lay_out(&mount);
    let component = place::hostile().join("matrix.wasm");
    let own_port = free_port();
    let called = Arc::new(AtomicBool::new(false));
    let client = visit(own_port, Arc::clone(&called));
    let grants = grants
        .replace("{MOUNT}", mount.to_str().unwrap())
        .replace("{PORT}", &server.port.to_string())
        .replace("{OWN_PORT}", &own_port.to_string());
    home.policy(&format!(
        "version = 1\n[plugins.matrix]\ncomponent = {component:?}\ngrants = [{grants}]\n"
    ));
    let arguments = json!({ "port": server.port, "canary_port": own_port }).to_string();
    let answer = home.json(["call", "matrix", "attempt", "--arguments-json", &arguments]);
    called.store(true, Ordering::Relaxed);
    client.join().unwrap();
    let session = answer["session"].as_str().unwrap();
    let listed = home.json(["receipt", "list", "--session", session, "--limit", "1000"]);
    let said = answer
        .pointer("/content/0/json")
        .and_then(Value::as_array)
        .unwrap();
    Column {
        name,
        said: said
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        silent: None,
        receipts: outcome::receipts(&listed),
    }
}
