//! Tools, as an agent's client calls them: Tollgate beside its peers, in one run.
//!
//! The same two tools on every side, `greet` and `read` of tests/hostile/bench, called by the same thin client of
//! the Model Context Protocol over a server's standard streams: by 1 client, by 16 with a server each, and 16 at
//! once on 1 server. Then what one call on the command line takes, and the first load of a Python component.
//!
//! Our side is the binary that the tests use, with receipts; they are counted afterwards. What the other sides are
//! is printed; one that is not there is skipped, with the reason.

mod client;
mod cold;
mod count;
mod load;
mod python;
mod side;

use crate::report::{Aim, CALLS, Figures, PER_CALL, Report, say};
use crate::stats::Times;
use anyhow::Result;
use load::{Sample, Shape};
use side::{Place, Side};

/// Rounds of each side; sides take turns.
const ROUNDS: usize = 3;
/// Calls per second at 16 clients, as a multiple of the nearest peer's.
const CALLS_RATIO_AIM: f64 = 10.0;

/// One tool and what it must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Greet,
    Read,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Greet => "greet",
            Self::Read => "read",
        }
    }

    fn answer(self) -> String {
        match self {
            Self::Greet => "Hello, Ada!".to_owned(),
            Self::Read => side::file_text(),
        }
    }
}

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let place = Place::new()?;
    let (ours, peers) = side::sides(&place, report)?;
    for side in std::iter::once(&ours).chain(&peers) {
        say(&format!("{}: {}", side.name, side.about));
    }
    let mut calls = count::Expected::default();
    let mut nearest = None;
    for tool in [Tool::Greet, Tool::Read] {
        for shape in [Shape::One, Shape::Servers, Shape::AtOnce] {
            let (our_rounds, peer_rounds) = rounds(&ours, &peers, tool, shape)?;
            calls.add(tool, &our_rounds);
            rows(
                report,
                tool,
                shape,
                &our_rounds,
                &peers,
                &peer_rounds,
                &mut nearest,
            );
        }
    }
    if let Some((ratio, row)) = nearest {
        let verdict = if ratio >= CALLS_RATIO_AIM {
            "reached"
        } else {
            "missed"
        };
        say(&format!(
            "calls per second at 16 clients, beside the nearest ({row}): {ratio:.2}, aim {CALLS_RATIO_AIM:.0}: {verdict}"
        ));
    }
    count::check(&ours, &calls)?;
    cold::run(report, &ours, &peers)?;
    python::run(report, &place)
}

/// The rounds of ours, and of every peer.
fn rounds(
    ours: &Side,
    peers: &[Side],
    tool: Tool,
    shape: Shape,
) -> Result<(Vec<Sample>, Vec<Vec<Sample>>)> {
    let mut our_rounds = Vec::new();
    let mut peer_rounds: Vec<Vec<Sample>> = peers.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        our_rounds.push(load::round(ours, tool, shape)?);
        for (peer, rounds) in peers.iter().zip(&mut peer_rounds) {
            rounds.push(load::round(peer, tool, shape)?);
        }
    }
    Ok((our_rounds, peer_rounds))
}

/// Two rows for every peer, or for ours alone; keeps the peer that comes nearest.
fn rows(
    report: &mut Report,
    tool: Tool,
    shape: Shape,
    ours: &[Sample],
    peers: &[Side],
    peer_rounds: &[Vec<Sample>],
    nearest: &mut Option<(f64, String)>,
) {
    let (our_times, our_rates) = figures(ours);
    let time_name = format!("{}, {}", tool.name(), shape.name());
    let rate_name = format!("{time_name}, {CALLS}");
    let aim = (shape != Shape::One).then_some(Aim::Ratio(CALLS_RATIO_AIM));
    if peers.is_empty() {
        report.row(&time_name, PER_CALL, None, our_times, None);
        report.row(&rate_name, CALLS, None, our_rates, None);
    }
    for (peer, rounds) in peers.iter().zip(peer_rounds) {
        let (times, rates) = figures(rounds);
        report.row(
            &time_name,
            PER_CALL,
            Some((peer.name, times)),
            our_times,
            None,
        );
        report.row(&rate_name, CALLS, Some((peer.name, rates)), our_rates, aim);
        let ratio = our_rates.ratio(rates);
        if aim.is_some() && nearest.as_ref().is_none_or(|(least, _)| ratio < *least) {
            *nearest = Some((ratio, format!("{}, {time_name}", peer.name)));
        }
    }
}

fn figures(rounds: &[Sample]) -> (Figures, Figures) {
    let mut times = Times::default();
    for round in rounds {
        times.add(round.times.clone());
    }
    let rates: Vec<f64> = rounds.iter().map(|round| round.rate).collect();
    (Figures::of_times(&times), Figures::of_rates(&rates))
}
