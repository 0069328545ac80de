//! The user's policy file, edited without touching what else is in it.

use crate::app::{App, policy_failure};
use crate::args::credential::Add;
use crate::errors::{Context, Done, Failure};
use crate::policy::layers;
use std::io::Write;
use std::path::PathBuf;
use tollgate_grants::{CredentialRule, Layer, policy};
use toml_edit::{DocumentMut, InlineTable, Item, Table, value};

/// The file, and what it is to hold.
pub(super) struct UserFile {
    path: PathBuf,
    document: DocumentMut,
}

impl UserFile {
    /// What is there, or a new one.
    pub(super) fn read(app: &App) -> Done<Self> {
        let path = app.home.policy();
        let text = layers::read(&path).map_err(policy_failure)?;
        let text = text.unwrap_or_else(|| "version = 1\n".to_owned());
        // A fault is told as everywhere: with its line.
        policy::parse(&text, &layers::origin(&path, Layer::User))
            .map_err(|error| policy_failure(error.into()))?;
        let document = text
            .parse()
            .doing(|| format!("{} cannot be edited", path.display()))?;
        Ok(Self { path, document })
    }

    /// Whether a credential of this name is in it.
    pub(super) fn defines(&self, name: &str) -> bool {
        let credentials = self.document.get("credentials");
        credentials.is_some_and(|all| all.get(name).is_some())
    }

    /// Puts a credential in.
    pub(super) fn define(&mut self, app: &App, args: &Add) -> Done {
        let source = match (&args.env, &args.file) {
            (Some(variable), _) => format!("env:{variable}"),
            (None, Some(path)) => {
                // A path in the file is relative to the file; what was typed is relative to here.
                let path = app.directory.join(path);
                format!("file:{}", path.display())
            }
            (None, None) => format!("keyring:{}", args.name),
        };
        let mut inject = InlineTable::new();
        match (&args.query, &args.basic) {
            (Some(name), _) => inject.insert("query", name.as_str().into()),
            (None, Some(user)) => inject.insert("basic", user.as_str().into()),
            (None, None) => {
                let header = args.header.as_deref().unwrap_or("authorization");
                inject.insert("header", header.to_ascii_lowercase().into());
                let template = args.value.as_deref().unwrap_or("Bearer {}");
                inject.insert("value", template.into())
            }
        };
        let mut table = Table::new();
        table.insert("source", value(source));
        table.insert("inject", value(inject));
        let credentials = self.document.entry("credentials").or_insert_with(|| {
            let mut all = Table::new();
            all.set_implicit(true);
            Item::Table(all)
        });
        let all = credentials.as_table_like_mut().ok_or_else(|| {
            Failure::input(format!(
                "`credentials` in {} is no table",
                self.path.display()
            ))
        })?;
        all.insert(&args.name, Item::Table(table));
        Ok(())
    }

    /// The credential as the host will read it.
    pub(super) fn rule(&self, name: &str) -> Done<CredentialRule> {
        let file = policy::parse(
            &self.document.to_string(),
            &layers::origin(&self.path, Layer::User),
        )
        .map_err(|error| policy_failure(error.into()))?;
        let rule = file.credentials.get(name).cloned();
        rule.ok_or_else(|| Failure::input(format!("{name:?} cannot name a credential")))
    }

    /// Takes a credential out.
    pub(super) fn remove(&mut self, name: &str) {
        if let Some(all) = self
            .document
            .get_mut("credentials")
            .and_then(Item::as_table_like_mut)
        {
            all.remove(name);
        }
    }

    /// Writes it in one rename, so that nobody reads half of it.
    pub(super) fn write(&self) -> Done {
        let cannot = || format!("{} cannot be written", self.path.display());
        let text = self.document.to_string();
        policy::parse(&text, &layers::origin(&self.path, Layer::User))
            .map_err(|error| policy_failure(error.into()))?;
        // A link is followed: what it leads to is the file.
        let path = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let directory = path
            .parent()
            .map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let mut fresh = tempfile::NamedTempFile::new_in(&directory).doing(cannot)?;
        fresh.write_all(text.as_bytes()).doing(cannot)?;
        if let Ok(before) = std::fs::metadata(&path) {
            fresh
                .as_file()
                .set_permissions(before.permissions())
                .doing(cannot)?;
        }
        fresh.as_file().sync_all().doing(cannot)?;
        fresh.persist(&path).doing(cannot)?;
        Ok(())
    }
}
