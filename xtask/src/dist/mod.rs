//! `cargo xtask dist`: the programs in the forms in which people get them.
//!
//! An archive with man pages and completions, a Python wheel and an npm package, each with the same programs,
//! and their digests. Packing is left to `tar`, `wheel` and `npm`; what is laid out for them is in
//! [`archive`], [`wheel`] and [`npm`].

mod archive;
mod npm;
mod wheel;

use crate::command::{Step, say};
use crate::workspace::Workspace;
use crate::{guests, host};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// The package, and its first program.
const PACKAGE: &str = "tollgate";
/// What checks an export of receipts where there is no host.
const VERIFIER: &str = "tollgate-verify";
/// One sentence for registries.
const SUMMARY: &str =
    "Runs plugins of LLM agents as WebAssembly components behind a gate that leaves receipts";

/// One build, to be packed.
struct Build {
    program: PathBuf,
    verifier: PathBuf,
    version: String,
    /// Where the packages go.
    place: PathBuf,
    /// Where they are laid out.
    scratch: PathBuf,
}

impl Build {
    /// Each program, under its name.
    fn programs(&self) -> [(&'static str, &Path); 2] {
        [(PACKAGE, &self.program), (VERIFIER, &self.verifier)]
    }
}

/// Builds and packs.
pub(crate) fn dist(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let profile = match arguments {
        [] => "release",
        [option, profile] if option == "--profile" => profile,
        _ => bail!("usage: cargo xtask dist [--profile PROFILE]"),
    };
    if profile == "dev" {
        guests::build(workspace, guests::Which::Plugins)?;
        host::build(workspace, &[PACKAGE, VERIFIER])?;
    } else {
        host::build_in(workspace, profile)?;
    }
    let place = workspace.target.join(if profile == "dev" {
        "packages-dev"
    } else {
        "packages"
    });
    let packed = pack(workspace, profile, &place)?;
    for path in packed {
        let size = path.metadata().map_or(0, |meta| meta.len());
        say(&format!("  {} ({} MB)", path.display(), size / 1_000_000));
    }
    Ok(())
}

/// Packs what was built in `profile` into `place`, unless that was done already.
pub(crate) fn pack(workspace: &Workspace, profile: &str, place: &Path) -> Result<Vec<PathBuf>> {
    let directory = match profile {
        "dev" => "debug",
        other => other,
    };
    let program = workspace.target.join(directory).join(PACKAGE);
    let verifier = program.with_file_name(VERIFIER);
    let sums = place.join("SHA256SUMS");
    if newer(&sums, &program) && newer(&sums, &verifier) && newer(&sums, &std::env::current_exe()?)
    {
        return packed(place);
    }
    let package = workspace.package(PACKAGE).context("no package tollgate")?;
    empty(place)?;
    let scratch = place.join("scratch");
    let build = Build {
        program,
        verifier,
        version: package.version.clone(),
        place: place.to_path_buf(),
        scratch: scratch.clone(),
    };
    archive::pack(workspace, &build)?;
    wheel::pack(workspace, &build)?;
    npm::pack(workspace, &build)?;
    std::fs::remove_dir_all(&scratch)
        .with_context(|| format!("cannot remove {}", scratch.display()))?;
    let packed = packed(place)?;
    let printed = Step::new("sha256sum")
        .dir(place)
        .args(packed.iter().filter_map(|path| path.file_name()))
        .ask()?;
    write(&sums, printed.as_bytes())?;
    Ok(packed)
}

/// What is in `place`, without the digests.
fn packed(place: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(place)?.collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some());
    paths.sort();
    Ok(paths)
}

fn newer(one: &Path, other: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified());
    matches!((modified(one), modified(other)), (Ok(one), Ok(other)) if one > other)
}

/// An empty directory.
fn empty(path: &Path) -> Result<()> {
    if path.exists() {
        std::fs::remove_dir_all(path)
            .with_context(|| format!("cannot remove {}", path.display()))?;
    }
    std::fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
    }
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Copies a file with its permissions.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(directory) = to.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
    }
    std::fs::copy(from, to)
        .map(|_| ())
        .with_context(|| format!("cannot copy {}", from.display()))
}

/// Licence and README go with every package.
fn words(workspace: &Workspace, to: &Path) -> Result<()> {
    for name in ["LICENSE", "README.md"] {
        copy(&workspace.root.join(name), &to.join(name))?;
    }
    Ok(())
}
