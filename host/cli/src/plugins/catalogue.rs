//! Finding plugins by name.

use super::bundled::Bundled;
use super::read::{Component, ReadError, Reader, World};
use crate::policy::Layers;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_contract::PluginName;
use tollgate_grants::Layer;
use tollgate_sandbox::ComponentSource;
use tollgate_store::{NewPlugin, RegisteredPlugin, Store};

/// Ending of a component's file.
const WASM: &str = "wasm";
/// How the store names the place of a bundled plugin that was added: no path has it, for they are absolute.
const BUNDLED_PREFIX: &str = "bundled:";

/// Where a plugin was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// Named by its path.
    Path,
    /// The managed policy.
    Managed,
    /// The trusted project's policy.
    Project,
    /// The user's policy.
    User,
    /// `plugin add`.
    Added,
    /// It came with the program.
    Bundled,
}

impl Origin {
    /// Its word.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Managed => "managed",
            Self::Project => "project",
            Self::User => "user",
            Self::Added => "added",
            Self::Bundled => "bundled",
        }
    }
}

/// A plugin that was found.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    /// Its name.
    pub(crate) name: PluginName,
    /// Its component.
    pub(crate) source: ComponentSource,
    /// Where.
    pub(crate) origin: Origin,
    /// What the file says.
    pub(crate) component: Arc<Component>,
}

/// A plugin that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocateError {
    /// It cannot be a name.
    #[error("{0}")]
    Name(#[from] tollgate_contract::IdError),
    /// Its component cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is not what was added under the name.
    #[error("plugin {name} is not what was added: {added} was added, {place} has {found}")]
    Changed {
        /// The plugin.
        name: String,
        /// The digest that was added.
        added: String,
        /// The digest that was found.
        found: String,
        /// Where.
        place: ComponentSource,
    },
    /// A path was given whose name means another component.
    #[error("the name {name} means {holder}, which is not the component {place}")]
    Taken {
        /// The name.
        name: String,
        /// What it means.
        holder: ComponentSource,
        /// What was given.
        place: ComponentSource,
    },
    /// A reference that this version does not follow.
    #[error(
        "component {component:?} of plugin {name} is a reference to a registry, which this version does not fetch"
    )]
    Reference {
        /// The plugin.
        name: String,
        /// The reference.
        component: String,
    },
    /// The policy files cannot be used.
    #[error("{0}")]
    Policy(String),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] tollgate_store::StoreError),
}

/// How the store writes down where a component is.
pub(crate) fn stored(source: &ComponentSource) -> String {
    match source {
        ComponentSource::File(path) => path.to_string_lossy().into_owned(),
        ComponentSource::Inside(name, _) => format!("{BUNDLED_PREFIX}{name}"),
    }
}

/// A name, and what it means or why it cannot be used.
pub(crate) type Listed = (String, Result<Located, LocateError>);

/// The plugins of one home and project.
pub(crate) struct Catalogue {
    store: Option<Arc<Store>>,
    layers: Mutex<Arc<Layers>>,
    bundled: Bundled,
    reader: Reader,
    /// Plugins that were named by their path in this process.
    by_path: Mutex<Vec<Located>>,
    added: Mutex<AddedPlugins>,
}

/// Names that are remembered, with what was added under them or that nothing was.
const ADDED_MAX: usize = 1024;

/// What was added, as it was at one generation of the store.
#[derive(Default)]
struct AddedPlugins {
    generation: u64,
    by_name: HashMap<PluginName, Option<Arc<RegisteredPlugin>>>,
}

impl Catalogue {
    /// A catalogue of these layers, what was added to `store`, and what is bundled.
    pub(crate) fn new(store: Option<Arc<Store>>, layers: Arc<Layers>, bundled: Bundled) -> Self {
        Self {
            store,
            layers: Mutex::new(layers),
            bundled,
            reader: Reader::default(),
            by_path: Mutex::default(),
            added: Mutex::default(),
        }
    }

    /// Uses these layers from now on.
    pub(crate) fn set_layers(&self, layers: Arc<Layers>) {
        *self.layers.lock().unwrap_or_else(PoisonError::into_inner) = layers;
    }

