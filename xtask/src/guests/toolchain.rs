//! Which compiler builds the guests.
//!
//! In this order: the one in use, if it has the target's standard library; Debian's, if it is already
//! installed; the one in use after `rustup target add`; Debian's after installing it. Debian has no
//! standard library for the target, so cargo builds it from Debian's sources (about 20 s, once).

use super::TARGET;
use crate::command::{Step, find, say};
use crate::debian;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

const OVERRIDE: &str = "TOLLGATE_GUEST_TOOLCHAIN";
/// Where the network swallows packets, rustup would wait for minutes.
const RUSTUP_MAX: Duration = Duration::from_secs(90);
const DEBIAN_PACKAGES: [&str; 6] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-llvm",
    "lld-22",
    "wasi-libc",
];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// The C library and start objects of wasi-libc. Debian's compiler ships none of its own.
const DEBIAN_WASI_LIBC: &str = "/usr/lib/wasm32-wasi";
const DEBIAN_STD_SOURCE: &str = "/usr/lib/rustlib/src/rust";
const WAYS_OUT: &str = "\
no compiler for the guests. One of these three makes one:
  1. rustup target add wasm32-wasip2        (https://rustup.rs, with access to static.rust-lang.org)
  2. on Debian, as root: apt-get update && apt-get install rustc-web cargo-web rust-web-src \
rust-web-llvm lld-22 wasi-libc
  3. a Rust of your distribution with the target wasm32-wasip2, in front of PATH";

/// A compiler for guests that is there and complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Toolchain {
    /// The compiler in use.
    InUse,
    /// Debian's, which is asked to build the standard library.
    Debian,
}

/// What the environment asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Any,
    Rustup,
    Debian,
}

impl Toolchain {
    /// Finds one, or makes one.
    pub(super) fn choose(workspace: &Workspace) -> Result<Self> {
        let wish = wish(std::env::var_os(OVERRIDE))?;
        let mut refused = Vec::new();
        if wish != Wish::Debian && in_use_has_target() {
            return Ok(Self::InUse);
        }
        if wish == Wish::Any && debian_is_usable(workspace).is_ok() {
            return Ok(Self::Debian);
        }
        if wish != Wish::Debian {
            match add_target() {
                Ok(()) => return Ok(Self::InUse),
                Err(error) => refused.push(format!("rustup: {error:#}")),
            }
        }
        if wish != Wish::Rustup {
            match install_debian(workspace) {
                Ok(()) => return Ok(Self::Debian),
                Err(error) => refused.push(format!("Debian: {error:#}")),
            }
        }
        bail!("{WAYS_OUT}\nwhat was tried:\n  {}", refused.join("\n  "))
    }

    /// `cargo build` with this compiler; what to build is the caller's.
    pub(super) fn cargo(self, workspace: &Workspace) -> Result<Step> {
        let flags = flags(self, &workspace.root)?;
        let step = match self {
            Self::InUse => Step::cargo(&workspace.root).args(["build", "--locked"]),
            Self::Debian => Step::new(DEBIAN_CARGO)
                .dir(&workspace.root)
                .env("RUSTC", DEBIAN_RUSTC)
                // -Zbuild-std is unstable: the standard library is built from sources of the same version.
                .env("RUSTC_BOOTSTRAP", "1")
                .without_env("RUSTUP_TOOLCHAIN")
                .without_env("CARGO")
                .without_env("LD_LIBRARY_PATH")
                .args(["build", "--locked"])
                .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="]),
        };
        Ok(step
            .without_env("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", flags))
    }

    /// What to do when it fails.
    pub(super) fn hint(self) -> String {
        let other = match self {
            Self::InUse => "debian",
            Self::Debian => "rustup",
        };
        format!(
            "the compiler's words are above. If it is the compiler itself that fails, try the other one: \
             {OVERRIDE}={other}"
        )
    }
}

