//! What is around a hostile component: a mount, a world outside it, two servers, a neighbour.
//!
//! ```text
//! ROOT/home       Tollgate's own directory
//! ROOT/plugins    the component
//! ROOT/mount      what policies grant: files, links, a FIFO, an excluded name with a second one
//! ROOT/outside    what nobody may touch
//! ROOT/near       what the neighbour reads
//! ```
//!
//! `scene.json` in the folder adds to it, see [`Extra`].

use super::routes;
use crate::support::server::{Answer, Server};
use crate::support::template::{component, fill};
use crate::support::{Home, Ran, place};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

const NEIGHBOUR: &str = r#"
[plugins.files]
component = "files.wasm"
grants = ["fs.read {ROOT}/near at /near"]
"#;
/// What the neighbour must read.
const NEAR: &str = "all is well";

/// What a folder adds to the scene. Paths are relative to `ROOT`; texts may have `{NAME}` in them.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Extra {
    /// The folder whose component is called, such as `many`; its own, if none is named.
    component: Option<String>,
    /// Bytes by which the component grows, in a section that means nothing.
    ballast_bytes: usize,
    /// What the tool is called with, instead of what every guest is told.
    arguments: Option<serde_json::Value>,
    /// Variables of the run.
    environment: BTreeMap<String, String>,
    /// Directories.
    directories: Vec<String>,
    /// Files and their content.
    files: BTreeMap<String, String>,
    /// Symbolic links and their text.
    links: BTreeMap<String, String>,
    /// Sockets that something listens on.
    sockets: Vec<String>,
    /// Directories and how many empty files are in each.
    crowds: BTreeMap<String, usize>,
}

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
    extra: Extra,
    /// Kept open.
    listening: Vec<UnixListener>,
}

/// Every path below a directory and what is there.
pub(crate) type Look = BTreeMap<String, String>;

impl Scene {
    /// Sets the scene of a folder of `tests/hostile`.
    pub(crate) fn set(folder: &str) -> Self {
        let source = place::repository().join("tests/hostile").join(folder);
        let canary = Server::start(|_| Answer::ok("the canary is dead"));
        let canary_port = canary.port;
        let server = Server::start(move |request| routes::answer(request, canary_port));
        let extra = match std::fs::read(source.join("scene.json")) {
            Ok(text) => serde_json::from_slice(&text).unwrap(),
            Err(_) => Extra::default(),
        };
        let mut scene = Self {
            home: Home::new(),
            name: folder.to_owned(),
            server,
            canary,
            private_name: private_name(),
            extra,
            listening: Vec::new(),
        };
        scene.furnish();
        scene.furnish_more();
        let policy = std::fs::read_to_string(source.join("policy.toml")).unwrap();
        scene
            .home
            .policy(&fill(&format!("{policy}{NEIGHBOUR}"), &scene.names()));
        let component_of = scene.extra.component.as_deref().unwrap_or(folder);
        let mut bytes = match std::fs::read_to_string(source.join("guest.wat")) {
            Ok(text) => component(&text),
            Err(_) => std::fs::read(place::hostile().join(format!("{component_of}.wasm"))).unwrap(),
        };
        add_ballast(&mut bytes, scene.extra.ballast_bytes);
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

    /// What the folder adds.
    fn furnish_more(&mut self) {
        let names = self.names();
        let filled = |text: &str| fill(text, &names);
        for (name, value) in &self.extra.environment {
            self.home.set(name, &filled(value));
        }
        for name in &self.extra.directories {
            std::fs::create_dir_all(self.path(name)).unwrap();
        }
        for (name, text) in &self.extra.files {
            let path = self.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, filled(text)).unwrap();
        }
        for (name, text) in &self.extra.links {
            std::os::unix::fs::symlink(filled(text), self.path(name)).unwrap();
        }
        for name in &self.extra.sockets {
            self.listening
                .push(UnixListener::bind(self.path(name)).unwrap());
        }
        for (name, count) in &self.extra.crowds {
            let directory = self.path(name);
            std::fs::create_dir_all(&directory).unwrap();
            for n in 0..*count {
                std::fs::File::create(directory.join(n.to_string())).unwrap();
            }
        }
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
        let told = json!({
            "port": self.server.port,
            "canary_port": self.canary.port,
            "private_name": self.private_name,
            "root": self.home.root(),
            "guest": self.name,
        });
        let arguments = self.extra.arguments.as_ref().unwrap_or(&told).to_string();
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
        for name in ["mount", "outside", "near", "plugins", "work", "home/config"] {
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
    } else if kind.is_socket() {
        "socket".to_owned()
    } else {
        "FIFO".to_owned()
    };
    look.insert(name.to_owned(), is);
}

/// Makes a component longer: a custom section without a meaning (the binary format, section 5.5.3).
fn add_ballast(component: &mut Vec<u8>, bytes: usize) {
    if bytes == 0 {
        return;
    }
    let name = b"ballast";
    let mut section = vec![name.len() as u8];
    section.extend(name);
    section.resize(section.len() + bytes, 0);
    component.push(0);
    let mut length = section.len();
    while length >= 0x80 {
        component.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    component.push(length as u8);
    component.extend(section);
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
pub(crate) fn private_name() -> String {
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
