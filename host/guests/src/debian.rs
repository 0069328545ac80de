//! Debian's packages, as far as dpkg knows of them.

use crate::{ask, find};
use anyhow::{Result, bail};

const STATUS_INSTALLED: &str = "installed";

/// Those of the packages that are not installed.
///
/// # Errors
/// dpkg is not the package manager here.
pub fn missing<'a>(packages: &[&'a str]) -> Result<Vec<&'a str>> {
    if find("dpkg-query").is_none() || find("apt-get").is_none() {
        bail!("this system has no apt");
    }
    let absent = packages.iter().filter(|package| !is_installed(package));
    Ok(absent.copied().collect())
}

fn is_installed(package: &str) -> bool {
    ask("dpkg-query", ["-W", "-f=${db:Status-Status}", package])
        .is_ok_and(|status| status == STATUS_INSTALLED)
}
