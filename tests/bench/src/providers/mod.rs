//! Answers of a model, streamed: the bundled `openai` adapter in the sandbox beside a bare client, one that reads the
//! tokens, and OpenAI's own Python package, against one server on loopback, in one run.
//!
//! How long until the first token, how many tokens in a second, the same with a hundred streams at once, and how
//! much memory one long stream takes. The server gives what it has at once, so that only the clients are measured;
//! the sides take turns, and every token is counted.

mod bare;
mod memory;
mod ours;
mod sdk;
mod server;

use crate::report::{Aim, Figures, PER_CALL, RAW, Report};
use crate::stats::Times;
use anyhow::{Result, ensure};
use server::Server;
use std::time::{Duration, Instant};

/// Streams at once where there are many.
const MANY: usize = 100;
/// How long models think: no time at all, which none does, and little.
const THINKS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(20)];
/// The most that a first token may come later, microseconds.
const ADDED_US: f64 = 300.0;
/// The least of the bare client's rate.
const RATE: f64 = 0.9;
/// Rounds of each side; sides take turns.
const ROUNDS: usize = 3;
/// Larger is better.
const TOKENS: &str = "tokens per second";

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// First tokens of each side.
    firsts: usize,
    /// Tokens of a stream at the pace of a model.
    tokens_paced: usize,
    /// Tokens of the one stream whose rate is taken.
    tokens: usize,
    /// Tokens of each of [`MANY`] streams.
    tokens_of_many: usize,
    /// Tokens of the stream whose memory is taken.
    tokens_long: usize,
}

const FULL: Scale = Scale {
    firsts: 500,
    tokens_paced: 4_000,
    tokens: 50_000,
    tokens_of_many: 2_000,
    tokens_long: 1_000_000,
};

const QUICK: Scale = Scale {
    firsts: 40,
    tokens_paced: 400,
    tokens: 4_000,
    tokens_of_many: 100,
    tokens_long: 20_000,
};

/// What a model is asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    tokens: usize,
    /// How long it takes to the first.
    think: Duration,
    /// Tokens in a second; none for as many as can be written.
    pace: Option<u32>,
}

impl Asked {
    /// At once.
    fn tokens(tokens: usize) -> Self {
        Self {
            tokens,
            think: Duration::ZERO,
            pace: None,
        }
    }
}

/// Streams that were read at once.
#[derive(Debug)]
struct Sample {
    /// How long each waited for its first token.
    first: Times,
    /// How long all of them took.
    seconds: f64,
    /// What came.
    tokens: u64,
}

/// Who reads streams.
trait Side {
    fn name(&self) -> &'static str;

    /// Reads so many streams at once, each of so many tokens.
    fn read(&mut self, sessions: usize, asked: Asked) -> Result<Sample>;

    /// The most memory that its process has had, where it has one of its own.
    fn peak_mib(&self) -> Option<f64> {
        None
    }

    /// The same; everything must have come.
    fn read_whole(&mut self, sessions: usize, asked: Asked) -> Result<Sample> {
        let sample = self.read(sessions, asked)?;
        let wanted = sessions.saturating_mul(asked.tokens) as u64;
        let (name, came) = (self.name(), sample.tokens);
        ensure!(came == wanted, "{name} has {came} tokens of {wanted}");
        Ok(sample)
    }
}

pub(crate) fn run(report: &mut Report, quick: bool) -> Result<()> {
    let scale = if quick { QUICK } else { FULL };
    let server = Server::start()?;
    let mut ours = ours::Ours::start(server.port())?;
    let mut others: Vec<Box<dyn Side>> = vec![
        Box::new(bare::Bare::counting(server.port())?),
        Box::new(bare::Bare::reading(server.port())?),
    ];
    match sdk::Sdk::start(server.port())? {
        Ok(sdk) => others.push(Box::new(sdk)),
        Err(why) => report.skip(sdk::NAME, &why),
    }
    for think in THINKS {
        firsts(report, &mut ours, &mut others, (scale.firsts, think))?;
    }
    commits(report, &ours, scale.firsts)?;
    paced(
        report,
        &mut ours,
        &mut others,
        (1, scale.tokens_paced, 2_000),
    )?;
    paced(
        report,
        &mut ours,
        &mut others,
        (MANY, scale.tokens_paced / 20, 100),
    )?;
    rates(report, &mut ours, &mut others, (1, scale.tokens))?;
    rates(report, &mut ours, &mut others, (MANY, scale.tokens_of_many))?;
    memory::run(report, &mut ours, &mut others, scale.tokens_long)
}

