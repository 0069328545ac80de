//! What is around a hostile component: a mount, a world outside it, two servers, a neighbour.
//!
//! ```text
//! ROOT/home       Tollgate's own directory
//! ROOT/plugins    the component
//! ROOT/mount      what policies grant: files, links, a FIFO, an excluded name with a second one
//! ROOT/outside    what nobody may touch
//! ROOT/near       what the neighbour reads
//! ```

use crate::support::server::{Answer, Request, Server};
use crate::support::template::{component, fill};
use crate::support::{Home, Ran, place};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

const NEIGHBOUR: &str = r#"
[plugins.files]
component = "files.wasm"
grants = ["fs.read {ROOT}/near at /near"]
"#;
/// What the neighbour must read.
const NEAR: &str = "all is well";

/// The scene of one test.
pub(crate) struct Scene {
    /// The home.
    pub(crate) home: Home,
    /// The plugin's name.
    pub(crate) name: String,
    /// What grants may name.
    pub(crate) server: Server,
    /// What no request may reach.
    pub(crate) canary: Server,
    private_name: String,
}

/// Every path below a directory and what is there.
pub(crate) type Look = BTreeMap<String, String>;

impl Scene {
    /// Sets the scene of a folder of `tests/hostile`.
    pub(crate) fn set(folder: &str) -> Self {
        let source = place::repository().join("tests/hostile").join(folder);
        let canary = Server::start(|_| Answer::ok("the canary is dead"));
        let canary_port = canary.port;
        let server = Server::start(move |request| answer(request, canary_port));
        let scene = Self {
            home: Home::new(),
            name: folder.to_owned(),
            server,
            canary,
            private_name: private_name(),
        };
        scene.furnish();
        let policy = std::fs::read_to_string(source.join("policy.toml")).unwrap();
        scene
            .home
            .policy(&fill(&format!("{policy}{NEIGHBOUR}"), &scene.names()));
        let bytes = match std::fs::read_to_string(source.join("guest.wat")) {
            Ok(text) => component(&text),
            Err(_) => std::fs::read(place::hostile().join(format!("{folder}.wasm"))).unwrap(),
        };
        std::fs::write(scene.path("plugins").join(format!("{folder}.wasm")), bytes).unwrap();
        scene
    }

