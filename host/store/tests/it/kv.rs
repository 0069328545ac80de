//! What plugins keep.

use crate::support::store;
use tollgate_store::{KV_KEY_BYTES_MAX, KV_LIST_MAX, KV_VALUE_BYTES_MAX, StoreError};

#[test]
fn values_are_kept_by_namespace() {
    let (_directory, store) = store();
    let kv = store.kv();
    assert_eq!(kv.get("a", "k").unwrap(), None);
    kv.set("a", "k", b"1".to_vec()).unwrap();
    kv.set("b", "k", b"2".to_vec()).unwrap();
    kv.set("a", "k", b"3".to_vec()).unwrap();
    assert_eq!(kv.get("a", "k").unwrap().as_deref(), Some(&b"3"[..]));
    assert!(kv.exists("b", "k").unwrap());
    assert!(kv.delete("a", "k").unwrap());
    assert!(!kv.delete("a", "k").unwrap());
    assert!(!kv.exists("a", "k").unwrap());
}

#[test]
fn keys_come_in_pages() {
    let (_directory, store) = store();
    for n in 0..7 {
        store.kv().set("a", &format!("k{n}"), Vec::new()).unwrap();
    }
    let mut cursor = None;
    let mut all = Vec::new();
    loop {
        let page = store.kv().keys("a", cursor.as_deref(), 3).unwrap();
        all.extend(page.keys);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..7).map(|n| format!("k{n}")).collect();
    assert_eq!(all, expected);
    let whole = store.kv().keys("a", None, usize::MAX).unwrap();
    assert!(whole.keys.len() <= KV_LIST_MAX && whole.cursor.is_none());
}

#[test]
fn bounds_hold() {
    let (_directory, store) = store();
    let kv = store.kv();
    let refused = |result| assert!(matches!(result, Err(StoreError::Refused(_))));
    refused(kv.set("a", "", Vec::new()));
    refused(kv.set("", "k", Vec::new()));
    refused(kv.set("a", &"k".repeat(KV_KEY_BYTES_MAX + 1), Vec::new()));
    refused(kv.set("a", "k", vec![0; KV_VALUE_BYTES_MAX + 1]));
    for n in 0..63 {
        kv.set("a", &format!("{n}"), vec![0; KV_VALUE_BYTES_MAX])
            .unwrap();
    }
    kv.set("a", "small", vec![0; 1000]).unwrap();
    refused(kv.set("a", "big", vec![0; KV_VALUE_BYTES_MAX]));
    assert!(!kv.exists("a", "big").unwrap());
    // What is deleted makes room.
    kv.delete("a", "0").unwrap();
    kv.set("a", "big", vec![0; KV_VALUE_BYTES_MAX]).unwrap();
}
