//! A directory of an author's, with the compilers of this machine in reach.

use crate::support::{Home, Ran, place};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::PathBuf;

/// A home, and a directory to work in.
pub(super) struct Desk {
    pub(super) home: Home,
    /// The one place of Rust projects, while it is ours.
    bench: Option<Bench>,
}

/// Where a Rust project of a test is: outside the repository, and at the same path for every test, so that
/// what cargo compiled for one serves the next. Whoever holds the lock has it.
struct Bench {
    root: PathBuf,
    _lock: File,
}

impl Bench {
    fn take() -> Self {
        let lock = File::create(place::shared("author-target").join("bench.lock")).unwrap();
        lock.lock().unwrap();
        let clone = hex::encode(Sha256::digest(place::repository().to_str().unwrap()));
        let root = std::env::temp_dir().join(format!("tollgate-author-{}", &clone[..12]));
        let _ = std::fs::remove_dir_all(&root);
        Self { root, _lock: lock }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl Desk {
    pub(super) fn new() -> Self {
        let mut home = Home::new();
        // Compilers keep their own homes; the author's is empty.
        for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let default = || std::env::home_dir().map(|home| home.join(below).into_os_string());
            if let Some(path) = std::env::var_os(name).or_else(default) {
                home.set(name, path.to_str().unwrap());
            }
        }
        for name in ["TOLLGATE_GUEST_TOOLCHAIN", "RUSTUP_TOOLCHAIN"] {
            if let Some(value) = std::env::var_os(name) {
                home.set(name, value.to_str().unwrap());
            }
        }
        let target = place::shared("author-target");
        home.set("CARGO_TARGET_DIR", target.to_str().unwrap());
        home.set("CARGO_NET_OFFLINE", "true");
        Self { home, bench: None }
    }

    /// Writes a new project and works in it. A Rust project gets the versions that this repository
    /// was built with, which are on the machine already.
    pub(super) fn project(&mut self, arguments: &[&str]) -> PathBuf {
        let is_rust = !arguments.contains(&"--lang");
        let bench = is_rust.then(Bench::take);
        let root = match &bench {
            Some(bench) => bench.root.clone(),
            None => self.home.work().join(arguments[0]),
        };
        let path = ["--path", root.to_str().unwrap()];
        self.home
            .ok([&["plugin", "new"], arguments, &path].concat());
        if is_rust {
            let lock = place::repository().join("Cargo.lock");
            std::fs::copy(lock, root.join("Cargo.lock")).unwrap();
        }
        self.bench = bench;
        self.home.work_in(&root);
        root
    }

    /// A project of this Tollgate that is built.
    pub(super) fn built(&mut self, arguments: &[&str]) -> PathBuf {
        let root = self.project(arguments);
        self.home.ok(["plugin", "build"]);
        root
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        self.home.run(arguments)
    }

    /// Replaces a text in a file of the project.
    #[track_caller]
    pub(super) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.home.work().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
}
