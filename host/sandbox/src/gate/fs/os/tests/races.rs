//! Another process changes names while a guest looks: content from outside must never come back.

use super::*;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const RACE: Duration = Duration::from_secs(2);

/// Ends the disturbing thread, also when an attempt panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `disturb` over and over beside `attempt` and counts the attempts that came through.
fn race(disturb: impl Fn() + Sync, mut attempt: impl FnMut() -> bool) -> (usize, usize) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                disturb();
            }
        });
        let _stop = Stop(&done);
        let end = Instant::now() + RACE;
        let mut counts = (0, 0);
        while Instant::now() < end {
            if attempt() {
                counts.0 += 1
            } else {
                counts.1 += 1
            }
        }
        counts
    })
}

#[test]
fn a_directory_swapped_with_a_link_never_leads_out() {
    let w = World::new();
    host_symlink("../out", w.host("m/evil")).unwrap();
    let (d, evil) = (w.host("m/d"), w.host("m/evil"));
    let swap = || renameat_with(CWD, &d, CWD, &evil, RenameFlags::EXCHANGE).unwrap();
    let (came, refusals) = race(swap, || match w.find("d/f") {
        Ok(found) => {
            assert!(matches!(found.rel(), "d/f" | "evil/f"), "{}", found.rel());
            assert_eq!(read(&found).unwrap(), "inside");
            true
        }
        Err(error) => {
            assert!(
                matches!(error.class(), Class::Outside | Class::Busy),
                "{error}"
            );
            false
        }
    });
    assert!(
        came > 0 && refusals > 0,
        "{came} came through, {refusals} did not: no race"
    );
}

#[test]
fn a_directory_that_leaves_during_a_lookup_leads_nowhere() {
    let w = World::new();
    let (inside, outside) = (w.host("m/d"), w.host("out/d"));
    let leave = || {
        fs::rename(&inside, &outside).unwrap();
        fs::rename(&outside, &inside).unwrap();
    };
    let mut paths = ["d/e/../../f", "d/e/f", "d/e/../../../f", "d/../f"]
        .iter()
        .cycle();
    let (came, refusals) = race(leave, || {
        // A file found inside keeps its content wherever it is moved; what is outside is SECRET.
        match w.find(paths.next().unwrap()) {
            Ok(found) => {
                assert_eq!(read(&found).unwrap(), "inside");
                true
            }
            Err(error) => {
                let expected = [Class::Outside, Class::Busy, Class::NoEntry];
                assert!(expected.contains(&error.class()), "{error}");
                false
            }
        }
    });
    assert!(
        came > 0 && refusals > 0,
        "{came} came through, {refusals} did not: no race"
    );
}

#[test]
fn a_file_swapped_with_an_excluded_one_is_read_under_its_own_name() {
    let w = World::new();
    fs::write(w.host("m/.env"), SECRET).unwrap();
    let (plain, env) = (w.host("m/f"), w.host("m/.env"));
    // The names change hands all the time; a rule on `.env` must hold for what is read. The two
    // inodes swap names, so what is asked is only that check and content are of one inode.
    let secret = w.itself(".env").unwrap().meta().id;
    let swap = || renameat_with(CWD, &plain, CWD, &env, RenameFlags::EXCHANGE).unwrap();
    let (came, _) = race(swap, || match w.find("f") {
        Ok(found) => {
            let expected = if found.meta().id == secret {
                SECRET
            } else {
                "inside"
            };
            assert_eq!(read(&found).unwrap(), expected);
            true
        }
        Err(_) => false,
    });
    assert!(came > 0);
}

#[test]
fn a_rename_moves_what_was_decided_on_or_says_that_it_did_not() {
    let w = World::new();
    fs::write(w.host("m/.env"), SECRET).unwrap();
    let (plain, env) = (w.host("m/f"), w.host("m/.env"));
    let secret = w.itself(".env").unwrap().meta().id;
    let swap = || {
        let _ = renameat_with(CWD, &plain, CWD, &env, RenameFlags::EXCHANGE);
    };
    let (to, back) = (w.target("d/got"), w.target("f"));
    race(swap, || {
        let Ok(checked) = back.look() else {
            return false;
        };
        if checked.meta().id == secret {
            return false;
        }
        match rename(&back, &checked, &to, Replace::Never) {
            Ok(seen) => {
                assert_eq!(seen.meta.id, checked.meta().id);
                assert_ne!(to.look().unwrap().meta().id, secret);
                let _ = rename(&to, &checked, &back, Replace::Never);
                true
            }
            Err(OsError::Changed { undone, .. }) => {
                assert!(undone, "something else moved and stayed");
                false
            }
            Err(_) => false,
        }
    });
}
