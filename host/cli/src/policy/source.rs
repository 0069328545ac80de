//! What each plugin may do, as the gate asks for it before every effect.
//!
//! The authority of a plugin in a session is built once and kept until something changes: a grant, a
//! policy file, a trusted digest, the component behind the name. The generation that the gate sees is
//! the store's plus the changes of files that this process has seen; both only grow, so no two states
//! of one process share a generation.
//!
//! Known weakness: policy files are looked at most every [`LOOK`]; a change counts that much later.

use super::layers::{LayerError, Layers, PolicyPaths, Stamp};
use crate::plugins::{Catalogue, LocateError, Located, World};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tollgate_grants::{
    Authority, AuthorityError, AuthorityInput, AuthoritySource, CallLimits, Capability, GrantId,
    Needs, RuleEffect, RuntimeGrant, Scope,
};
use tollgate_store::Store;

/// How often the policy files are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Authorities that are kept.
const KEPT_MAX: usize = 1024;
/// The id of the rules that `--no-allow-fixture-action` adds.
const WITHHELD: &str = "no-allow-fixture-action";
/// What those rules deny: every kind of effect on any target.
const WITHHELD_CAPABILITIES: [&str; 6] = [
    "fs.read * at *",
    "http * *",
    "tcp connect *:*",
    "env *",
    "kv *",
    "dns *",
];

/// The authority of every plugin, for one store and one project.
pub(crate) struct Authorities {
    store: Arc<Store>,
    paths: PolicyPaths,
    catalogue: Arc<Catalogue>,
    /// Deny the tools everything.
    withhold: bool,
    seen: Mutex<Seen>,
    kept: RwLock<HashMap<(String, String), Arc<Authority>>>,
    /// Projects of sessions.
    projects: RwLock<HashMap<String, String>>,
}

/// What this process knows of the world outside.
struct Seen {
    looked: Instant,
    stamps: Vec<Stamp>,
    store_generation: u64,
    /// Changes of files that were seen.
    changes: u64,
    broken: Option<AuthorityError>,
    /// The component behind each name, as it was handed out last.
    components: HashMap<String, String>,
}

impl Authorities {
    /// The authorities of this project, from layers that were just read into `catalogue`.
    pub(crate) fn new(
        store: Arc<Store>,
        paths: PolicyPaths,
        catalogue: Arc<Catalogue>,
        withhold: bool,
    ) -> Result<Self, AuthorityError> {
        let store_generation = generation(&store)?;
        let seen = Seen {
            looked: Instant::now(),
            stamps: paths.stamps(),
            store_generation,
            changes: 0,
            // Read again here, so that whoever joined the crates cannot leave a fault out.
            broken: load(&paths, &store).err().map(unreadable),
            components: HashMap::new(),
        };
        Ok(Self {
            store,
            paths,
            catalogue,
            withhold,
            seen: Mutex::new(seen),
            kept: RwLock::default(),
            projects: RwLock::default(),
        })
    }

    /// Says to which project a session belongs, for grants of that scope.
    pub(crate) fn set_project(&self, session: &str, project: &str) {
        let before = {
            let mut projects = self
                .projects
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            projects.insert(session.to_owned(), project.to_owned())
        };
        if before.as_deref() != Some(project) {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|(_, of), _| of != session);
        }
    }

    /// Forgets a session that is over.
    pub(crate) fn forget_session(&self, session: &str) {
        let mut projects = self
            .projects
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        projects.remove(session);
        drop(projects);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, of), _| of != session);
    }

    /// The plugin of this name as it is now, for the sandbox. A component that has changed since it was
    /// handed out counts as a change of authority.
    pub(crate) fn component(&self, name: &str) -> Result<Option<Located>, LocateError> {
        self.refresh()
            .map_err(|error| LocateError::Policy(error.to_string()))?;
        let located = self.catalogue.named(name)?;
        if let Some(located) = &located {
            let mut seen = self.seen();
            let digest = located.component.digest.clone();
            let before = seen.components.insert(name.to_owned(), digest.clone());
            if before.is_some_and(|before| before != digest) {
                seen.changes = seen.changes.saturating_add(1);
            }
        }
        Ok(located)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks whether anything has changed, and gives the generation.
    fn refresh(&self) -> Result<u64, AuthorityError> {
        let store_generation = generation(&self.store)?;
        let mut seen = self.seen();
        let mut changed = seen.store_generation != store_generation;
        seen.store_generation = store_generation;
        if seen.looked.elapsed() >= LOOK {
            seen.looked = Instant::now();
            let stamps = self.paths.stamps();
            if stamps != seen.stamps {
                seen.stamps = stamps;
                seen.changes = seen.changes.saturating_add(1);
                changed = true;
            }
        }
        if changed {
            seen.broken = match load(&self.paths, &self.store) {
                Ok(layers) => {
                    self.catalogue.set_layers(Arc::new(layers));
                    None
                }
                Err(error) => Some(unreadable(error)),
            };
        }
        Ok(store_generation.saturating_add(seen.changes))
    }

    fn build(&self, plugin: &str, session: &str) -> Result<Arc<Authority>, AuthorityError> {
        let located = self
            .catalogue
            .named(plugin)
            .map_err(|error| AuthorityError::Unreadable(error.to_string()))?
            .ok_or_else(|| AuthorityError::UnknownPlugin(plugin.to_owned()))?;
        // Changes of files are counted before the grants are read: what changes in between is seen as
        // a newer generation and built again.
        let changes = self.seen().changes;
        let (mut runtime, store_generation) = self
            .store
            .grants()
            .snapshot(plugin)
            .map_err(|error| AuthorityError::Unreadable(error.to_string()))?;
        if self.withhold && located.component.world != World::Provider {
            runtime.extend(withheld(plugin));
        }
        let layers = self.catalogue.layers();
        let projects = self.projects.read().unwrap_or_else(PoisonError::into_inner);
        let authority = Authority::new(AuthorityInput {
            plugin_digest: &located.component.digest,
            session,
            project: projects.get(session).map(String::as_str),
            needs: Needs::Declared(located.component.needs.clone()),
            layers: &layers.files,
            runtime: &runtime,
            generation: store_generation.saturating_add(changes),
            now_us: crate::time::now_us(),
            defaults: match located.component.world {
                World::Provider => CallLimits::of_provider(),
                _ => CallLimits::default(),
            },
            ..AuthorityInput::new(plugin)
        })?;
        Ok(Arc::new(authority))
    }
}

