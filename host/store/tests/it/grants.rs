//! Run-time grants and the generation.

use crate::support::*;
use std::sync::Arc;
use tollgate_grants::{RuleEffect, RuntimeGrant, Scope};
use tollgate_store::{Store, StoreError};

fn grant(id: &str, scope: Scope, uses_max: Option<u32>) -> RuntimeGrant {
    RuntimeGrant {
        id: id.into(),
        plugin: "files".into(),
        plugin_digest: Some("sha256:aa".into()),
        capability: "http GET https://example.org/*".parse().unwrap(),
        effect: RuleEffect::Allow,
        scope,
        who: "os:ada".into(),
        why: Some("to see".into()),
        created_us: 5,
        expires_us: None,
        uses_max,
        retryable: uses_max == Some(3),
        uses: 0,
        revoked_us: None,
    }
}

#[test]
fn grants_come_back_as_they_were_given() {
    let (_directory, store) = store();
    let all = [
        grant("g1", Scope::Session("s".into()), None),
        grant("g2", Scope::Project("p".into()), Some(3)),
        grant("g3", Scope::Always, None),
        grant("g4", Scope::Once, Some(1)),
    ];
    for grant in &all {
        store.grants().add(grant.clone()).unwrap();
    }
    assert_eq!(store.grants().list(None).unwrap(), all);
    assert_eq!(store.grants().list(Some("files")).unwrap(), all);
    assert_eq!(store.grants().list(Some("other")).unwrap(), []);
    assert_eq!(store.grants().get("g2").unwrap().as_ref(), Some(&all[1]));
    assert!(matches!(
        store.grants().add(all[0].clone()),
        Err(StoreError::Refused(_))
    ));
    let (snapshot, generation) = store.grants().snapshot("files").unwrap();
    assert_eq!(snapshot, all);
    assert_eq!(generation, store.grants().generation().unwrap());
}

#[test]
fn a_revoked_grant_stays_to_be_seen() {
    let (_directory, store) = store();
    store.grants().add(grant("g", Scope::Always, None)).unwrap();
    assert!(store.grants().revoke("g", "os:ada").unwrap());
    assert!(!store.grants().revoke("g", "os:ada").unwrap());
    assert!(matches!(
        store.grants().revoke("none", "os:ada"),
        Err(StoreError::NotFound { .. })
    ));
    assert!(
        store
            .grants()
            .get("g")
            .unwrap()
            .unwrap()
            .revoked_us
            .is_some()
    );
    assert!(!store.grants().consume_use("g").unwrap());
    assert_eq!(host_changes(&store), ["grant.add g", "grant.revoke g"]);
}

#[test]
fn uses_are_counted_once_each_by_whoever_comes() {
    let (directory, store) = store();
    let store = Arc::new(store);
    let other = Arc::new(Store::open(&directory.path().join("state")).unwrap());
    store
        .grants()
        .add(grant("g", Scope::Always, Some(50)))
        .unwrap();
    let threads: Vec<_> = [&store, &other, &store, &other]
        .into_iter()
        .map(|store| {
            let store = Arc::clone(store);
            std::thread::spawn(move || {
                (0..25)
                    .filter(|_| store.grants().consume_use("g").unwrap())
                    .count()
            })
        })
        .collect();
    let used: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
    assert_eq!(used, 50);
    assert_eq!(store.grants().get("g").unwrap().unwrap().uses, 50);
    let free = grant("free", Scope::Always, None);
    store.grants().add(free).unwrap();
    assert!(store.grants().consume_use("free").unwrap());
    assert!(!store.grants().consume_use("none").unwrap());
    let mut expired = grant("expired", Scope::Once, None);
    expired.expires_us = Some(1);
    store.grants().add(expired).unwrap();
    assert!(!store.grants().consume_use("expired").unwrap());
}

#[test]
fn every_change_raises_the_generation_for_every_process() {
    let (directory, store) = store();
    let other = Store::open(&directory.path().join("state")).unwrap();
    let generation = || {
        let seen = other.grants().generation().unwrap();
        assert_eq!(store.grants().generation().unwrap(), seen);
        seen
    };
    let mut last = generation();
    let mut rises = |by: &str| {
        let now = generation();
        assert!(now > last, "{by}");
        last = now;
    };
    store
        .grants()
        .add(grant("g", Scope::Always, Some(2)))
        .unwrap();
    rises("add");
    other.grants().consume_use("g").unwrap();
    rises("use");
    store.grants().revoke("g", "os:ada").unwrap();
    rises("revoke");
    store.trust().add("/p", "sha256:aa", "os:ada").unwrap();
    rises("trust");
    // Other writes leave it alone.
    store
        .append_blocking(effect("s", "r", tollgate_receipts::State::Denied))
        .unwrap();
    assert_eq!(generation(), last);
}

#[test]
fn a_failed_change_leaves_neither_grant_nor_entry_nor_generation() {
    let (_directory, store) = store();
    store.grants().add(grant("g", Scope::Always, None)).unwrap();
    let before = store.grants().generation().unwrap();
    assert!(store.grants().add(grant("g", Scope::Always, None)).is_err());
    assert_eq!(store.grants().generation().unwrap(), before);
    assert_eq!(host_changes(&store), ["grant.add g"]);
    store.trust().add("/p", "sha256:aa", "os:ada").unwrap();
    store.log().verify("host").unwrap().unwrap();
}

#[test]
fn a_generation_is_read_in_microseconds() {
    let (_directory, store) = store();
    store.grants().generation().unwrap();
    let began = std::time::Instant::now();
    for _ in 0..10_000 {
        store.grants().generation().unwrap();
    }
    let each = began.elapsed() / 10_000;
    println!("{each:?} each");
    // A wide bound: the machine may be busy.
    assert!(each.as_micros() < 100, "{each:?}");
}
