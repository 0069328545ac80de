//! Components, ready to run: read once, hashed, inspected, compiled once per digest and engine, loaded
//! by mapping the artifact, linked once.
//!
//! Invariants: the bytes that were hashed are the bytes that are compiled; an artifact is named by
//! digest and engine and is only ever written whole; one that somebody else could have written is not
//! loaded.

use crate::adapt;
use crate::bindings;
use crate::compile::{self, CompileError, Compiler};
use crate::gate::{linker, table};
use crate::inspect::{self, Form, Inspection, Offers};
use crate::plain::{Functions, ToolsError};
use crate::services::PluginEntry;
use crate::source::{ComponentSource, SourceStamp};
use crate::state::State;
use crate::{admission::Weight, engine};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

/// Components that are kept ready in memory.
const READY_MAX: usize = 64;
/// Directories in which something is being compiled.
const SCRATCH_PREFIX: &str = "compiling-";
/// A scratch directory older than this belongs to nobody any more.
const SCRATCH_AGE_MAX: Duration = Duration::from_secs(3600);
/// How long somebody else's compilation of the same component is waited for.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(compile::COMPILE_WALL_SECONDS_MAX + 30);
/// How often the lock is tried.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// A component that was not accepted, and by which rule.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("cannot read {place}: {error}")]
    Read {
        /// The component.
        place: ComponentSource,
        /// The system's answer.
        error: std::io::Error,
    },
    /// It is not the component that was pinned.
    #[error(
        "the component has digest {found}, but {pinned} is pinned; if the change is wanted, run `tollgate plugin add` again"
    )]
    Digest {
        /// What the bytes hash to.
        found: String,
        /// What was pinned.
        pinned: String,
    },
    /// It was refused by what it says of itself.
    #[error(transparent)]
    Inspect(#[from] inspect::InspectError),
    /// It imports what the gate does not know.
    #[error(
        "it imports {0}, which has no row in the gate's classification table; accepted are {accepted}",
        accepted = table::accepted()
    )]
    UnknownImport(String),
    /// It was built for another version of the contract.
    #[error(
        "it was built for {0}, and this Tollgate has version {ours} of the contract; build it against that version, or use a Tollgate that has its own",
        ours = tollgate_contract::CONTRACT_VERSION
    )]
    Contract(String),
    /// It offers nothing to call.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// It was not compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The artifact cannot be trusted.
    #[error("the compiled artifact {0} is writable by others; remove it")]
    Artifact(PathBuf),
    /// It could not be loaded or linked.
    #[error("it does not link: {0}")]
    Link(String),
}

/// What a component exports.
pub(crate) enum World {
    Tools(bindings::tools::ToolsPre<State>),
    Provider(bindings::provider::ProviderPre<State>),
    /// Neither world of the contract.
    Functions(Functions),
}

/// A component, ready to be instantiated.
pub(crate) struct Ready {
    pub(crate) digest: String,
    pub(crate) inspection: Inspection,
    pub(crate) weight: Weight,
    pub(crate) world: World,
}

impl Ready {
    /// The version that records show: the plugin's own word, as far as it is an identifier.
    pub(crate) fn version(&self) -> String {
        let meta = self.inspection.meta.as_ref();
        recorded_version(meta.map_or("", |meta| meta.version.as_str()))
    }
}

/// What records show where a component says nothing of itself, or could not be read.
pub(crate) const UNKNOWN: &str = "unknown";
/// Characters of a version that records show.
const VERSION_CHARS_MAX: usize = 64;

