//! One account: what counts now, and what of the quota may still be used.
//!
//! The session of a single call, or of a client, lasts as long as its process, and so does its account. A session
//! with a lease outlives processes: its account stands in a book of the host's. So that no write waits for the
//! book, more is taken from it at once than is needed, and what was not used is given back at the end of the call.
//!
//! Invariant: what the book counts is never less than what counts now; what a process had taken when it died
//! stays counted.

use super::super::os::FileId;
use crate::services::{Amount, QuotaBook, QuotaKey};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is taken from the book at once, at most, and as a part of the quota.
const TAKEN_BYTES_MAX: u64 = 1024 * 1024;
const TAKEN_FILES_MAX: u64 = 64;
const TAKEN_PART: u64 = 16;

/// One account.
pub(super) struct Account {
    used: Mutex<Used>,
    book: Option<Booked>,
}

/// Where the account of a session that outlives this process stands.
struct Booked {
    key: QuotaKey,
    book: Arc<dyn QuotaBook>,
}

/// What of an account is used.
#[derive(Default)]
pub(super) struct Used {
    pub(super) now: Amount,
    /// Files of the mount that calls have open.
    pub(super) open: HashMap<FileId, u32>,
    /// What the book counts, as far as this process knows; none before it was looked at.
    taken: Option<Amount>,
}

impl Account {
    pub(super) fn new(key: &QuotaKey, book: Option<&Arc<dyn QuotaBook>>) -> Self {
        Self {
            used: Mutex::default(),
            book: book.map(|book| Booked {
                key: key.clone(),
                book: Arc::clone(book),
            }),
        }
    }

    /// What is used, as far as it is known: never waits for the book.
    pub(super) fn known(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is used. The book is looked at first, if there is one; where it cannot be read, nothing may be added.
    pub(super) fn used(&self) -> MutexGuard<'_, Used> {
        let mut used = self.known();
        if let (Some(booked), None) = (&self.book, used.taken)
            && let Ok((now, _)) = booked.take(Amount::default(), Amount::default())
        {
            used.now = now;
            used.taken = Some(now);
        }
        used
    }

    /// Whether there is room for `more` below `max`.
    pub(super) fn has_room(&self, used: &mut Used, more: Amount, max: Amount) -> bool {
        let wanted = used.now.plus(more);
        if !wanted.within(max) {
            return false;
        }
        let (booked, taken) = match (&self.book, used.taken) {
            (None, _) => return true,
            (Some(_), None) => return false,
            (Some(booked), Some(taken)) => (booked, taken),
        };
        if wanted.within(taken) {
            return true;
        }
        let lacks = wanted.minus(taken);
        let Ok((before, after)) = booked.take(at_once(lacks, max), max) else {
            return false;
        };
        // What others have come to count meanwhile is used.
        used.now = used.now.plus(before.minus(taken));
        used.taken = Some(after);
        used.now.plus(more).within(after)
    }

    /// Gives back what was taken and not used. What cannot be given back stays taken.
    pub(super) fn settle(&self) {
        let mut used = self.known();
        let (Some(booked), Some(taken)) = (&self.book, used.taken) else {
            return;
        };
        let rest = taken.minus(used.now);
        if rest != Amount::default() && booked.book.give_back(&booked.key, rest).is_ok() {
            used.taken = Some(taken.minus(rest));
        }
    }
}

impl Booked {
    fn take(&self, most: Amount, max: Amount) -> Result<(Amount, Amount), String> {
        self.book.take(&self.key, most, max)
    }
}

