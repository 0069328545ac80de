//! Puts the first-party plugins inside the program.
//!
//! - In the development profile they are those that `cargo xtask` has put beside the program; before it
//!   has, there are none, and a warning says so.
//! - In every other profile, as for `cargo install`, they are built here, by the same task in a target
//!   directory of its own. It installs nothing; without a compiler for them the build fails and says how to
//!   get one.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// Set for this build, and not to be taken over by the build inside it.
const NOT_INHERITED: [&str; 6] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "RUSTC",
    "RUSTDOC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

fn main() -> Done {
    let out = PathBuf::from(variable("OUT_DIR")?);
    let plugins = if variable("PROFILE")? == "debug" {
        beside_the_program(&out)?
    } else {
        built_here(&out)?
    };
    println!("cargo::rerun-if-changed={}", plugins.display());
    let components = components(&plugins)?;
    if components.is_empty() {
        println!(
            "cargo::warning=no plugin is inside this program; `cargo xtask guests` builds them"
        );
    }
    std::fs::write(out.join("bundled.rs"), table(&components)?)?;
    Ok(())
}

/// `TARGET/PROFILE/plugins`; `out` is `TARGET/PROFILE/build/PACKAGE/out`.
fn beside_the_program(out: &Path) -> Done<PathBuf> {
    let profile = out.ancestors().nth(3).ok_or("OUT_DIR is too short")?;
    let plugins = profile.join("plugins");
    // A path that is not there would run this script again and again.
    std::fs::create_dir_all(&plugins)?;
    Ok(plugins)
}

fn built_here(out: &Path) -> Done<PathBuf> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let root = root.ancestors().nth(2).ok_or("the package is nowhere")?;
    for sources in ["plugins", "guest-sdk", "wit", "host/guests", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(sources).display());
    }
    println!("cargo::rerun-if-env-changed=TOLLGATE_GUEST_TOOLCHAIN");
    let plugins = out.join("plugins");
    let mut command = Command::new(variable("CARGO")?);
    command
        .current_dir(root)
        .args(["run", "--quiet", "--locked", "--package", "xtask"])
        .arg("--target-dir")
        .arg(out.join("xtask"))
        .args(["--", "plugins"])
        .arg(&plugins);
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    if command.status()?.success() {
        Ok(plugins)
    } else {
        Err("the plugins that go inside the program were not built; the reason is above".into())
    }
}

/// Name and path of each, by name.
fn components(plugins: &Path) -> Done<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(plugins)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str());
        if let (Some(name), true) = (name, path.extension().is_some_and(|end| end == "wasm")) {
            found.push((name.to_owned(), path.clone()));
        }
    }
    found.sort();
    Ok(found)
}

fn table(components: &[(String, PathBuf)]) -> Done<String> {
    let mut table = String::from(
        "/// Name and bytes of each plugin inside the program.\n\
         static INSIDE: &[(&str, &[u8])] = &[\n",
    );
    for (name, path) in components {
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    table.push_str("];\n");
    Ok(table)
}

fn variable(name: &str) -> Done<String> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}