    fn furnish(&self) {
        let write = |path: &str, text: &str| {
            let path = self.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("plugins/README", "components");
        write("near/note.txt", NEAR);
        write("outside/canary.txt", "the canary lives");
        write("mount/note.txt", "a note");
        write("mount/secret.env", "KEY=secret");
        write("mount/twice.env", "KEY=second secret");
        write("mount/keys/private.pem", "secret");
        write("mount/sub/inner.txt", "inner");
        write("mount/sub/deep/.env", "KEY=deep secret");
        let mount = self.path("mount");
        let link = |text: &str, name: &str| {
            std::os::unix::fs::symlink(text, mount.join(name)).unwrap();
        };
        link("../outside/canary.txt", "link-file");
        link("../outside", "link-dir");
        link("../outside/new.txt", "link-nowhere");
        link(
            self.path("outside/canary.txt").to_str().unwrap(),
            "link-absolute",
        );
        link("note.txt", "link-inside");
        std::fs::hard_link(mount.join("twice.env"), mount.join("second-name.txt")).unwrap();
        let (cwd, mode) = (rustix::fs::CWD, rustix::fs::Mode::RWXU);
        rustix::fs::mknodat(cwd, mount.join("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    }

    /// A path in the scene.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.root().join(name)
    }

    /// What `{NAME}` stands for.
    pub(crate) fn names(&self) -> [(&'static str, String); 4] {
        [
            ("ROOT", self.home.root().to_str().unwrap().to_owned()),
            ("PORT", self.server.port.to_string()),
            ("CANARY_PORT", self.canary.port.to_string()),
            ("PRIVATE_NAME", self.private_name.clone()),
        ]
    }

    /// Puts the names back, so that two runs read the same.
    pub(crate) fn blanked(&self, text: &str) -> String {
        let [(_, root), (_, port), (_, canary_port), (_, private)] = self.names();
        let leads_to = address(&private).unwrap();
        text.replace(&root, "{ROOT}")
            .replace(&format!(" at {leads_to}"), " at {PRIVATE_ADDRESS}")
            .replace(&format!("{private}:"), "{PRIVATE_NAME}:")
            .replace(&format!(":{port}"), ":{PORT}")
            .replace(&format!(":{canary_port}"), ":{CANARY_PORT}")
    }

    /// Calls the hostile component.
    pub(crate) fn attempt(&self) -> Ran {
        let arguments = json!({
            "port": self.server.port,
            "canary_port": self.canary.port,
            "private_name": self.private_name,
        });
        let arguments = arguments.to_string();
        self.home.run([
            "call",
            &self.name,
            "attempt",
            "--arguments-json",
            &arguments,
            "--json",
        ])
    }

    /// Calls the neighbour, which must do its work.
    pub(crate) fn neighbour(&self) {
        let ran = self
            .home
            .ok(["call", "files", "read", "path=/near/note.txt"]);
        assert!(ran.stdout.contains(NEAR), "{ran}");
    }

    /// What is where.
    pub(crate) fn look(&self) -> Look {
        let mut look = Look::new();
        for name in ["mount", "outside", "near", "plugins", "home/config"] {
            walk(&self.path(name), name, &mut look);
        }
        look
    }

    /// Panics if anything but the mount was touched, or the canary was asked.
    #[track_caller]
    pub(crate) fn untouched(&self, before: &Look) {
        let outside = |look: &Look| -> Look {
            let mut look = look.clone();
            look.retain(|path, _| !path.starts_with("mount"));
            look
        };
        assert_eq!(outside(before), outside(&self.look()));
        assert_eq!(self.canary.connections(), 0, "{:?}", self.canary.lines());
    }
}

fn walk(path: &Path, name: &str, look: &mut Look) {
    let kind = std::fs::symlink_metadata(path).unwrap().file_type();
    let is = if kind.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{name}/{}", entry.file_name().to_string_lossy());
            walk(&entry.path(), &name, look);
        }
        "directory".to_owned()
    } else if kind.is_symlink() {
        format!("link to {}", std::fs::read_link(path).unwrap().display())
    } else if kind.is_file() {
        let bytes = std::fs::read(path).unwrap();
        match String::from_utf8(bytes) {
            Ok(text) => format!("{text:?}"),
            Err(error) => format!("{} bytes", error.into_bytes().len()),
        }
    } else {
        "FIFO".to_owned()
    };
    look.insert(name.to_owned(), is);
}

/// What the server that grants may name answers.
fn answer(request: &Request, canary_port: u16) -> Answer {
    match request.line.as_str() {
        "GET /redirect" => Answer {
            status: "302 Found",
            ..Answer::ok("").with("location", format!("http://127.0.0.1:{canary_port}/canary"))
        },
        "GET /echo" => {
            let token = request.header("x-vault-token").unwrap_or("none").to_owned();
            let encoded: String = token.bytes().map(|b| format!("%{b:02X}")).collect();
            Answer::ok(format!("{token} {encoded}")).with("x-echo", token)
        }
        "GET /public/page" => Answer::ok("a page"),
        line => Answer::ok(format!("not meant to be asked: {line}")),
    }
}

/// The one address of a name; none if it has several.
fn address(name: &str) -> Option<IpAddr> {
    let found: BTreeSet<IpAddr> = (name, 80).to_socket_addrs().ok()?.map(|a| a.ip()).collect();
    if found.len() == 1 {
        found.first().copied()
    } else {
        None
    }
}

/// A name other than `localhost` that leads to an address of this machine: policies may grant it, and
/// the address must be refused all the same.
fn private_name() -> String {
    let own = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .to_ascii_lowercase();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let listed = hosts
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split_whitespace().skip(1))
        .map(str::to_owned);
    let forbidden = |name: &String| {
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        plain
            && name != "localhost"
            && address(name).is_some_and(|ip| tollgate_grants::forbidden_range(ip).is_some())
    };
    let mut names = std::iter::once(own).chain(listed);
    names.find(forbidden).expect(
        "no name but `localhost` leads to a private address here; the machine's own name in /etc/hosts would",
    )
}
