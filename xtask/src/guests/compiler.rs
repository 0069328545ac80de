//! A compiler for the guests, made where there is none.
//!
//! In this order: the one in use, if it has the target's standard library; Debian's, if it is already
//! installed; the one in use after `rustup target add`; Debian's after installing it.

use crate::command::{Step, say};
use crate::debian;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::time::Duration;
use tollgate_guests::toolchain::{DEBIAN_PACKAGES, Toolchain, WAYS_OUT, Wish};
use tollgate_guests::{TARGET, find, toolchain};

/// Where the network swallows packets, rustup would wait for minutes.
const RUSTUP_MAX: Duration = Duration::from_secs(90);

/// Finds one.
pub(super) fn find_one(workspace: &Workspace) -> Result<Toolchain> {
    match installed(workspace)? {
        Some(installed) => Ok(installed),
        None => bail!("{WAYS_OUT}"),
    }
}

/// Finds one, or makes one.
pub(super) fn choose(workspace: &Workspace) -> Result<Toolchain> {
    if let Some(installed) = installed(workspace)? {
        return Ok(installed);
    }
    let wish = Wish::from_environment()?;
    let mut refused = Vec::new();
    if wish != Wish::Debian {
        match add_target() {
            Ok(()) => return Ok(Toolchain::InUse),
            Err(error) => refused.push(format!("rustup: {error:#}")),
        }
    }
    if wish != Wish::Rustup {
        match install_debian(workspace) {
            Ok(()) => return Ok(Toolchain::Debian),
            Err(error) => refused.push(format!("Debian: {error:#}")),
        }
    }
    bail!("{WAYS_OUT}\nwhat was tried:\n  {}", refused.join("\n  "))
}

fn installed(workspace: &Workspace) -> Result<Option<Toolchain>> {
    let wish = Wish::from_environment()?;
    Ok(Toolchain::installed(wish, workspace.rust_version_min()))
}

fn add_target() -> Result<()> {
    if find("rustup").is_none() {
        bail!("there is no rustup in PATH");
    }
    let status = Step::new("rustup")
        .args(["target", "add", TARGET])
        .limit(RUSTUP_MAX)
        .status("guest toolchain")?;
    if !status.success() {
        bail!("`rustup target add {TARGET}` failed ({status})");
    }
    if !toolchain::in_use_has_target() {
        bail!("rustup added {TARGET}, but not to the compiler in use");
    }
    Ok(())
}

fn install_debian(workspace: &Workspace) -> Result<()> {
    say("\ntrying Debian's compiler for the guests");
    debian::install("guest toolchain", &DEBIAN_PACKAGES)?;
    toolchain::debian_is_usable(workspace.rust_version_min())
}