impl AuthoritySource for Authorities {
    fn authority(&self, plugin: &str, session: &str) -> Result<Arc<Authority>, AuthorityError> {
        let generation = self.refresh()?;
        if let Some(broken) = &self.seen().broken {
            return Err(broken.clone());
        }
        let key = (plugin.to_owned(), session.to_owned());
        {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(authority) = kept.get(&key)
                && authority.generation() == generation
            {
                return Ok(Arc::clone(authority));
            }
        }
        let authority = self.build(plugin, session)?;
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&authority));
        Ok(authority)
    }

    fn generation(&self) -> Result<u64, AuthorityError> {
        self.refresh()
    }

    fn consume_use(&self, grant: &GrantId) -> Result<bool, AuthorityError> {
        self.store
            .grants()
            .consume_use(grant.as_str())
            .map_err(|error| AuthorityError::Unreadable(error.to_string()))
    }
}

/// Reads the layers, with the trust that is in the store.
pub(crate) fn load(paths: &PolicyPaths, store: &Store) -> Result<Layers, LayerError> {
    Layers::load(paths, |path| {
        let trusted = store
            .trust()
            .get(&path.to_string_lossy())
            .map_err(|error| error.to_string())?;
        Ok(trusted.map(|trusted| trusted.digest))
    })
}

fn generation(store: &Store) -> Result<u64, AuthorityError> {
    store
        .grants()
        .generation()
        .map_err(|error| AuthorityError::Unreadable(error.to_string()))
}

fn unreadable(error: LayerError) -> AuthorityError {
    match error {
        LayerError::Policy(error) => AuthorityError::Policy(error),
        other => AuthorityError::Unreadable(other.to_string()),
    }
}