/// A plugin must not choose a version that no entry can hold: then nothing of it could be recorded.
fn recorded_version(own_word: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    let version: String = own_word
        .chars()
        .filter(fits)
        .take(VERSION_CHARS_MAX)
        .collect();
    if version.is_empty() {
        UNKNOWN.to_owned()
    } else {
        version
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Stamp {
    source: SourceStamp,
    pinned: Option<String>,
}

/// The ready components of one host.
pub(crate) struct Cache {
    engine: Engine,
    linker: Linker<State>,
    directory: PathBuf,
    key: String,
    compiler: Compiler,
    ready: Mutex<HashMap<Stamp, Arc<Ready>>>,
}

impl Cache {
    pub(crate) fn new(
        engine: Engine,
        directory: PathBuf,
        compiler: Compiler,
    ) -> wasmtime::Result<Self> {
        Ok(Self {
            linker: linker::build(&engine)?,
            key: engine::key(&engine),
            engine,
            directory,
            compiler,
            ready: Mutex::default(),
        })
    }

    /// The component if it is ready and its file unchanged; touches only the file's metadata.
    pub(crate) fn get(&self, entry: &PluginEntry) -> Option<Arc<Ready>> {
        let stamp = stamp(entry).ok()?;
        self.ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&stamp)
            .cloned()
    }

    /// Makes the component ready. Blocking; compiling may take a minute.
    pub(crate) fn load(&self, entry: &PluginEntry) -> Result<Arc<Ready>, LoadError> {
        let unreadable = |error| LoadError::Read {
            place: entry.component.clone(),
            error,
        };
        let stamp = stamp(entry).map_err(unreadable)?;
        let bytes = entry.component.read().map_err(unreadable)?;
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        if let Some(pinned) = &entry.digest
            && *pinned != digest
        {
            return Err(LoadError::Digest {
                found: digest,
                pinned: pinned.clone(),
            });
        }
        let inspection = inspect::inspect(&bytes)?;
        let (artifact, inspection) = match inspection.form {
            Form::Component => {
                admissible(&inspection)?;
                (self.artifact(&digest, &bytes, inspection.form)?, inspection)
            }
            Form::Module => {
                let artifact = self.artifact(&digest, &bytes, inspection.form)?;
                let adapted = self.adapted(&artifact, inspection)?;
                admissible(&adapted)?;
                (artifact, adapted)
            }
        };
        let component = self.map(&artifact)?;
        let ready = Arc::new(self.link(component, digest, inspection)?);
        let mut all = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= READY_MAX {
            all.clear();
        }
        all.insert(stamp, Arc::clone(&ready));
        Ok(ready)
    }

    fn artifact(&self, digest: &str, bytes: &[u8], form: Form) -> Result<PathBuf, LoadError> {
        let digest = digest.trim_start_matches("sha256:");
        let name = match form {
            Form::Component => format!("{digest}-{}.cwasm", self.key),
            Form::Module => format!("{digest}-{}-{}.cwasm", self.key, adapt::KEY),
        };
        let path = self.directory.join(name);
        let component = path.with_extension(compile::COMPONENT_EXTENSION);
        let there = || path.exists() && (form == Form::Component || component.exists());
        if there() {
            return Ok(path);
        }
        // Whoever comes while somebody compiles the same waits for that artifact. A lock that cannot be
        // had costs only a second compilation.
        let _lock = self.lock(&path.with_extension("lock"));
        if there() {
            return Ok(path);
        }
        let scratch = tempfile::Builder::new()
            .prefix(SCRATCH_PREFIX)
            .tempdir_in(&self.directory)
            .map_err(CompileError::Io)?;
        let fresh = scratch.path().join("artifact");
        compile::compile(&self.compiler, bytes, &fresh)?;
        if form == Form::Module {
            let made = fresh.with_extension(compile::COMPONENT_EXTENSION);
            std::fs::rename(made, component).map_err(CompileError::Io)?;
        }
        std::fs::rename(&fresh, &path).map_err(CompileError::Io)?;
        Ok(path)
    }

    /// What the component says that was made of a module; needs and metadata are the module's own.
    fn adapted(&self, artifact: &Path, module: Inspection) -> Result<Inspection, LoadError> {
        let path = artifact.with_extension(compile::COMPONENT_EXTENSION);
        own(&path)?;
        let place = ComponentSource::File(path);
        let bytes = match place.read() {
            Ok(bytes) => bytes,
            Err(error) => return Err(LoadError::Read { place, error }),
        };
        Ok(Inspection {
            form: module.form,
            needs: module.needs,
            meta: module.meta,
            docs: module.docs,
            ..inspect::inspect(&bytes)?
        })
    }

    fn lock(&self, path: &Path) -> Option<File> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .ok()?;
        let give_up = Instant::now() + LOCK_WAIT_MAX;
        while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            if Instant::now() > give_up {
                return None;
            }
            std::thread::sleep(LOCK_POLL);
        }
        Some(file)
    }

    #[expect(
        unsafe_code,
        reason = "an artifact is machine code of our own compile child, in a directory that only this \
                  user can write; ownership and mode are checked first"
    )]
    fn map(&self, artifact: &Path) -> Result<Component, LoadError> {
        own(artifact)?;
        // SAFETY: see the reason above; wasmtime itself checks version and configuration.
        unsafe { Component::deserialize_file(&self.engine, artifact) }
            .map_err(|error| LoadError::Link(format!("{error:#}")))
    }

    fn link(
        &self,
        component: Component,
        digest: String,
        inspection: Inspection,
    ) -> Result<Ready, LoadError> {
        let required = component.resources_required();
        let weight = Weight {
            // Calls between nested components go through adapters, which are instances, too.
            core_instances: u32::try_from(
                inspection
                    .core_instances
                    .saturating_add(inspection.component_instances),
            )
            .unwrap_or(u32::MAX)
            .min(engine::CORE_INSTANCES_PER_COMPONENT_MAX),
            memories: required.as_ref().map_or(1, |r| r.num_memories),
            tables: required.as_ref().map_or(1, |r| r.num_tables),
        };
        let failed = |error: wasmtime::Error| LoadError::Link(format!("{error:#}"));
        let pre = self.linker.instantiate_pre(&component).map_err(failed)?;
        let world = match inspection.offers() {
            Offers::Tools => World::Tools(bindings::tools::ToolsPre::new(pre).map_err(failed)?),
            Offers::Provider => {
                World::Provider(bindings::provider::ProviderPre::new(pre).map_err(failed)?)
            }
            Offers::Functions => World::Functions(Functions::of(pre, &inspection)?),
        };
        Ok(Ready {
            digest,
            inspection,
            weight,
            world,
        })
    }
}

