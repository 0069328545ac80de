//! Changes of credentials, as entries of the ledger: which name means a secret where, never the secret.
//!
//! The definitions stand in the operator's policy file. An entry comes before the file is changed, and another one
//! says what came of it: where there is none, a crash has hidden it.

use crate::{Store, StoreError, changed};

/// What is about to be done to a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialChange {
    /// It is defined, perhaps in place of an earlier one.
    Add,
    /// It is forgotten.
    Remove,
    /// What the entry before said was done.
    Done,
    /// It was not.
    Failed,
}

/// The record of credentials.
pub struct Credentials<'a>(pub(crate) &'a Store);

impl Credentials<'_> {
    /// Records what is about to be done to the credential `name`, or what came of it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written: then what is about to be done must not be.
    pub fn record(
        &self,
        change: CredentialChange,
        name: &str,
        detail: &str,
        who: &str,
    ) -> Result<(), StoreError> {
        let what = match change {
            CredentialChange::Add => "credential.add",
            CredentialChange::Remove => "credential.rm",
            CredentialChange::Done => "credential.done",
            CredentialChange::Failed => "credential.failed",
        };
        let (name, detail, who) = (name.to_owned(), detail.to_owned(), who.to_owned());
        self.0
            .change(move |txn| changed(txn, what, who, name, detail))
    }
}