fn wish(value: Option<OsString>) -> Result<Wish> {
    match value.as_deref().and_then(|value| value.to_str()) {
        None if value.is_none() => Ok(Wish::Any),
        Some("") => Ok(Wish::Any),
        Some("rustup") => Ok(Wish::Rustup),
        Some("debian") => Ok(Wish::Debian),
        other => bail!("{OVERRIDE} is {other:?}; it may be rustup or debian"),
    }
}

/// Paths of this machine are replaced, so that a component is the same in every clone.
fn flags(toolchain: Toolchain, root: &Path) -> Result<OsString> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let mut flags = Vec::new();
    let mut remap = |from: &Path, to: &str| flags.push(remapped(from, to));
    if let Some(home) = home {
        remap(&home, "/cargo");
    }
    remap(root, "/tollgate");
    if toolchain == Toolchain::Debian {
        remap(Path::new(DEBIAN_STD_SOURCE), "/rust");
        flags.push(OsString::from(format!("-Lnative={DEBIAN_WASI_LIBC}")));
    }
    Ok(flags.join("\u{1f}".as_ref()))
}

fn remapped(from: &Path, to: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    flag
}

fn rustc_in_use() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

fn in_use_has_target() -> bool {
    let Ok(sysroot) = Step::new(rustc_in_use()).args(["--print", "sysroot"]).ask() else {
        return false;
    };
    let lib = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib");
    let Ok(entries) = std::fs::read_dir(lib) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
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
    if !in_use_has_target() {
        bail!("rustup added {TARGET}, but not to the compiler in use");
    }
    Ok(())
}

fn install_debian(workspace: &Workspace) -> Result<()> {
    say("\ntrying Debian's compiler for the guests");
    debian::install("guest toolchain", &DEBIAN_PACKAGES)?;
    debian_is_usable(workspace)
}

/// Whether packages, files and version are as they must be.
fn debian_is_usable(workspace: &Workspace) -> Result<()> {
    let absent = debian::missing(&DEBIAN_PACKAGES)?;
    if !absent.is_empty() {
        bail!("the packages {} are missing", absent.join(" "));
    }
    for file in [
        DEBIAN_CARGO,
        DEBIAN_STD_SOURCE,
        &format!("{DEBIAN_WASI_LIBC}/libc.a"),
    ] {
        if !Path::new(file).exists() {
            bail!("{file} is missing");
        }
    }
    let printed = Step::new(DEBIAN_RUSTC).args(["--version"]).ask()?;
    let found = version(&printed).with_context(|| format!("cannot read `{}`", printed.trim()))?;
    let wanted = workspace
        .packages
        .iter()
        .filter_map(|package| version(package.rust_version.as_deref()?))
        .max()
        .unwrap_or_default();
    if found < wanted {
        bail!(
            "{DEBIAN_RUSTC} is {}, and {}.{} is needed",
            printed.trim(),
            wanted.0,
            wanted.1
        );
    }
    Ok(())
}

/// Major and minor of `rustc 1.96.0 (…)` or of `1.95`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let number = printed
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = number.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_manifests_and_compilers() {
        assert_eq!(
            version("rustc 1.96.0 (ac68faa20 2026-05-25)"),
            Some((1, 96))
        );
        assert_eq!(version("1.95"), Some((1, 95)));
        assert!(version("1.9.0") < version("1.85"));
        assert_eq!(version("rustc"), None);
    }

    #[test]
    fn the_environment_may_ask_for_either_or_nothing() {
        assert_eq!(wish(None).unwrap(), Wish::Any);
        assert_eq!(wish(Some("".into())).unwrap(), Wish::Any);
        assert_eq!(wish(Some("rustup".into())).unwrap(), Wish::Rustup);
        assert_eq!(wish(Some("debian".into())).unwrap(), Wish::Debian);
        assert!(
            wish(Some("fedora".into()))
                .unwrap_err()
                .to_string()
                .contains("rustup or debian")
        );
    }
}
