//! Which compiler builds the guests.
//!
//! The one in use, if it has the target's standard library, or Debian's, if it is installed. Debian has
//! no standard library for the target, so cargo builds it from Debian's sources (about 20 s, once).

use crate::{TARGET, ask, debian};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that chooses between the two.
pub const OVERRIDE: &str = "TOLLGATE_GUEST_TOOLCHAIN";
/// What Debian's way needs.
pub const DEBIAN_PACKAGES: [&str; 6] = [
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
/// What to do where there is no compiler for guests.
pub const WAYS_OUT: &str = "\
no compiler for the guests. One of these three makes one:
  1. rustup target add wasm32-wasip2        (https://rustup.rs, with access to static.rust-lang.org)
  2. on Debian, as root: apt-get update && apt-get install rustc-web cargo-web rust-web-src \
rust-web-llvm lld-22 wasi-libc
  3. a Rust of your distribution with the target wasm32-wasip2, in front of PATH";

/// A major and a minor version.
pub type Version = (u32, u32);

/// A compiler for guests that is there and complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The compiler in use.
    InUse,
    /// Debian's, which is asked to build the standard library.
    Debian,
}

/// What the environment asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// What is there.
    Any,
    /// The compiler in use.
    Rustup,
    /// Debian's.
    Debian,
}

impl Wish {
    /// Reads [`OVERRIDE`].
    ///
    /// # Errors
    /// Its value is neither `rustup` nor `debian`.
    pub fn from_environment() -> Result<Self> {
        wish(std::env::var_os(OVERRIDE))
    }
}

impl Toolchain {
    /// One that is installed, the compiler in use before Debian's; none where neither is complete.
    pub fn installed(wish: Wish, rust_version_min: Version) -> Option<Self> {
        if wish != Wish::Debian && in_use_has_target() {
            return Some(Self::InUse);
        }
        if wish != Wish::Rustup && debian_is_usable(rust_version_min).is_ok() {
            return Some(Self::Debian);
        }
        None
    }

    /// `cargo build` in `root` with this compiler; what to build is the caller's.
    pub fn cargo(self, root: &Path) -> Command {
        let mut command = match self {
            Self::InUse => {
                Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            }
            Self::Debian => Command::new(DEBIAN_CARGO),
        };
        command
            .current_dir(root)
            .arg("build")
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", flags(self, root));
        if self == Self::Debian {
            command
                .env("RUSTC", DEBIAN_RUSTC)
                // -Zbuild-std is unstable: the standard library is built from sources of the same version.
                .env("RUSTC_BOOTSTRAP", "1")
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("CARGO")
                .env_remove("LD_LIBRARY_PATH")
                .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="]);
        }
        command
    }

    /// What to do when it fails.
    pub fn hint(self) -> String {
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
fn flags(toolchain: Toolchain, root: &Path) -> OsString {
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
    flags.join("\u{1f}".as_ref())
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

/// Whether the compiler in use has the target's standard library.
pub fn in_use_has_target() -> bool {
    let Ok(sysroot) = ask(rustc_in_use(), ["--print", "sysroot"]) else {
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

/// Whether packages, files and version of Debian's compiler are as they must be.
///
/// # Errors
/// Says what is missing or too old.
pub fn debian_is_usable(rust_version_min: Version) -> Result<()> {
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
    let printed = ask(DEBIAN_RUSTC, ["--version"])?;
    let found = version(&printed).with_context(|| format!("cannot read `{}`", printed.trim()))?;
    let wanted = rust_version_min;
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
pub fn version(printed: &str) -> Option<Version> {
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
