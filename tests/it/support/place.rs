//! Where things were built.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}

/// The built binary.
pub(crate) fn binary() -> PathBuf {
    built("TOLLGATE_BIN", "tollgate")
}

/// The component of a plugin that is a part of Tollgate.
pub(crate) fn plugin(name: &str) -> PathBuf {
    binary()
        .with_file_name("plugins")
        .join(format!("{name}.wasm"))
}

/// The built guests of the tests.
pub(crate) fn hostile() -> PathBuf {
    built("TOLLGATE_HOSTILE_DIR", "hostile")
}

/// The packages made of the built binary.
pub(crate) fn packages() -> PathBuf {
    built("TOLLGATE_PACKAGES_DIR", "../packages-dev")
}

/// What was installed for the tests from package registries.
pub(crate) fn tools() -> PathBuf {
    match std::env::var_os("TOLLGATE_TOOLS_DIR") {
        Some(path) => path.into(),
        None => target().join("tools"),
    }
}

/// A directory below `target` for what tests may share.
pub(crate) fn shared(name: &str) -> PathBuf {
    let directory = target().join("tmp").join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn target() -> PathBuf {
    // This test is `target/debug/deps/it-…`.
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(3).unwrap().to_owned()
}

fn built(variable: &str, name: &str) -> PathBuf {
    let path = match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => target().join("debug").join(name),
    };
    assert!(
        path.exists(),
        "{} is not there; `cargo xtask test` builds it and sets {variable}",
        path.display()
    );
    path
}
