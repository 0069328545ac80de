//! What sessions have added below their mounts.

use crate::processes::said;
use crate::support::{spawn, store};
use tollgate_store::{Amount, QuotaKey, Store};

/// What there is to take, and how much at a time.
const MAX: Amount = Amount {
    bytes: 5_003,
    files: 100,
};
const AT_ONCE: Amount = Amount { bytes: 7, files: 1 };

fn key(session: &str) -> QuotaKey {
    QuotaKey {
        session: session.into(),
        plugin: "p".into(),
        // As large as a device or an inode may be.
        directory: (u64::MAX, 1 << 63),
    }
}

#[test]
fn no_more_is_taken_than_there_is_and_no_more_given_back() {
    let (_directory, store) = store();
    let quotas = store.quotas();
    let amount = |bytes, files| Amount { bytes, files };
    let take = |session: &str, bytes, files| {
        quotas
            .take(&key(session), amount(bytes, files), amount(10, 2))
            .unwrap()
    };
    assert_eq!(take("s", 6, 1), (amount(0, 0), amount(6, 1)));
    assert_eq!(take("s", 6, 0), (amount(6, 1), amount(10, 1)));
    assert_eq!(take("s", 1, 5), (amount(10, 1), amount(10, 2)));
    assert_eq!(take("another", 1, 0), (amount(0, 0), amount(1, 0)));
    quotas.give_back(&key("s"), amount(3, 9)).unwrap();
    assert_eq!(take("s", 0, 0), (amount(7, 0), amount(7, 0)));
    // A quota that was made smaller takes nothing away, and gives nothing more.
    let smaller = quotas.take(&key("s"), amount(1, 0), amount(5, 2)).unwrap();
    assert_eq!(smaller, (amount(7, 0), amount(7, 0)));
}

#[test]
fn processes_that_take_at_once_take_together_what_there_is() {
    let (_directory, store) = store();
    let children: Vec<_> = (0..2).map(|_| spawn("take", store.directory())).collect();
    let taken: Vec<u64> = children
        .into_iter()
        .map(|child| said(child, "TOOK "))
        .collect();
    assert_eq!(taken.iter().sum::<u64>(), MAX.bytes, "{taken:?}");
    let quotas = store.quotas();
    let (before, after) = quotas.take(&key("s"), AT_ONCE, MAX).unwrap();
    assert_eq!((before, after), (MAX, MAX));
}

/// The child.
pub(crate) fn take(store: &Store) {
    let mut taken = 0;
    loop {
        let (before, after) = store.quotas().take(&key("s"), AT_ONCE, MAX).unwrap();
        if before.bytes == after.bytes {
            break;
        }
        taken += after.bytes - before.bytes;
    }
    println!("TOOK {taken}");
}
