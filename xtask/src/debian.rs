//! Installing Debian packages, where that is possible and lawful here.
//!
//! Never removes a package: a machine that would lose one is left as it is.

use crate::command::{Step, find};
use anyhow::{Result, bail};

const STATUS_INSTALLED: &str = "installed";

/// Those of the packages that are not installed. An error where dpkg is not the package manager.
pub(crate) fn missing<'a>(packages: &[&'a str]) -> Result<Vec<&'a str>> {
    if find("dpkg-query").is_none() || find("apt-get").is_none() {
        bail!("this system has no apt");
    }
    let absent = packages.iter().filter(|package| !is_installed(package));
    Ok(absent.copied().collect())
}

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

fn is_installed(package: &str) -> bool {
    Step::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Status}", package])
        .ask()
        .is_ok_and(|status| status == STATUS_INSTALLED)
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
