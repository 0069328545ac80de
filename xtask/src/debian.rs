//! Installing Debian packages, where that is possible and lawful here.
//!
//! Never removes a package: a machine that would lose one is left as it is.

use crate::command::Step;
use anyhow::{Result, bail};
use tollgate_guests::debian::missing;

/// Installs what is missing.
pub(crate) fn install(title: &str, packages: &[&str]) -> Result<()> {
    let absent = missing(packages)?;
    if absent.is_empty() {
        return Ok(());
    }
    let Some(rights) = rights() else {
        bail!(
            "the Debian packages {} are missing, and installing them needs root or sudo without a \
             password",
            absent.join(" ")
        );
    };
    apt(rights).args(["update", "-q"]).run(title)?;
    apt(rights)
        .args([
            "install",
            "-q",
            "-y",
            "--no-install-recommends",
            "--no-remove",
        ])
        .args(absent)
        .run(title)
}

/// How this process may act as root.
#[derive(Clone, Copy)]
enum Rights {
    Root,
    Sudo,
}

fn rights() -> Option<Rights> {
    let is_root = Step::new("id")
        .args(["-u"])
        .ask()
        .is_ok_and(|id| id.trim() == "0");
    if is_root {
        return Some(Rights::Root);
    }
    let can_sudo = Step::new("sudo").args(["-n", "true"]).ask().is_ok();
    can_sudo.then_some(Rights::Sudo)
}

fn apt(rights: Rights) -> Step {
    let step = match rights {
        Rights::Root => Step::new("env"),
        Rights::Sudo => Step::new("sudo").args(["-n", "env"]),
    };
    step.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
}
