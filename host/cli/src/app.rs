//! What every command works with, made when it is first needed.
//!
//! Invariants:
//! - Nothing is created in the home before a command that must write asks for [`App::store`].
//! - Verbs of a session ask for the operator first, before they read or write anything else.

use crate::env_vars;
use crate::errors::{Context, Done, Failure};
use crate::home::{Home, Project};
use crate::identity::Identity;
use crate::plugins::{Bundled, Catalogue};
use crate::policy::layers::LayerError;
use crate::policy::{Layers, PolicyPaths, source};
use crate::printer::Printer;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tollgate_sessions::event::Operator;
use tollgate_store::{Store, StoreError};

/// One process's view of the world.
pub(crate) struct App {
    /// Where things are.
    pub(crate) home: Home,
    /// The project of the working directory.
    pub(crate) project: Project,
    /// The working directory, absolute.
    pub(crate) directory: PathBuf,
    /// The way out.
    pub(crate) printer: Printer,
    /// The operating system's user.
    pub(crate) identity: Identity,
    store: OnceLock<Arc<Store>>,
}

impl App {
    /// The app of this process's environment and working directory.
    pub(crate) fn from_environment(printer: Printer) -> Done<Self> {
        let directory = std::env::current_dir().doing(|| "the working directory is gone".into())?;
        Ok(Self::new(Home::from_environment()?, directory, printer))
    }

    /// An app with a home of its own, working in `directory`.
    pub(crate) fn new(home: Home, directory: PathBuf, printer: Printer) -> Self {
        Self {
            project: Project::find(&directory, &home),
            identity: Identity::of_this_process(),
            store: OnceLock::new(),
            home,
            directory,
            printer,
        }
    }

    /// The store, made if it is not there.
    pub(crate) fn store(&self) -> Done<Arc<Store>> {
        if let Some(store) = self.store.get() {
            return Ok(Arc::clone(store));
        }
        self.home.create()?;
        let store = Store::open(&self.home.store()).map_err(|error| Failure::Failed {
            what: format!(
                "the store in {} cannot be opened",
                self.home.state.display()
            ),
            remedy: matches!(error, StoreError::Damaged(_))
                .then(|| "tollgate ledger repair".to_owned()),
            source: error.into(),
        })?;
        Ok(Arc::clone(self.store.get_or_init(|| Arc::new(store))))
    }

    /// The store, if there is one; nothing is made.
    pub(crate) fn store_if_there(&self) -> Done<Option<Arc<Store>>> {
        if self.home.exists() {
            self.store().map(Some)
        } else {
            Ok(None)
        }
    }

    /// The operator who is logged in; without one `command` is refused.
    pub(crate) fn operator(&self, command: &str) -> Done<Operator> {
        let refused = || Failure::NoLogin {
            command: command.to_owned(),
        };
        let store = self.store_if_there()?.ok_or_else(refused)?;
        let login = store
            .operator()
            .current()
            .doing(|| "the login cannot be read".into())?;
        let login = login.ok_or_else(refused)?;
        if login.subject != self.identity.subject {
            // A home that another user has logged in to is not theirs to use.
            return Err(refused());
        }
        Ok(Operator {
            subject: login.subject,
            issuer: login.issuer,
        })
    }

    /// Who acts where no login is needed.
    pub(crate) fn user(&self) -> Operator {
        Operator {
            subject: self.identity.subject.clone(),
            issuer: self.identity.issuer.clone(),
        }
    }

    /// Where the policy files are.
    pub(crate) fn policy_paths(&self) -> PolicyPaths {
        PolicyPaths::of(&self.home, &self.project)
    }

    /// The policy files in force here; a fault in one is an error that shows its line.
    pub(crate) fn layers(&self) -> Done<Layers> {
        let paths = self.policy_paths();
        let loaded = match self.store_if_there()? {
            Some(store) => source::load(&paths, &store),
            None => Layers::load(&paths, |_| Ok(None)),
        };
        loaded.map_err(policy_failure)
    }

    /// The plugins that can be found with these layers.
    pub(crate) fn catalogue_with(&self, store: &Arc<Store>, layers: Layers) -> Arc<Catalogue> {
        Arc::new(Catalogue::new(
            Some(Arc::clone(store)),
            Arc::new(layers),
            bundled(),
        ))
    }

    /// The plugins that can be found from here.
    pub(crate) fn catalogue(&self) -> Done<Catalogue> {
        let catalogue = self.catalogue_without_policy()?;
        catalogue.set_layers(Arc::new(self.layers()?));
        Ok(catalogue)
    }

    /// The plugins that were added and those that are bundled.
    pub(crate) fn catalogue_without_policy(&self) -> Done<Catalogue> {
        Ok(Catalogue::new(
            self.store_if_there()?,
            Arc::default(),
            bundled(),
        ))
    }
}

/// The error of a policy file, for people.
pub(crate) fn policy_failure(error: LayerError) -> Failure {
    Failure::Policy {
        remedy: match &error {
            LayerError::Policy(_) => "correct that line, then run `tollgate policy check`".into(),
            LayerError::Unreadable { .. } => "make the file readable, or remove it".into(),
            LayerError::Trust(_) => "tollgate doctor".into(),
        },
        rendered: error.to_string(),
    }
}

/// The plugins inside the program, unless the environment names a directory of others.
fn bundled() -> Bundled {
    env_vars::TOLLGATE_PLUGINS
        .path()
        .map_or(Bundled::Inside, Bundled::In)
}
