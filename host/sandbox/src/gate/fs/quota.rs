//! How much a session may add to a directory through one plugin: bytes and files.
//!
//! Counted is what the plugin's own writing makes longer, by a file's length: a sparse file counts as
//! long as it is. What it cuts off or removes is given back, never below zero; the bytes of a file that
//! is removed while it is open, or that has other names, are not. How long counts last is told in [`account`].
//!
//! Invariant: what changes a length is done under the account's lock, so that calls of one session
//! that run at once cannot exceed together what one of them could not.

mod account;

use super::os::{FileId, Kind, Metadata};
use crate::services::{Amount, QuotaBook, QuotaKey};
use account::{Account, Used};
use std::collections::HashMap;
use std::fs::File;
use std::io::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Accounts that are remembered. Beyond it the one that was used longest ago, and by no call now, is
/// forgotten.
const ACCOUNTS_MAX: usize = 4096;

/// All accounts of a host.
#[derive(Default)]
pub(super) struct Quotas(Mutex<Accounts>);

#[derive(Default)]
struct Accounts {
    by_key: HashMap<QuotaKey, (u64, Arc<Account>)>,
    uses: u64,
}

/// How much a call may add below one of its mounts.
#[derive(Clone)]
pub(super) struct Quota {
    account: Arc<Account>,
    max: Amount,
}

impl Quotas {
    /// The quota of a mount; `book` is where the account of a session that outlives this process stands.
    pub(super) fn open(
        &self,
        key: QuotaKey,
        max: Amount,
        book: Option<&Arc<dyn QuotaBook>>,
    ) -> Quota {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.uses += 1;
        let now = accounts.uses;
        let fresh = Account::new(&key, book);
        let (used, account) = accounts
            .by_key
            .entry(key)
            .or_insert_with(|| (now, Arc::new(fresh)));
        *used = now;
        let account = Arc::clone(account);
        if accounts.by_key.len() > ACCOUNTS_MAX {
            accounts.forget_one();
        }
        Quota { account, max }
    }

    /// Gives back what a plugin's calls in a session took of their quotas and did not use. Blocking.
    pub(super) fn settle(&self, session: &str, plugin: &str) {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found: Vec<Arc<Account>> = accounts
            .by_key
            .iter()
            .filter(|(key, _)| key.session == session && key.plugin == plugin)
            .map(|(_, (_, account))| Arc::clone(account))
            .collect();
        drop(accounts);
        for account in found {
            account.settle();
        }
    }
}

impl Accounts {
    fn forget_one(&mut self) {
        let idle =
            |(_, (_, account)): &(&QuotaKey, &(u64, Arc<Account>))| Arc::strong_count(account) == 1;
        let oldest = self
            .by_key
            .iter()
            .filter(idle)
            .min_by_key(|(_, (used, _))| *used)
            .map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.by_key.remove(&key);
        }
    }
}

/// The place of a file that is about to be made; given back unless it is kept.
pub(super) struct Place<'a> {
    quota: &'a Quota,
    kept: bool,
}

impl Place<'_> {
    /// The file was made.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.kept {
            let mut used = self.quota.account.known();
            used.now.files = used.now.files.saturating_sub(1);
        }
    }
}

impl Quota {
    fn used(&self) -> MutexGuard<'_, Used> {
        self.account.used()
    }

    /// Room for one more file, directory or link; none where there is not.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        let mut used = self.used();
        let one = Amount { bytes: 0, files: 1 };
        if !self.account.has_room(&mut used, one, self.max) {
            return None;
        }
        used.now = used.now.plus(one);
        drop(used);
        Some(Place {
            quota: self,
            kept: false,
        })
    }

    /// Does what may make `file` as long as `end` tells of its present length, if there is room.
    ///
    /// # Errors
    ///
    /// `EDQUOT` where there is not; what `work` fails with.
    pub(super) fn growing<T>(
        &self,
        file: &File,
        end: impl FnOnce(u64) -> u64,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut used = self.used();
        let before = file.metadata()?.len();
        let more = Amount {
            bytes: end(before).saturating_sub(before),
            files: 0,
        };
        if more.bytes > 0 && !self.account.has_room(&mut used, more, self.max) {
            return Err(rustix::io::Errno::DQUOT.into());
        }
        let result = work();
        // Also where it failed: a part may have been written.
        let after = file.metadata()?.len();
        let bytes = used.now.bytes.saturating_add(after);
        used.now.bytes = bytes.saturating_sub(before);
        result
    }

    /// Does what empties the file that has `length` bytes.
    pub(super) fn emptying<T, E>(
        &self,
        length: impl FnOnce() -> u64,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut used = self.used();
        let length = length();
        let done = work()?;
        used.now.bytes = used.now.bytes.saturating_sub(length);
        Ok(done)
    }

    /// Does what removes the name of `what`.
    pub(super) fn removing<T, E>(
        &self,
        what: impl FnOnce() -> Option<Metadata>,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut used = self.used();
        let what = what();
        let done = work()?;
        if let Some(meta) = what {
            used.now.files = used.now.files.saturating_sub(1);
            let last = meta.nlink == 1 && !used.open.contains_key(&meta.id);
            if meta.kind == Kind::Regular && last {
                used.now.bytes = used.now.bytes.saturating_sub(meta.size_bytes);
            }
        }
        Ok(done)
    }

    /// Notes that a call has the file open.
    pub(super) fn hold(&self, id: FileId) -> Holding {
        *self.account.known().open.entry(id).or_default() += 1;
        Holding {
            quota: self.clone(),
            id,
        }
    }

    /// What an error says of the bound that was reached.
    pub(super) fn bounds(&self) -> String {
        format!(
            "{} bytes and {} files may be added",
            self.max.bytes, self.max.files
        )
    }
}