/// What to take where so much is lacking.
fn at_once(lacks: Amount, max: Amount) -> Amount {
    let more = |lacks: u64, max: u64, taken_max: u64| match lacks {
        0 => 0,
        lacks => lacks.max(taken_max.min(max / TAKEN_PART)),
    };
    Amount {
        bytes: more(lacks.bytes, max.bytes, TAKEN_BYTES_MAX),
        files: more(lacks.files, max.files, TAKEN_FILES_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Quota, Quotas};
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;

    /// A book in memory; who has `Quotas` of its own is a process.
    #[derive(Default)]
    struct Book {
        row: Mutex<Amount>,
        asked: Mutex<usize>,
    }

    impl QuotaBook for Book {
        fn take(
            &self,
            _: &QuotaKey,
            most: Amount,
            max: Amount,
        ) -> Result<(Amount, Amount), String> {
            *self.asked.lock().unwrap() += 1;
            let mut row = self.row.lock().unwrap();
            let before = *row;
            let add = |row: u64, most: u64, max: u64| row + most.min(max.saturating_sub(row));
            row.bytes = add(before.bytes, most.bytes, max.bytes);
            row.files = add(before.files, most.files, max.files);
            Ok((before, *row))
        }

        fn give_back(&self, _: &QuotaKey, rest: Amount) -> Result<(), String> {
            let mut row = self.row.lock().unwrap();
            *row = row.minus(rest);
            Ok(())
        }
    }

    impl Book {
        fn open(self: &Arc<Self>, process: &Quotas, bytes: u64, files: u64) -> Quota {
            let key = QuotaKey {
                session: "s".into(),
                plugin: "p".into(),
                directory: (1, 2),
            };
            let book: Arc<dyn QuotaBook> = Arc::clone(self) as _;
            process.open(key, Amount { bytes, files }, Some(&book))
        }

        fn counts(&self) -> (u64, u64) {
            let row = self.row.lock().unwrap();
            (row.bytes, row.files)
        }
    }

    fn append(quota: &Quota, file: &File, bytes: usize) -> Result<(), std::io::Error> {
        let end = |length| length + bytes as u64;
        let at = file.metadata()?.len();
        quota.growing(file, end, || file.write_all_at(&vec![b'x'; bytes], at))
    }

    #[test]
    fn a_session_that_outlives_a_process_has_one_quota() {
        let book = Arc::new(Book::default());
        let (first, second) = (Quotas::default(), Quotas::default());
        let (one, two) = (book.open(&first, 10, 2), book.open(&second, 10, 2));
        let file = tempfile::tempfile().unwrap();
        append(&one, &file, 6).unwrap();
        first.settle("s", "p");
        assert_eq!(book.counts(), (6, 0));
        append(&two, &file, 5).unwrap_err();
        append(&two, &file, 4).unwrap();
        append(&one, &file, 1).unwrap_err();
        // What one of them cuts off, the other may add, once it was given back.
        two.growing(&file, |_| 3, || file.set_len(3)).unwrap();
        second.settle("s", "p");
        assert_eq!(book.counts(), (3, 0));
        let again = book.open(&Quotas::default(), 10, 2);
        append(&again, &file, 8).unwrap_err();
        append(&again, &file, 7).unwrap();
        append(&again, &file, 1).unwrap_err();
        again.place().unwrap().keep();
        two.place().unwrap().keep();
        assert!(again.place().is_none() && two.place().is_none());
    }

    #[test]
    fn what_an_earlier_process_added_may_be_given_back_and_no_more() {
        let book = Arc::new(Book::default());
        let first = Quotas::default();
        let file = tempfile::tempfile().unwrap();
        append(&book.open(&first, 10, 2), &file, 6).unwrap();
        first.settle("s", "p");
        // Four bytes that nobody counted.
        file.write_all_at(b"1234", 6).unwrap();
        let second = Quotas::default();
        let quota = book.open(&second, 10, 2);
        quota.growing(&file, |_| 0, || file.set_len(0)).unwrap();
        second.settle("s", "p");
        assert_eq!(book.counts(), (0, 0));
        append(&quota, &file, 11).unwrap_err();
        append(&quota, &file, 10).unwrap();
    }

    #[test]
    fn what_a_dead_process_had_taken_stays_counted_and_is_a_small_part() {
        let book = Arc::new(Book::default());
        let dead = Quotas::default();
        let file = tempfile::tempfile().unwrap();
        let quota = book.open(&dead, 1600, 160);
        append(&quota, &file, 1).unwrap();
        quota.place().unwrap().keep();
        drop((quota, dead));
        assert_eq!(book.counts(), (100, 10));
        let next = book.open(&Quotas::default(), 1600, 160);
        append(&next, &file, 1500).unwrap();
        append(&next, &file, 1).unwrap_err();
    }

    #[test]
    fn the_book_is_not_asked_for_each_write() {
        let book = Arc::new(Book::default());
        let process = Quotas::default();
        let quota = book.open(&process, 1 << 30, 10);
        let file = tempfile::tempfile().unwrap();
        for _ in 0..1000 {
            append(&quota, &file, 1000).unwrap();
        }
        process.settle("s", "p");
        assert_eq!(book.counts(), (1_000_000, 0));
        assert_eq!(*book.asked.lock().unwrap(), 2);
    }
}
