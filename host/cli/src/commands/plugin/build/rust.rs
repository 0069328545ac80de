//! A Rust project's component, by cargo for `wasm32-wasip2`.

use super::super::project::Project;
use super::super::tools;
use crate::app::App;
use crate::errors::{Context, Done, Failure};
use tollgate_guests::toolchain::{OVERRIDE, Toolchain, WAYS_OUT, Wish, version};
use tollgate_guests::{TARGET, artifact};

/// The compiler that is there, in words.
pub(super) fn compiler() -> Option<String> {
    let oldest = version(env!("CARGO_PKG_RUST_VERSION")).unwrap_or_default();
    let toolchain = Toolchain::installed(Wish::from_environment().ok()?, oldest)?;
    Some(match toolchain {
        Toolchain::InUse => format!("the compiler in use has {TARGET}"),
        Toolchain::Debian => "Debian's compiler".to_owned(),
    })
}

/// Compiles it.
pub(super) fn component(app: &App, project: &Project) -> Done<Vec<u8>> {
    let wish = Wish::from_environment()
        .map_err(|error| Failure::input_try(error.to_string(), format!("unset {OVERRIDE}")))?;
    let oldest = version(env!("CARGO_PKG_RUST_VERSION")).unwrap_or_default();
    let toolchain = Toolchain::installed(wish, oldest).ok_or_else(|| Failure::Run {
        what: WAYS_OUT.into(),
        rule: Some("nothing is installed for you".into()),
        remedy: Some(format!("rustup target add {TARGET}")),
    })?;
    let mut cargo = toolchain.cargo(&project.root);
    cargo
        .args(["--lib", "--release", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics"]);
    let ended = tools::run(app, cargo)?;
    if !ended.ok {
        return Err(tools::failure("cargo", &ended.words, None));
    }
    let built = artifact::read(&ended.stdout);
    let manifest = project.root.join("Cargo.toml");
    let path = built
        .iter()
        .find(|((of, _), _)| *of == manifest)
        .map(|(_, path)| path)
        .ok_or_else(|| Failure::Input {
            what: "cargo built no component".into(),
            rule: Some("a plugin is a library with the crate type cdylib".into()),
            remedy: Some("write crate-type = [\"cdylib\"] below [lib] in Cargo.toml".into()),
        })?;
    std::fs::read(path).doing(|| format!("cannot read {}", path.display()))
}