/// A file that a call has open.
pub(super) struct Holding {
    quota: Quota,
    id: FileId,
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut used = self.quota.account.known();
        let last = used.open.get_mut(&self.id).is_none_or(|count| {
            *count = count.saturating_sub(1);
            *count == 0
        });
        if last {
            used.open.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn quota(quotas: &Quotas, session: &str) -> Quota {
        let key = QuotaKey {
            session: session.to_owned(),
            plugin: "p".to_owned(),
            directory: (1, 2),
        };
        let max = Amount {
            bytes: 10,
            files: 2,
        };
        quotas.open(key, max, None)
    }

    fn append(quota: &Quota, file: &File, bytes: &[u8]) -> Result<(), Error> {
        let end = |length| length + bytes.len() as u64;
        quota.growing(file, end, || (&*file).write_all(bytes))
    }

    #[test]
    fn bytes_are_shared_by_the_calls_of_a_session_and_given_back() {
        let quotas = Quotas::default();
        let (one, other) = (quota(&quotas, "s"), quota(&quotas, "s"));
        let file = tempfile::tempfile().unwrap();
        append(&one, &file, b"123456").unwrap();
        let refused = append(&other, &file, b"12345").unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(122));
        append(&other, &file, b"1234").unwrap();
        assert!(append(&one, &file, b"1").is_err());
        append(&quota(&quotas, "another session"), &file, b"1").unwrap();
        one.growing(&file, |_| 3, || file.set_len(3)).unwrap();
        append(&other, &file, b"12345678").unwrap();
    }

    #[test]
    fn calls_that_write_at_once_add_together_what_one_of_them_could() {
        let quotas = Quotas::default();
        let home = tempfile::tempdir().unwrap();
        let grown: usize = std::thread::scope(|threads| {
            let writers: Vec<_> = (0..32)
                .map(|n| {
                    let (quota, path) = (quota(&quotas, "s"), home.path().join(n.to_string()));
                    threads.spawn(move || {
                        let file = File::create(path).unwrap();
                        let slowly = || {
                            std::thread::sleep(std::time::Duration::from_millis(5));
                            (&file).write_all(b"123")
                        };
                        usize::from(quota.growing(&file, |length| length + 3, slowly).is_ok())
                    })
                })
                .collect();
            let ended = writers.into_iter().map(|writer| writer.join().unwrap());
            ended.sum()
        });
        assert_eq!(grown, 3, "ten bytes have room for three times three");
        let file = tempfile::tempfile().unwrap();
        append(&quota(&quotas, "s"), &file, b"1").unwrap();
        append(&quota(&quotas, "s"), &file, b"1").unwrap_err();
    }

    #[test]
    fn a_sparse_file_counts_as_long_as_it_is() {
        let quotas = Quotas::default();
        let quota = quota(&quotas, "s");
        let file = tempfile::tempfile().unwrap();
        assert!(quota.growing(&file, |_| 11, || file.set_len(11)).is_err());
        quota.growing(&file, |_| 10, || file.set_len(10)).unwrap();
        // Writing where it is long already adds nothing.
        quota
            .growing(&file, |_| 5, || (&file).write_all(b"12345"))
            .unwrap();
        assert!(append(&quota, &file, b"1").is_err());
    }

    #[test]
    fn places_are_given_back_unless_kept() {
        let quotas = Quotas::default();
        let quota = quota(&quotas, "s");
        quota.place().unwrap().keep();
        drop(quota.place().unwrap());
        quota.place().unwrap().keep();
        assert!(quota.place().is_none());
    }

    #[test]
    fn bytes_of_a_file_that_is_still_open_or_has_another_name_are_not_given_back() {
        let quotas = Quotas::default();
        let quota = quota(&quotas, "s");
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a");
        let add = |bytes: &[u8]| {
            let file = File::create(&path).unwrap();
            append(&quota, &file, bytes)
        };
        let look = || Metadata::of(File::open(&path).unwrap(), "a").ok();
        let remove = || {
            quota
                .removing(look, || std::fs::remove_file(&path))
                .unwrap()
        };
        add(b"12345").unwrap();
        let held = quota.hold(look().unwrap().id);
        let again = quota.hold(look().unwrap().id);
        drop(again);
        remove();
        drop(held);
        assert!(add(b"123456").is_err(), "the open one was not given back");
        add(b"12345").unwrap();
        remove();
        add(b"12345").unwrap();
        std::fs::hard_link(&path, home.path().join("b")).unwrap();
        remove();
        assert!(add(b"1").is_err(), "it has another name");
    }

    #[test]
    fn what_is_used_now_is_never_forgotten() {
        let quotas = Quotas::default();
        let kept = quota(&quotas, "first");
        kept.place().unwrap().keep();
        kept.place().unwrap().keep();
        for n in 0..ACCOUNTS_MAX + 10 {
            quota(&quotas, &format!("{n}"));
        }
        assert!(quota(&quotas, "first").place().is_none());
        assert!(quotas.0.lock().unwrap().by_key.len() <= ACCOUNTS_MAX + 1);
    }
}
