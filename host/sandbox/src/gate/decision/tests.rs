//! Decisions with a ledger that stalls or fails and grants that change.

use super::*;
use crate::gate::kinds;
use crate::gate::testing::{Disk, World};
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tollgate_grants::RuntimeGrant;

const GRANT: &str = "fs.full /host/a at /data";

fn attempt<'a>(effects: &'a [Effect<'a>]) -> Attempt<'a> {
    Attempt {
        import: "wasi:filesystem/types.descriptor.unlink-file-at",
        kind: kinds::FS_DELETE,
        target: "/data/x".into(),
        whole: None,
        effects,
    }
}

fn delete(path: &str) -> Effect<'_> {
    Effect::Fs {
        op: FsOp::Delete,
        guest_mount: "/data",
        path,
    }
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_guest_that_is_ended_while_it_waits_leaves_no_open_intent() {
    let world = World::new(&[GRANT]);
    *world.ledger.disk.lock().unwrap() = Disk::Stalls;
    {
        let effects = [delete("x")];
        let attempt = attempt(&effects);
        let mut waiting = pin!(world.scope.permit(&attempt));
        assert!(poll(waiting.as_mut()).is_pending());
        assert_eq!(world.ledger.open_intents(), 1);
    }
    assert_eq!(
        world.ledger.said(),
        ["fs.delete Intended", "Settled cancelled"]
    );
    assert!(poll(pin!(world.scope.settle_tasks())).is_ready());
}

#[tokio::test]
async fn what_is_revoked_while_its_intent_is_written_is_not_performed() {
    for (grants, readable, reason) in [
        (&[][..], true, "revoked"),
        (&["fs.full /host/b at /data"][..], true, "revoked"),
        (&[GRANT][..], false, "policy_unreadable"),
    ] {
        let world = World::new(&[GRANT]);
        assert!(world.scope.mount("/data", Path::new("/host/a")));
        *world.ledger.disk.lock().unwrap() = Disk::Stalls;
        let effects = [delete("x")];
        let attempt = attempt(&effects);
        let mut waiting = pin!(world.scope.permit(&attempt));
        assert!(poll(waiting.as_mut()).is_pending());
        world.grants.set(2, grants, &[]);
        *world.grants.readable.lock().unwrap() = readable;
        *world.ledger.disk.lock().unwrap() = Disk::Writes;
        assert!(matches!(poll(waiting), Poll::Ready(Err(_))));
        let denial = world.scope.book().last_denial.clone().unwrap();
        assert_eq!(denial.reason, reason);
        assert_eq!(
            world.ledger.said(),
            ["fs.delete Intended", "Settled cancelled"]
        );
    }
}

#[tokio::test]
async fn a_later_mount_at_the_same_guest_path_gives_nothing_on_the_open_one() {
    let world = World::new(&[GRANT]);
    assert!(world.scope.mount("/data", Path::new("/host/a")));
    world.grants.set(2, &["fs.full /host/b at /data"], &[]);
    assert!(!world.scope.mount("/data", Path::new("/host/b")));
    let effects = [delete("x")];
    assert!(world.scope.permit(&attempt(&effects)).await.is_err());
    assert_eq!(world.ledger.said(), ["fs.delete Denied revoked"]);
    let authority = world.scope.authority().unwrap();
    assert!(world.scope.hides(&authority, "/data", "x"));
}

#[tokio::test]
async fn a_ledger_that_fails_gives_one_receipt_and_no_permit() {
    let world = World::new(&[GRANT]);
    *world.ledger.disk.lock().unwrap() = Disk::Fails;
    let effects = [delete("x")];
    assert!(world.scope.permit(&attempt(&effects)).await.is_err());
    assert_eq!(
        world.ledger.said(),
        ["fs.delete Intended", "Settled cancelled"]
    );
    let denial = world.scope.book().last_denial.clone().unwrap();
    assert_eq!(denial.reason, "ledger_unavailable");
    assert!(!world.scope.book().performed_strict);
    assert!(world.scope.watermark().await.is_err());
}

#[tokio::test]
async fn a_lost_lease_stops_a_strict_effect() {
    let world = World::leased(&[GRANT], Some(2));
    let effects = [delete("x")];
    assert!(world.scope.permit(&attempt(&effects)).await.is_err());
    assert_eq!(world.ledger.open_intents(), 0);
    assert!(!world.scope.book().performed_strict);
}

#[tokio::test]
async fn the_call_does_not_end_while_something_is_open() {
    let world = World::new(&[GRANT]);
    let effects = [delete("x")];
    let permit = world.scope.permit(&attempt(&effects)).await.ok().unwrap();
    let trace = permit.open(record::ok());
    let mut end = pin!(world.scope.settle_tasks());
    assert!(poll(end.as_mut()).is_pending());
    drop(trace);
    assert!(poll(end).is_ready());
    assert_eq!(
        world.ledger.said(),
        ["fs.delete Intended", "Settled ok", "Closed ok"]
    );
}

#[tokio::test]
async fn an_effect_that_needs_two_grants_is_a_use_of_both() {
    let world = World::new(&[]);
    let once = |id: &str, capability: &str| RuntimeGrant {
        uses_max: Some(1),
        ..RuntimeGrant::allow(id, "p", capability.parse().unwrap())
    };
    let grants = |used: u32| {
        [("g1", "fs.full /a at /a"), ("g2", "fs.create /b at /b")].map(|(id, text)| RuntimeGrant {
            uses: used,
            ..once(id, text)
        })
    };
    world.grants.set(1, &[], &grants(0));
    let effect = |op, guest_mount| Effect::Fs {
        op,
        guest_mount,
        path: "x",
    };
    let effects = [
        effect(FsOp::RenameFrom, "/a"),
        effect(FsOp::RenameTo { replaces: false }, "/b"),
    ];
    let permit = world.scope.permit(&attempt(&effects)).await.ok().unwrap();
    assert_eq!(*world.grants.used.lock().unwrap(), ["g1", "g2"]);
    // That its own use was the last does not take it back; that it is revoked does.
    world.grants.set(2, &[], &grants(1));
    assert!(world.scope.still_allowed(&effects, permit.basis()).is_ok());
    let revoked = grants(1).map(|grant| RuntimeGrant {
        revoked_us: Some(1),
        ..grant
    });
    world.grants.set(3, &[], &revoked);
    assert!(world.scope.still_allowed(&effects, permit.basis()).is_err());
}