/// Rules that deny a plugin everything.
fn withheld(plugin: &str) -> impl Iterator<Item = RuntimeGrant> {
    WITHHELD_CAPABILITIES.iter().filter_map(move |text| {
        Some(RuntimeGrant {
            id: WITHHELD.into(),
            plugin: plugin.to_owned(),
            plugin_digest: None,
            capability: text.parse::<Capability>().ok()?,
            effect: RuleEffect::Deny,
            scope: Scope::Always,
            who: String::new(),
            why: None,
            created_us: 0,
            expires_us: None,
            uses_max: None,
            retryable: false,
            uses: 0,
            revoked_us: None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::testing::{component, house};
    use tollgate_grants::{Effect, FsOp};

    fn sources(root: &std::path::Path, store: &Arc<Store>, withhold: bool) -> Authorities {
        let plugins = root.join("plugins");
        std::fs::create_dir_all(&plugins).unwrap();
        std::fs::write(
            plugins.join("tool.wasm"),
            component("", &["fs.full * at *"]),
        )
        .unwrap();
        let paths = PolicyPaths {
            managed: root.join("managed.toml"),
            user: root.join("user.toml"),
            project: Some(root.join("project.toml")),
        };
        let layers = Arc::new(load(&paths, store).unwrap());
        let catalogue = Arc::new(Catalogue::new(
            Some(Arc::clone(store)),
            layers,
            crate::plugins::Bundled::In(plugins),
        ));
        Authorities::new(Arc::clone(store), paths, catalogue, withhold).unwrap()
    }

    /// Whether the tool may list a directory, in a session.
    fn lists(sources: &Authorities, guest_mount: &str, session: &str) -> bool {
        let effect = Effect::Fs {
            op: FsOp::List,
            guest_mount,
            path: "",
        };
        let authority = sources.authority("tool", session).unwrap();
        assert_eq!(authority.generation(), sources.generation().unwrap());
        authority
            .decide(&effect, crate::time::now_us())
            .is_allowed()
    }

    fn grant(capability: &str, scope: Scope) -> RuntimeGrant {
        RuntimeGrant {
            id: format!("g-{capability}"),
            plugin: "tool".into(),
            plugin_digest: None,
            capability: capability.parse().unwrap(),
            effect: RuleEffect::Allow,
            scope,
            who: "os:me".into(),
            why: None,
            created_us: 1,
            expires_us: None,
            uses_max: None,
            retryable: false,
            uses: 0,
            revoked_us: None,
        }
    }

    /// Waits until the files are looked at again.
    fn later() {
        std::thread::sleep(LOOK * 2);
    }

    #[test]
    fn grants_and_files_count_as_soon_as_they_change() {
        let (temp, store) = house();
        let root = temp.path();
        let sources = sources(root, &store, false);
        assert!(!lists(&sources, "/a", "s"));

        let before = sources.generation().unwrap();
        store
            .grants()
            .add(grant("fs.read /srv at /a", Scope::Always))
            .unwrap();
        assert!(sources.generation().unwrap() > before);
        assert!(lists(&sources, "/a", "s"));
        store
            .grants()
            .revoke("g-fs.read /srv at /a", "os:me")
            .unwrap();
        assert!(!lists(&sources, "/a", "s"));

        let before = sources.generation().unwrap();
        let policy = "version = 1\n[plugins.tool]\ngrants = [\"fs.read /srv at /b\"]\n";
        std::fs::write(root.join("user.toml"), policy).unwrap();
        later();
        assert!(lists(&sources, "/b", "s"));
        assert!(sources.generation().unwrap() > before);

        std::fs::write(root.join("user.toml"), "version = [").unwrap();
        later();
        assert!(matches!(
            sources.authority("tool", "s"),
            Err(AuthorityError::Policy(_))
        ));
        std::fs::remove_file(root.join("user.toml")).unwrap();
        later();
        assert!(!lists(&sources, "/b", "s"));
    }

    #[test]
    fn a_projects_file_counts_from_the_moment_of_trust_until_it_changes() {
        let (temp, store) = house();
        let root = temp.path();
        let file = root.join("project.toml");
        std::fs::create_dir(root.join("src")).unwrap();
        std::fs::write(
            &file,
            "version = 1\n[plugins.tool]\ngrants = [\"fs.read src at /p\"]\n",
        )
        .unwrap();
        let sources = sources(root, &store, false);
        assert!(!lists(&sources, "/p", "s"));

        let digest = super::super::layers::digest(&std::fs::read(&file).unwrap());
        store
            .trust()
            .add(file.to_str().unwrap(), &digest, "os:me")
            .unwrap();
        assert!(lists(&sources, "/p", "s"));

        std::fs::write(
            &file,
            "version = 1\n[plugins.tool]\ngrants = [\"fs.full . at /p\"]\n",
        )
        .unwrap();
        later();
        assert!(!lists(&sources, "/p", "s"));
    }

    #[test]
    fn a_scope_reaches_its_session_and_its_project() {
        let (temp, store) = house();
        let sources = sources(temp.path(), &store, false);
        store
            .grants()
            .add(grant("fs.read /srv at /a", Scope::Session("one".into())))
            .unwrap();
        store
            .grants()
            .add(grant("fs.read /srv at /b", Scope::Project("p".into())))
            .unwrap();
        assert!(!lists(&sources, "/b", "two"));
        sources.set_project("two", "p");
        assert!(lists(&sources, "/a", "one") && !lists(&sources, "/a", "two"));
        assert!(lists(&sources, "/b", "two") && !lists(&sources, "/b", "one"));
    }

    #[test]
    fn what_is_withheld_is_denied_by_a_rule() {
        let (temp, store) = house();
        let sources = sources(temp.path(), &store, true);
        store
            .grants()
            .add(grant("fs.read /srv at /a", Scope::Always))
            .unwrap();
        assert!(!lists(&sources, "/a", "s"));
        let rules: Vec<_> = withheld("tool").collect();
        assert_eq!(rules.len(), WITHHELD_CAPABILITIES.len());
        assert!(rules.iter().all(|rule| rule.capability.deniable().is_ok()));
    }

    #[test]
    fn a_component_that_changes_is_a_change_of_authority() {
        let (temp, store) = house();
        let sources = sources(temp.path(), &store, false);
        let first = sources.component("tool").unwrap().unwrap();
        let before = sources.generation().unwrap();
        let file = temp.path().join("plugins/tool.wasm");
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, component("other", &[])).unwrap();
        let second = sources.component("tool").unwrap().unwrap();
        assert_ne!(first.component.digest, second.component.digest);
        assert!(sources.generation().unwrap() > before);
        assert!(sources.authority("nobody", "s").is_err());
    }
}