    /// The layers in use.
    pub(crate) fn layers(&self) -> Arc<Layers> {
        Arc::clone(&self.layers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What an operator typed: a path if it looks like one, else a name.
    pub(crate) fn find(&self, typed: &str) -> Result<Option<Located>, LocateError> {
        if typed.contains('/')
            || Path::new(typed)
                .extension()
                .is_some_and(|ending| ending == WASM)
        {
            self.at_path(Path::new(typed)).map(Some)
        } else {
            self.named(typed)
        }
    }

    /// The plugin that is called `name`.
    pub(crate) fn named(&self, name: &str) -> Result<Option<Located>, LocateError> {
        let Ok(name) = PluginName::new(name) else {
            return Ok(None);
        };
        {
            let by_path = self.by_path.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(located) = by_path.iter().find(|located| located.name == name) {
                return Ok(Some(located.clone()));
            }
        }
        self.installed(&name)
    }

    /// Every plugin that can be found, by name; those that cannot be used with their reason.
    pub(crate) fn all(&self) -> Result<Vec<Listed>, LocateError> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for file in &self.layers().files {
            names.extend(
                file.plugins
                    .iter()
                    .filter(|(_, policy)| policy.component.is_some())
                    .map(|(name, _)| name.clone()),
            );
        }
        if let Some(store) = &self.store {
            names.extend(
                store
                    .plugins()
                    .list()?
                    .into_iter()
                    .map(|added| added.plugin.name),
            );
        }
        names.extend(self.bundled.names());
        Ok(names
            .into_iter()
            .filter_map(|name| match self.named(&name) {
                Ok(located) => located.map(|located| (name, Ok(located))),
                Err(error) => Some((name, Err(error))),
            })
            .collect())
    }

    /// The providers that can be found.
    pub(crate) fn providers(&self) -> Result<Vec<Located>, LocateError> {
        let all = self.all()?;
        Ok(all
            .into_iter()
            .filter_map(|(_, located)| located.ok())
            .filter(|located| located.component.world == World::Provider)
            .collect())
    }

    fn at_path(&self, path: &Path) -> Result<Located, LocateError> {
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let name = PluginName::new(stem.unwrap_or_default())?;
        let path = std::path::absolute(path).map_err(|error| ReadError::File {
            place: path.to_owned().into(),
            why: error.to_string(),
        })?;
        self.introduce(path.into(), &name, false)
    }

    /// Gives a component a name for this process. A name that means another component is refused, unless
    /// it was added and shall be replaced: grants belong to a name, and a file must not get them by being
    /// called alike.
    pub(crate) fn introduce(
        &self,
        source: ComponentSource,
        name: &PluginName,
        replace: bool,
    ) -> Result<Located, LocateError> {
        let component = self.reader.read(&source)?;
        let holder = match self.installed(name) {
            Ok(holder) => holder.map(|holder| {
                (
                    holder.component.digest.clone(),
                    holder.source,
                    holder.origin,
                )
            }),
            // What was added may be gone or changed; its digest still holds the name.
            Err(LocateError::Changed { added, place, .. }) => Some((added, place, Origin::Added)),
            Err(LocateError::Read(_)) if replace => None,
            Err(error) => return Err(error),
        };
        if let Some((digest, held_by, origin)) = holder
            && digest != component.digest
            && !(replace && origin == Origin::Added)
        {
            return Err(LocateError::Taken {
                name: name.to_string(),
                holder: held_by,
                place: source,
            });
        }
        let located = Located {
            name: name.clone(),
            source,
            origin: Origin::Path,
            component,
        };
        let mut by_path = self.by_path.lock().unwrap_or_else(PoisonError::into_inner);
        by_path.retain(|known| known.name != *name);
        by_path.push(located.clone());
        Ok(located)
    }

    /// What was added under a name, read once per generation of the store.
    fn added(&self, name: &PluginName) -> Result<Option<Arc<RegisteredPlugin>>, LocateError> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        // Read first: what is added in between is seen as a newer generation, and read again.
        let generation = store.grants().generation()?;
        {
            let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
            if added.generation != generation {
                *added = AddedPlugins {
                    generation,
                    ..AddedPlugins::default()
                };
            }
            if let Some(known) = added.by_name.get(name) {
                return Ok(known.clone());
            }
        }
        let found = store.plugins().get(name.as_str())?.map(Arc::new);
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        if added.generation == generation && added.by_name.len() < ADDED_MAX {
            added.by_name.insert(name.clone(), found.clone());
        }
        Ok(found)
    }

    fn installed(&self, name: &PluginName) -> Result<Option<Located>, LocateError> {
        let added = self.added(name)?;
        let found = match self.in_policy(name)? {
            Some(found) => Some(found),
            None => match &added {
                Some(added) => Some((self.added_source(&added.plugin)?, Origin::Added)),
                None => self
                    .bundled
                    .get(name.as_str())
                    .map(|source| (source, Origin::Bundled)),
            },
        };
        let Some((source, origin)) = found else {
            return Ok(None);
        };
        let component = self.reader.read(&source)?;
        if let Some(added) = added
            && added.plugin.digest != component.digest
        {
            return Err(LocateError::Changed {
                name: name.to_string(),
                added: added.plugin.digest.clone(),
                found: component.digest.clone(),
                place: source,
            });
        }
        Ok(Some(Located {
            name: name.clone(),
            source,
            origin,
            component,
        }))
    }

    /// Where what was added is now. A bundled plugin that is gone is an error, as a file that is gone is:
    /// its name must not become free for another component.
    fn added_source(&self, added: &NewPlugin) -> Result<ComponentSource, ReadError> {
        let stored = added.component_path.as_str();
        let Some(bundled) = stored.strip_prefix(BUNDLED_PREFIX) else {
            return Ok(PathBuf::from(stored).into());
        };
        self.bundled.get(bundled).ok_or_else(|| ReadError::File {
            place: PathBuf::from(stored).into(),
            why: format!(
                "it is not in {}; `tollgate plugin rm {}` forgets it",
                self.bundled, added.name
            ),
        })
    }

