//! Several processes on one store at once: one dense log.

use super::evidence::{Evidence, Tally, check_log, is_last_words};
use super::model::Pace;
use super::script::Script;
use super::seat::{House, Seat, UNDISTURBED};
use super::victim::Victim;
use std::sync::Barrier;

/// Repetitions of the short script: enough that the processes meet.
const SCRIPT_TIMES: usize = 8;

#[test]
fn heavy_two_processes_write_one_dense_log() {
    work_together::<2>();
}

#[test]
fn heavy_four_processes_write_one_dense_log() {
    work_together::<4>();
}

/// Each process prompts a session of its own; none is answered before all have asked.
fn work_together<const PROCESSES: usize>() {
    let meet = Barrier::new(PROCESSES);
    let house = House::open(Script::long(SCRIPT_TIMES), Pace::default(), move |seen| {
        if seen.session != UNDISTURBED && seen.results().is_empty() {
            meet.wait();
        }
    });
    let seats: [Seat<'_>; PROCESSES] = std::array::from_fn(|n| house.seat(format!("agent_{n}")));
    for seat in &seats {
        seat.launch();
    }
    let processes = seats.each_ref().map(|seat| Victim::start(seat.prompting()));
    for ran in processes.map(Victim::end) {
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(is_last_words(&ran.json()["output"]), "{ran}");
    }
    let all = house.model.script().steps().len();
    for seat in &seats {
        let tally = seat.end(&Evidence::of(seat));
        assert_eq!(
            tally,
            Tally {
                done: all,
                ..Tally::default()
            }
        );
    }
    house.nothing_runs();
    let order = check_log(&house);
    let turns = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
    println!(
        "{PROCESSES} processes: {} entries, the writer changed {turns} times",
        order.len()
    );
    // One after the other would be a change or two for each.
    assert!(turns > 4 * PROCESSES, "they did not work at once: {turns}");
}
