//! The program as people get it: the packages that `cargo xtask dist` makes of the built binary, installed
//! where there is nothing else, and then one line that a user types.

use crate::support::{Ran, place};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A machine with a project and nothing of Tollgate.
struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let project = directory.path().join("project");
        std::fs::create_dir_all(project.join("src")).unwrap();
        std::fs::create_dir(directory.path().join("user")).unwrap();
        std::fs::write(project.join("src/a.rs"), "// TODO: count\n").unwrap();
        std::fs::write(project.join("b.txt"), "nothing to do\n").unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program with no variable but a home and, for tools that need one, a path.
    fn run(&self, program: &Path, path: bool, arguments: &[&str]) -> Ran {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.path("project"))
            .env_clear()
            .env("HOME", self.path("user"));
        if path {
            command.env("PATH", std::env::var_os("PATH").unwrap());
        }
        Ran::of(command)
    }

    #[track_caller]
    fn ok(&self, program: &Path, path: bool, arguments: &[&str]) -> Ran {
        let ran = self.run(program, path, arguments);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran
    }

    /// The first line that a user types: no login, no policy, no plugin was added.
    #[track_caller]
    fn first_line(&self, program: &Path) {
        let line = ["call", "files", "search", "pattern=TODO"];
        let grant = ["--grant", "fs.read . at /project"];
        let ran = self.ok(program, false, &[&line[..], &grant].concat());
        assert_eq!(ran.stdout, "/project/src/a.rs:1:// TODO: count\n", "{ran}");
        let list = ran.stderr.split('`').nth(1).unwrap();
        let list = list.strip_prefix("tollgate ").unwrap();
        let words = shlex::split(list).unwrap();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let receipts = self.ok(program, false, &words);
        assert!(receipts.stdout.contains("/project/src/a.rs"), "{receipts}");
        assert!(receipts.stdout.contains("allowed"), "{receipts}");

        // What it leaves is verified by the program beside it, which knows nothing of this machine.
        let session = words.last().unwrap();
        let file = self.path("first.export");
        let file = file.to_str().unwrap();
        let export = ["receipt", "export", "--session", session, "--out", file];
        self.ok(program, false, &export);
        let key = self.ok(program, false, &["ledger", "key"]).stdout;
        let verifier = program.with_file_name("tollgate-verify");
        let verified = self.ok(&verifier, false, &[file, "--key", key.trim()]);
        assert!(
            verified.stdout.contains(", closed at tree size"),
            "{verified}"
        );

        // The grant was for that call alone.
        let again = self.run(program, false, &line);
        assert_eq!(again.code, Some(3), "{again}");
        assert!(again.stderr.contains("rule: outside_mounts"), "{again}");

        let plugins = self
            .ok(program, false, &["plugin", "list", "--json"])
            .json();
        let plugins = plugins["plugins"].as_array().unwrap();
        let names: Vec<_> = plugins
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "anthropic",
                "fetch",
                "files",
                "gemini",
                "git",
                "json",
                "notes",
                "ollama",
                "openai"
            ]
        );
        for plugin in plugins {
            assert_eq!(plugin["origin"], "bundled", "{plugin}");
            assert_eq!(plugin["path"], serde_json::Value::Null, "{plugin}");
        }
        self.ok(program, false, &["doctor"]);
    }
}

/// The package whose file ends so.
fn package(ending: &str) -> PathBuf {
    let entries = std::fs::read_dir(place::packages()).unwrap();
    let mut found = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending));
    let one = found
        .next()
        .unwrap_or_else(|| panic!("no package ends with {ending}"));
    assert_eq!(found.next(), None);
    one
}

#[test]
fn a_wheel_brings_the_program_into_an_empty_environment() {
    let machine = Machine::new();
    let venv = machine.path("venv");
    let wheel = package(".whl");
    let python = Path::new("python3");
    machine.ok(python, true, &["-m", "venv", venv.to_str().unwrap()]);
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        wheel.to_str().unwrap(),
    ];
    machine.ok(&venv.join("bin/python"), true, &pip);
    machine.first_line(&venv.join("bin/tollgate"));

    let shown = machine.ok(
        &venv.join("bin/python"),
        true,
        &["-m", "pip", "show", "tollgate"],
    );
    assert!(shown.stdout.contains("Version: 0.1.0"), "{shown}");
    let remove = ["-m", "pip", "uninstall", "--quiet", "--yes", "tollgate"];
    machine.ok(&venv.join("bin/python"), true, &remove);
    assert!(!venv.join("bin/tollgate").exists());
}

#[test]
fn an_npm_package_brings_the_program_without_a_network() {
    let machine = Machine::new();
    let npm = package(".tgz");
    let prefix = machine.path("prefix");
    let install = ["install", "--global", "--offline", "--no-audit", "--prefix"];
    let arguments = [
        &install[..],
        &[prefix.to_str().unwrap(), npm.to_str().unwrap()],
    ]
    .concat();
    machine.ok(Path::new("npm"), true, &arguments);
    machine.first_line(&prefix.join("bin/tollgate"));
}

#[test]
fn an_archive_holds_program_man_pages_and_completions() {
    let machine = Machine::new();
    let archive = package(".tar.gz");
    let to = machine.path("unpacked");
    std::fs::create_dir(&to).unwrap();
    let unpack = [
        "-xzf",
        archive.to_str().unwrap(),
        "--strip-components=1",
        "-C",
    ];
    machine.ok(
        Path::new("tar"),
        true,
        &[&unpack[..], &[to.to_str().unwrap()]].concat(),
    );
    machine.first_line(&to.join("bin/tollgate"));

    let page = std::fs::read_to_string(to.join("share/man/man1/tollgate-grant-add.1")).unwrap();
    assert!(page.starts_with(".ie"), "{page}");
    assert!(
        page.contains("EXTRA") && page.contains("tollgate grant add"),
        "{page}"
    );
    for (file, word) in [
        ("tollgate.bash", "complete -F"),
        ("_tollgate", "#compdef tollgate"),
        ("tollgate.fish", "complete -c tollgate"),
    ] {
        let script = std::fs::read_to_string(to.join("share/completions").join(file)).unwrap();
        assert!(script.contains(word), "{file}");
    }
    for file in ["LICENSE", "README.md"] {
        assert!(to.join(file).is_file());
    }
    let check = Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(place::packages())
        .status();
    assert!(check.unwrap().success());
}