    /// The component that a policy file names, the most binding file first.
    fn in_policy(
        &self,
        name: &PluginName,
    ) -> Result<Option<(ComponentSource, Origin)>, LocateError> {
        let layers = self.layers();
        for layer in [Layer::Managed, Layer::Project, Layer::User] {
            for file in layers
                .files
                .iter()
                .filter(|file| file.origin.layer == layer)
            {
                let component = file
                    .plugins
                    .get(name.as_str())
                    .and_then(|policy| policy.component.as_deref());
                let Some(component) = component else { continue };
                if component.contains("://") {
                    let (name, component) = (name.to_string(), component.to_owned());
                    return Err(LocateError::Reference { name, component });
                }
                let path = file.origin.base_dir.join(component);
                // A bare name with no such file beside the policy means the bundled plugin.
                let bare = !component.contains('/');
                let source = match self.bundled.get(component.trim_end_matches(".wasm")) {
                    Some(bundled) if bare && !path.exists() => bundled,
                    _ => path.into(),
                };
                let origin = match layer {
                    Layer::Managed => Origin::Managed,
                    Layer::Project => Origin::Project,
                    Layer::User => Origin::User,
                };
                return Ok(Some((source, origin)));
            }
        }
        Ok(None)
    }

    /// The files of components that can be found, and the directory of the bundled ones if they are files.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let all = self.all().unwrap_or_default();
        let own = all
            .into_iter()
            .filter_map(|(_, located)| located.ok())
            .filter(|located| located.origin != Origin::Bundled)
            .filter_map(|located| located.source.path().map(Path::to_owned));
        own.chain(self.bundled.directory()).collect()
    }

    /// Where a name is looked for, in words.
    pub(crate) fn places(&self) -> String {
        format!(
            "the policy files, the plugins that were added, and {}",
            self.bundled
        )
    }

    /// What is bundled.
    pub(crate) fn bundled(&self) -> &Bundled {
        &self.bundled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::testing::{component, house};

    #[test]
    fn a_name_that_was_added_means_that_component_and_no_other() {
        let (temp, store) = house();
        let bundled = temp.path().join("plugins");
        std::fs::create_dir(&bundled).unwrap();
        let first = bundled.join("tool.wasm");
        std::fs::write(&first, component("one", &[])).unwrap();
        let catalogue = Catalogue::new(
            Some(Arc::clone(&store)),
            Arc::default(),
            Bundled::In(bundled),
        );
        let found = catalogue.named("tool").unwrap().unwrap();
        assert_eq!(found.origin, Origin::Bundled);

        let alike = temp.path().join("tool.wasm");
        std::fs::write(&alike, component("two", &[])).unwrap();
        let taken = catalogue.find(alike.to_str().unwrap());
        assert!(matches!(taken, Err(LocateError::Taken { .. })), "{taken:?}");

        let other = temp.path().join("other.wasm");
        std::fs::write(&other, component("two", &[])).unwrap();
        let other_found = catalogue.find(other.to_str().unwrap()).unwrap().unwrap();
        assert_eq!(
            (other_found.name.as_str(), other_found.origin),
            ("other", Origin::Path)
        );

        store
            .plugins()
            .add(
                crate::plugins::testing::added("tool", &first, &found.component.digest),
                "os:me",
            )
            .unwrap();
        assert_eq!(
            catalogue.named("tool").unwrap().unwrap().origin,
            Origin::Added
        );
        std::fs::write(&first, component("changed", &[])).unwrap();
        let changed = catalogue.named("tool");
        assert!(
            matches!(changed, Err(LocateError::Changed { .. })),
            "{changed:?}"
        );
    }

    #[test]
    fn the_name_of_a_bundled_plugin_that_is_gone_is_not_free() {
        let (temp, store) = house();
        let alike = temp.path().join("tool.wasm");
        std::fs::write(&alike, component("two", &[])).unwrap();
        let mut added = crate::plugins::testing::added("tool", &alike, "sha256:00");
        added.component_path = format!("{BUNDLED_PREFIX}tool");
        store.plugins().add(added, "os:me").unwrap();
        let none = Bundled::In(temp.path().join("nothing"));
        let catalogue = Catalogue::new(Some(store), Arc::default(), none);
        for found in [
            catalogue.named("tool"),
            catalogue.find(alike.to_str().unwrap()),
        ] {
            assert!(matches!(found, Err(LocateError::Read(_))), "{found:?}");
            let told = found.unwrap_err().to_string();
            assert!(told.contains("tollgate plugin rm tool"), "{told}");
        }
    }

    #[test]
    fn what_is_nowhere_is_not_found() {
        let catalogue = Catalogue::new(None, Arc::default(), Bundled::In("/nowhere".into()));
        assert!(catalogue.named("tool").unwrap().is_none());
        assert!(catalogue.named("../tool").unwrap().is_none());
        assert!(catalogue.find("./tool.wasm").is_err());
        assert!(catalogue.all().unwrap().is_empty());
    }
}