/// The time to the first token of streams one after the other.
fn firsts(
    report: &mut Report,
    ours: &mut ours::Ours,
    others: &mut [Box<dyn Side>],
    (count, think): (usize, Duration),
) -> Result<()> {
    let asked = Asked {
        think,
        ..Asked::tokens(1)
    };
    let mut our_times = Times::default();
    let mut times = vec![Times::default(); others.len()];
    // The first of each side makes connections.
    ours.read_whole(1, asked)?;
    for other in &mut *others {
        other.read_whole(1, asked)?;
    }
    for _ in 0..count {
        our_times.add(ours.read_whole(1, asked)?.first);
        for (other, times) in others.iter_mut().zip(&mut times) {
            times.add(other.read_whole(1, asked)?.first);
        }
    }
    let mine = Figures::of_times(&our_times);
    for (other, times) in others.iter().zip(&times) {
        let theirs = Figures::of_times(times);
        let against = Some((other.name(), theirs));
        let thinks = match think.as_millis() {
            0 => String::new(),
            ms => format!(", of a model that thinks {ms} ms"),
        };
        let name = format!("first token{thinks}");
        report.row(&name, PER_CALL, against, mine, None);
        if other.name() == RAW {
            let (added, aim) = (mine.less(theirs), Some(Aim::OursAtMost(ADDED_US)));
            report.row(&format!("{name}, added"), PER_CALL, None, added, aim);
        }
    }
    Ok(())
}

/// The two durable entries that come before every first token: that the request is intended, and how it was answered.
fn commits(report: &mut Report, ours: &ours::Ours, count: usize) -> Result<()> {
    let mut times = Times::default();
    for n in 0..count as u64 {
        let started = Instant::now();
        for entry in [n * 2, n * 2 + 1] {
            let draft = crate::entries::draft("commits", 0, entry);
            ours.host.store.append_blocking(draft)?;
        }
        times.push(started.elapsed());
    }
    let name = "of that, two durable entries of the ledger";
    report.row(name, PER_CALL, None, Figures::of_times(&times), None);
    Ok(())
}

/// Tokens in a second of streams at the pace of models: a fast one, and many that are slower.
fn paced(
    report: &mut Report,
    ours: &mut ours::Ours,
    others: &mut [Box<dyn Side>],
    (sessions, tokens, pace): (usize, usize, u32),
) -> Result<()> {
    let asked = Asked {
        pace: Some(pace),
        ..Asked::tokens(tokens)
    };
    let mut mine = Vec::new();
    let mut theirs = vec![Vec::new(); others.len()];
    for _ in 0..ROUNDS {
        mine.push(rate(&ours.read_whole(sessions, asked)?));
        for (other, rates) in others.iter_mut().zip(&mut theirs) {
            rates.push(rate(&other.read_whole(sessions, asked)?));
        }
    }
    let mine = Figures::of_rates(&mine);
    for (other, rates) in others.iter().zip(&theirs) {
        let against = Some((other.name(), Figures::of_rates(rates)));
        let aim = (other.name() == RAW).then_some(Aim::Ratio(RATE));
        let name = format!("{sessions} at {pace} tokens a second");
        report.row(&name, TOKENS, against, mine, aim);
    }
    Ok(())
}

/// Tokens in a second.
fn rate(sample: &Sample) -> f64 {
    sample.tokens as f64 / sample.seconds
}

/// Tokens in a second and first tokens, of streams at once.
fn rates(
    report: &mut Report,
    ours: &mut ours::Ours,
    others: &mut [Box<dyn Side>],
    (sessions, tokens): (usize, usize),
) -> Result<()> {
    let mut mine = Rounds::default();
    let mut theirs: Vec<Rounds> = others.iter().map(|_| Rounds::default()).collect();
    for _ in 0..ROUNDS {
        let asked = Asked::tokens(tokens);
        mine.add(ours.read_whole(sessions, asked)?);
        for (other, rounds) in others.iter_mut().zip(&mut theirs) {
            rounds.add(other.read_whole(sessions, asked)?);
        }
    }
    let streams = if sessions == 1 {
        "stream"
    } else {
        "streams at once"
    };
    for (other, theirs) in others.iter().zip(&theirs) {
        let figures = |rounds: &Rounds| Figures::of_rates(&rounds.rates);
        let against = Some((other.name(), figures(theirs)));
        let name = format!("{sessions} {streams} of {tokens} tokens");
        let aim = (other.name() == RAW).then_some(Aim::Ratio(RATE));
        report.row(&name, TOKENS, against, figures(&mine), aim);
        if sessions > 1 {
            let against = Some((other.name(), Figures::of_times(&theirs.first)));
            let name = format!("first token, {sessions} {streams}");
            report.row(
                &name,
                PER_CALL,
                against,
                Figures::of_times(&mine.first),
                None,
            );
        }
    }
    Ok(())
}

/// The rounds of one side.
#[derive(Default)]
struct Rounds {
    rates: Vec<f64>,
    first: Times,
}

impl Rounds {
    fn add(&mut self, sample: Sample) {
        self.rates.push(rate(&sample));
        self.first.add(sample.first);
    }
}