/// Refuses what the gate does not know, and other versions of the contract.
fn admissible(inspection: &Inspection) -> Result<(), LoadError> {
    let shown = |name: &String| name.escape_debug().take(inspect::NAME_CHARS_MAX).collect();
    let names = inspection.imports.iter().chain(&inspection.exports);
    let mut contract = names.filter(|name| name.starts_with(&format!("{}/", inspect::CONTRACT)));
    if let Some(other) = contract.find(|name| !table::is_contract(name)) {
        return Err(LoadError::Contract(shown(other)));
    }
    match inspection.imports.iter().find(|name| !table::knows(name)) {
        Some(unknown) => Err(LoadError::UnknownImport(shown(unknown))),
        None => Ok(()),
    }
}

/// Refuses a file of the cache that somebody else could have written.
fn own(artifact: &Path) -> Result<(), LoadError> {
    let meta = std::fs::symlink_metadata(artifact).map_err(|error| LoadError::Read {
        place: artifact.to_owned().into(),
        error,
    })?;
    let own = rustix::process::geteuid().as_raw();
    if !meta.is_file() || meta.uid() != own || meta.mode() & 0o022 != 0 {
        return Err(LoadError::Artifact(artifact.to_owned()));
    }
    Ok(())
}

/// Creates the directory of artifacts, or sees to it that nobody else can put one there, and clears away
/// what compilations that were killed have left.
pub(crate) fn prepare(directory: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let meta = std::fs::metadata(directory)?;
    if meta.uid() != rustix::process::geteuid().as_raw() || meta.mode() & 0o022 != 0 {
        return Err(std::io::Error::other(format!(
            "others may write in {}, where machine code is kept; make it yours and run `chmod go-w` on it",
            directory.display()
        )));
    }
    for entry in std::fs::read_dir(directory)?.flatten() {
        let scratch = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(SCRATCH_PREFIX));
        let old = || {
            let changed = entry.metadata().and_then(|meta| meta.modified());
            changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > SCRATCH_AGE_MAX))
        };
        if scratch && old() {
            // What cannot be removed is only in the way of nothing.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn stamp(entry: &PluginEntry) -> std::io::Result<Stamp> {
    Ok(Stamp {
        source: entry.component.stamp()?,
        pinned: entry.digest.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_version_can_be_recorded() {
        assert_eq!(recorded_version("1.2.3-rc.1+b5"), "1.2.3-rc.1+b5");
        assert_eq!(recorded_version("1.0 \"final\"\n"), "1.0final");
        assert_eq!(recorded_version(""), UNKNOWN);
        assert_eq!(recorded_version("…"), UNKNOWN);
        assert_eq!(recorded_version(&"9".repeat(500)).len(), VERSION_CHARS_MAX);
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused_and_old_scratch_goes() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let cache = home.path().join("a/cache");
        prepare(&cache).unwrap();
        for (name, age_s) in [
            ("compiling-old", 7200),
            ("compiling-new", 0),
            ("kept", 7200),
        ] {
            let path = cache.join(name);
            std::fs::create_dir(&path).unwrap();
            let then = std::time::SystemTime::now() - Duration::from_secs(age_s);
            File::open(&path).unwrap().set_modified(then).unwrap();
        }
        prepare(&cache).unwrap();
        assert!(!cache.join("compiling-old").exists());
        assert!(cache.join("compiling-new").exists() && cache.join("kept").exists());
        let mode = std::fs::Permissions::from_mode(0o770);
        std::fs::set_permissions(&cache, mode).unwrap();
        let refused = prepare(&cache).unwrap_err().to_string();
        assert!(refused.contains("chmod go-w"), "{refused}");
    }
}
