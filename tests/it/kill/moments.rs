//! kill -9 at random moments: of a run, and of what is done after a kill.

use super::evidence::{Evidence, check_log};
use super::model::Pace;
use super::script::Script;
use super::seat::{House, Seat};
use super::victim::Victim;
use crate::support::Ran;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Kills in the test.
const KILLS: usize = 40;
/// The latest moment of a run at which it is killed; about as long as one takes.
const RUN_KILLED_MS_MAX: u64 = 700;
/// The same for a verb that recovers.
const RECOVERY_KILLED_MS_MAX: u64 = 40;
/// Repetitions of the short script: 13 turns.
const SCRIPT_TIMES: usize = 4;
/// So that the whole script takes most of [`RUN_KILLED_MS_MAX`].
const PACE: Pace = Pace {
    think: Duration::from_millis(15),
    piece: Duration::from_millis(5),
};
/// Sessions at once, on one store.
const WORKERS: usize = 2;
/// Sets the moments.
const SEED_VARIABLE: &str = "TOLLGATE_KILL_SEED";

#[test]
fn heavy_a_session_goes_on_after_kills_at_any_moment() {
    let seed = std::env::var(SEED_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        now.as_micros() as u64
    });
    println!("{SEED_VARIABLE}={seed}");
    let house = House::open(Script::long(SCRIPT_TIMES), PACE, |_| {});
    let (kills, sessions) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        for worker in 0..WORKERS as u64 {
            let (house, kills, sessions) = (&house, &kills, &sessions);
            threads.spawn(move || {
                let mut killer = Killer {
                    random: Random(seed ^ worker),
                    kills,
                };
                while kills.load(Ordering::Relaxed) < KILLS {
                    let number = sessions.fetch_add(1, Ordering::Relaxed);
                    killer.haunt(&house.seat(format!("agent_{number}")));
                }
            });
        }
    });
    house.nothing_runs();
    check_log(&house);
    println!(
        "{} kills of {} sessions",
        kills.into_inner(),
        sessions.into_inner()
    );
}

struct Killer<'k> {
    random: Random,
    kills: &'k AtomicUsize,
}

impl Killer<'_> {
    /// Works on a session until its script is done, killing as it goes.
    fn haunt(&mut self, seat: &Seat<'_>) {
        seat.launch();
        loop {
            let before = Evidence::of(seat);
            let ran = self.kill_within(RUN_KILLED_MS_MAX, seat.prompting());
            let after = Evidence::of(seat);
            after.follows(&before);
            after.check();
            match ran {
                // A prompt of a blocked session.
                Some(ran) if ran.code == Some(2) => seat.resolve(),
                Some(ran) => {
                    assert_eq!(ran.code, Some(0), "{ran}");
                    break;
                }
                // It may be looked at first, or prompted at once.
                None => self.recover(seat),
            }
        }
        assert_eq!(seat.look(), []);
        seat.go_on();
    }

    /// Some of what an operator may do; who does it may die as well.
    fn recover(&mut self, seat: &Seat<'_>) {
        while self.random.below(3) == 0 {
            let ran = self.kill_within(RECOVERY_KILLED_MS_MAX, seat.command("status"));
            assert_eq!(ran.and_then(|ran| ran.code).unwrap_or(0), 0);
        }
        if self.random.below(2) == 0 {
            seat.look();
        }
        while self.random.below(3) == 0
            && let Some(command) = seat.resolving()
        {
            let ran = self.kill_within(RECOVERY_KILLED_MS_MAX, command);
            assert_eq!(ran.and_then(|ran| ran.code).unwrap_or(0), 0);
        }
        if self.random.below(2) == 0 {
            seat.resolve();
        }
    }

    /// Starts a process and kills it at a moment before so many milliseconds have passed; what it said
    /// if it has come to its end by then, or if there were enough kills.
    fn kill_within(&mut self, bound_ms: u64, command: Command) -> Option<Ran> {
        let moment = Instant::now() + Duration::from_millis(self.random.below(bound_ms));
        let mut victim = Victim::start(command);
        if self.kills.load(Ordering::Relaxed) >= KILLS {
            return Some(victim.end());
        }
        while Instant::now() < moment && !victim.has_ended() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let ran = victim.kill();
        self.kills
            .fetch_add(usize::from(ran.is_none()), Ordering::Relaxed);
        ran
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
