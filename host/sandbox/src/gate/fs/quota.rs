//! How much a session may add to a directory through one plugin: bytes and files.
//!
//! Counted is what the plugin's own writing makes longer, by a file's length: a sparse file counts as
//! long as it is. What it cuts off or removes is given back, never below zero; the bytes of a file that
//! is removed while it is open, or that has other names, are not. Counts last as long as the process.
//!
//! Invariant: what changes a length is done under the account's lock, so that calls of one session
//! that run at once cannot exceed together what one of them could not.

use super::os::{FileId, Kind, Metadata};
use std::collections::HashMap;
use std::fs::File;
use std::io::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Accounts that are remembered. Beyond it the one that was used longest ago, and by no call now, is
/// forgotten.
const ACCOUNTS_MAX: usize = 4096;

/// What is counted by itself: a directory of the host for a plugin in a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    session: String,
    plugin: String,
    directory: FileId,
}

/// All accounts of a host.
#[derive(Default)]
pub(super) struct Quotas(Mutex<Accounts>);

#[derive(Default)]
struct Accounts {
    by_key: HashMap<Key, (u64, Arc<Account>)>,
    uses: u64,
}

#[derive(Default)]
struct Account(Mutex<Used>);

#[derive(Default)]
struct Used {
    bytes: u64,
    files: u64,
    /// Files of the mount that calls have open.
    open: HashMap<FileId, u32>,
}

/// How much a call may add below one of its mounts.
#[derive(Clone)]
pub(super) struct Quota {
    account: Arc<Account>,
    bytes_max: u64,
    files_max: u64,
}

impl Quotas {
    /// The quota of a mount.
    pub(super) fn open(
        &self,
        session: &str,
        plugin: &str,
        directory: FileId,
        (bytes_max, files_max): (u64, u64),
    ) -> Quota {
        let key = Key {
            session: session.to_owned(),
            plugin: plugin.to_owned(),
            directory,
        };
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.uses += 1;
        let now = accounts.uses;
        let (used, account) = accounts.by_key.entry(key).or_default();
        *used = now;
        let account = Arc::clone(account);
        if accounts.by_key.len() > ACCOUNTS_MAX {
            accounts.forget_one();
        }
        Quota {
            account,
            bytes_max,
            files_max,
        }
    }
}

impl Accounts {
    fn forget_one(&mut self) {
        let idle =
            |(_, (_, account)): &(&Key, &(u64, Arc<Account>))| Arc::strong_count(account) == 1;
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
            let mut used = self.quota.used();
            used.files = used.files.saturating_sub(1);
        }
    }
}

impl Quota {
    fn used(&self) -> MutexGuard<'_, Used> {
        let used = &self.account.0;
        used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more file, directory or link; none where there is not.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        let mut used = self.used();
        if used.files >= self.files_max {
            return None;
        }
        used.files += 1;
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
        let more = end(before).saturating_sub(before);
        if more > 0 && used.bytes.saturating_add(more) > self.bytes_max {
            return Err(rustix::io::Errno::DQUOT.into());
        }
        let result = work();
        // Also where it failed: a part may have been written.
        let after = file.metadata()?.len();
        used.bytes = used.bytes.saturating_add(after).saturating_sub(before);
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
        used.bytes = used.bytes.saturating_sub(length);
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
            used.files = used.files.saturating_sub(1);
            let last = meta.nlink == 1 && !used.open.contains_key(&meta.id);
            if meta.kind == Kind::Regular && last {
                used.bytes = used.bytes.saturating_sub(meta.size_bytes);
            }
        }
        Ok(done)
    }

    /// Notes that a call has the file open.
    pub(super) fn hold(&self, id: FileId) -> Holding {
        *self.used().open.entry(id).or_default() += 1;
        Holding {
            quota: self.clone(),
            id,
        }
    }

    /// What an error says of the bound that was reached.
    pub(super) fn bounds(&self) -> String {
        format!(
            "{} bytes and {} files may be added",
            self.bytes_max, self.files_max
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
        let mut used = self.quota.used();
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
        let directory = FileId { dev: 1, ino: 2 };
        quotas.open(session, "p", directory, (10, 2))
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
