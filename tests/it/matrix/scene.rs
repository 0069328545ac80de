//! The calls of the matrix: a guest under one policy, or with something that goes wrong in the middle.

use crate::hostile::outcome;
use crate::hostile::scene::private_name;
use crate::inside::host::Host;
use crate::inside::trouble::{Ill, When};
use crate::support::server::{Answer, Request, Server};
use crate::support::{Home, place};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tollgate_receipts::Class;
use tollgate_sandbox::table::{EffectKind, TargetForm};

/// What is granted, by name.
pub(super) const GRANTED: [(&str, &str); 3] = [
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
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) said: Vec<String>,
    /// Why nothing that the guest said left the call.
    pub(super) silent: Option<String>,
    pub(super) receipts: Vec<Value>,
}

impl Column {
    /// The receipt of an attempt, and what the guest saw.
    pub(super) fn came(&self, import: &str, kind: &EffectKind) -> (String, String) {
        let form = kind.target;
        let kind = kind.name;
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
        let its = |receipt: &&Value| receipt["import"] == import && receipt["kind"] == kind;
        let its: Vec<&Value> = self.receipts.iter().filter(its).collect();
        for receipt in &its {
            let target = receipt["target"]["text"].as_str().unwrap();
            assert!(
                fits(form, target),
                "{import} {kind}: {target:?} is no {form:?}"
            );
        }
        let lines: Vec<String> = its.into_iter().map(outcome::line).collect();
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

/// Whether a target is of its kind's form, as far as this scene goes.
pub(super) fn fits(form: TargetForm, target: &str) -> bool {
    let path = |text: &str| text.starts_with('/') && !text.contains(" -> ");
    match form {
        TargetForm::Variable => matches!(target, "HOSTILE_PLAIN" | "*"),
        TargetForm::Path => path(target),
        TargetForm::Paths => {
            let both = target.split_once(" -> ");
            both.map_or(path(target), |(from, to)| path(from) && path(to))
        }
        TargetForm::Url => ["GET http://127.0.0.1:", "POST http://127.0.0.1:"]
            .iter()
            .any(|begin| target.starts_with(begin)),
        TargetForm::Endpoint => {
            let both = target.split_once(" at ");
            both.is_some_and(|(name, at)| {
                name.starts_with(&private_name()) && at.parse::<IpAddr>().is_ok()
            })
        }
        TargetForm::Namespace => target == "notes",
        TargetForm::Key => target == "notes/key",
        TargetForm::HostName => target == "localhost",
        TargetForm::Address => target.parse::<SocketAddr>().is_ok(),
    }
}

/// The line of a receipt without its kind and target.
pub(super) fn came_of(line: &str) -> String {
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
pub(super) fn when(import: &str, kind: &str, class: Class) -> When {
    match (class, kind) {
        (Class::Strict, _) => When::Intent(import.into(), kind.into()),
        (_, "kv.get" | "kv.list") => When::After("kv.set".into()),
        (_, "tcp.accept") => When::After("tcp.listen".into()),
        _ => When::Begun,
    }
}

/// What the troubled calls share: a host, a server and a place to work in.
pub(super) struct Bench {
    pub(super) host: Arc<Host>,
    server: Server,
    /// Requests that the server had before the last call.
    asked: AtomicUsize,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    pub(super) fn new() -> Self {
        let server = Server::start(|_| Answer::ok("a page"));
        let filled = |grants: &str| {
            grants
                .replace("{MOUNT}", "{ROOT}/mount")
                .replace("{PRIVATE}", &private_name())
                .replace("{PORT}", &server.port.to_string())
                .replace("{OWN_PORT}", "*")
        };
        let (effects, uses) = (filled(GRANTED[0].1), filled(super::uses::GRANTS));
        let policy = format!(
            "version = 1\n[plugins.matrix]\ngrants = [{effects}]\nlimits = {{ wall = \"3s\" }}\n\
             [plugins.imports]\ngrants = [{uses}]\nlimits = {{ wall = \"3s\" }}\n"
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
    pub(super) fn performed(&self, import: &str, kind: &str) -> bool {
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

    /// How many bodies that a guest sent have arrived whole.
    pub(super) fn sent(&self) -> usize {
        let seen = self.server.seen();
        let sent = |request: &&Request| request.line == "POST /sent";
        seen.iter().filter(sent).count()
    }

    /// How a call ends in which the guest does this and does not come back.
    pub(super) fn ended(&self, guest: &str, what: &str) -> String {
        let arguments = json!({ "guest": what });
        let called = self
            .runtime
            .block_on(self.host.tool(guest, "attempt", arguments));
        // The frames are the compiler's affair.
        let fault = called.unwrap_err();
        fault.split(" (in ").next().unwrap().to_owned()
    }

    pub(super) fn attempt(&self, guest: &str, name: &'static str, ill: Ill, when: When) -> Column {
        self.asked
            .store(self.server.seen().len(), Ordering::Relaxed);
        let mount = self.host.root().join("mount");
        let _ = std::fs::remove_dir_all(&mount);
        lay_out(&mount);
        let called = Arc::new(AtomicBool::new(false));
        let own_port = free_port();
        let client = visit(own_port, Arc::clone(&called));
        let arguments = scene(self.server.port, own_port);
        let (said, receipts) =
            self.runtime
                .block_on(self.host.troubled(guest, arguments, (ill, when)));
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

/// What the guest is told.
fn scene(port: u16, own_port: u16) -> Value {
    json!({ "port": port, "canary_port": own_port, "private_name": private_name() })
}

/// The files that the guest works on.
fn lay_out(mount: &Path) {
    std::fs::create_dir_all(mount.join("sub")).unwrap();
    std::fs::write(mount.join("note.txt"), "a note").unwrap();
    std::os::unix::fs::symlink("note.txt", mount.join("link-inside")).unwrap();
}

pub(super) fn attempt(guest: &str, name: &'static str, grants: &str) -> Column {
    let mut home = Home::new();
    home.set("RUST_BACKTRACE", "1");
    let server = Server::start(|_| Answer::ok("a page"));
    let mount = home.root().join("mount");
    lay_out(&mount);
    let component = place::hostile().join(format!("{guest}.wasm"));
    let own_port = free_port();
    let called = Arc::new(AtomicBool::new(false));
    let client = visit(own_port, Arc::clone(&called));
    let grants = grants
        .replace("{MOUNT}", mount.to_str().unwrap())
        .replace("{PRIVATE}", &private_name())
        .replace("{PORT}", &server.port.to_string())
        .replace("{OWN_PORT}", &own_port.to_string());
    home.policy(&format!(
        "version = 1\n[plugins.{guest}]\ncomponent = {component:?}\ngrants = [{grants}]\n"
    ));
    let arguments = scene(server.port, own_port).to_string();
    let answer = home.json(["call", guest, "attempt", "--arguments-json", &arguments]);
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
