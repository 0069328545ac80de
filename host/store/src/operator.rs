//! Who is logged in as the operator of this store.

use crate::{Store, StoreError, changed, now_us};
use rusqlite::{OptionalExtension, params};

/// The operator who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Who, such as `os:ada`.
    pub subject: String,
    /// Who says so, such as `os` or the URL of an identity provider.
    pub issuer: String,
    /// Since when, microseconds since the Unix epoch.
    pub since_us: i64,
}

/// The login of the operator.
pub struct Operator<'a>(pub(crate) &'a Store);

impl Operator<'_> {
    /// Logs `subject` in, in place of whoever was.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn login(&self, subject: &str, issuer: &str) -> Result<Login, StoreError> {
        let login = Login {
            subject: subject.to_owned(),
            issuer: issuer.to_owned(),
            since_us: now_us(),
        };
        self.0.change(move |txn| {
            txn.connection()
                .prepare_cached(
                    "INSERT INTO operator (id, subject, issuer, since_us) VALUES (1, ?1, ?2, ?3)
                     ON CONFLICT (id) DO UPDATE SET subject = excluded.subject,
                     issuer = excluded.issuer, since_us = excluded.since_us",
                )?
                .execute(params![login.subject, login.issuer, login.since_us])?;
            let (who, issuer) = (login.subject.clone(), login.issuer.clone());
            changed(txn, "auth.login", who.clone(), who, issuer)?;
            Ok(login)
        })
    }

    /// Logs the operator out; false if nobody was logged in.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn logout(&self) -> Result<bool, StoreError> {
        self.0.change(|txn| {
            let who: Option<String> = txn
                .connection()
                .prepare_cached("DELETE FROM operator RETURNING subject")?
                .query_row([], |row| row.get(0))
                .optional()?;
            let was_in = who.is_some();
            if let Some(who) = who {
                changed(txn, "auth.logout", who.clone(), who, String::new())?;
            }
            Ok(was_in)
        })
    }

    /// Who is logged in.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn current(&self) -> Result<Option<Login>, StoreError> {
        self.0.readers.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT subject, issuer, since_us FROM operator")?
                .query_row([], |row| {
                    Ok(Login {
                        subject: row.get(0)?,
                        issuer: row.get(1)?,
                        since_us: row.get(2)?,
                    })
                })
                .optional()?)
        })
    }
}
