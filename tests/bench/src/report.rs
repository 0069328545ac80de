//! What is printed and written.

use crate::stats::Times;
use serde::Serialize;
use std::io::Write as _;
use std::path::Path;

/// Version of the written file. 2: a row names what it is measured against, which is no longer always `raw`.
const SCHEMA: &str = "tollgate.bench/2";
/// The limit without a gate, in the benchmarks that have no peer.
pub(crate) const RAW: &str = "raw";

/// All results of one run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    rows: Vec<Row>,
    /// What was not measured, and why.
    skipped: Vec<String>,
}

/// What is aimed at.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// The ratio at p50.
    Ratio(f64),
    /// Ours at p50, at most, in the row's unit.
    OursAtMost(f64),
}

/// One side of a row: the middle and the bad end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    p50: f64,
    p99: f64,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    unit: &'static str,
    /// The other side; none where ours is measured alone.
    against: Option<String>,
    against_p50: Option<f64>,
    against_p99: Option<f64>,
    ours_p50: f64,
    ours_p99: f64,
    ratio_p50: Option<f64>,
    ratio_p99: Option<f64>,
    aim: Option<Aim>,
}

/// Times per call: smaller is better.
pub(crate) const PER_CALL: &str = "microseconds per call";
/// Calls in a time: larger is better.
pub(crate) const CALLS: &str = "calls per second";

impl Figures {
    pub(crate) fn of_times(times: &Times) -> Self {
        Self {
            p50: times.percentile_us(0.5),
            p99: times.percentile_us(0.99),
        }
    }

    /// How many times the middle of another side this one is.
    pub(crate) fn ratio(self, other: Self) -> f64 {
        self.p50 / other.p50
    }

    /// One value.
    pub(crate) fn one(value: f64) -> Self {
        Self {
            p50: value,
            p99: value,
        }
    }

    /// Figures of several rounds where smaller is better; p99 is the worst round.
    pub(crate) fn of_times_us(times: &[f64]) -> Self {
        let mut times = times.to_vec();
        times.sort_by(f64::total_cmp);
        Self {
            p50: times.get(times.len() / 2).copied().unwrap_or(f64::NAN),
            p99: times.last().copied().unwrap_or(f64::NAN),
        }
    }

    /// How much more these are than those of another side.
    pub(crate) fn less(self, other: Self) -> Self {
        Self {
            p50: self.p50 - other.p50,
            p99: self.p99 - other.p99,
        }
    }

    /// The rates of several rounds; p99 is the worst round.
    pub(crate) fn of_rates(rates: &[f64]) -> Self {
        let mut rates = rates.to_vec();
        rates.sort_by(f64::total_cmp);
        Self {
            p50: rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN),
            p99: rates.first().copied().unwrap_or(f64::NAN),
        }
    }
}

impl Report {
    /// Times per call beside the raw limit.
    pub(crate) fn times(&mut self, name: &str, raw: &Times, ours: &Times, aim: f64) {
        let sides = (Figures::of_times(raw), Figures::of_times(ours));
        self.row(
            name,
            PER_CALL,
            Some((RAW, sides.0)),
            sides.1,
            Some(Aim::Ratio(aim)),
        );
    }

    /// Durable entries in a time beside the raw limit.
    pub(crate) fn rates(&mut self, name: &str, raw: &[f64], ours: &[f64], aim: Option<f64>) {
        let raw = Some((RAW, Figures::of_rates(raw)));
        let ours = Figures::of_rates(ours);
        self.row(
            name,
            "durable entries per second",
            raw,
            ours,
            aim.map(Aim::Ratio),
        );
    }

    /// One row.
    pub(crate) fn row(
        &mut self,
        name: &str,
        unit: &'static str,
        against: Option<(&str, Figures)>,
        ours: Figures,
        aim: Option<Aim>,
    ) {
        let other = against.map(|(_, figures)| figures);
        let row = Row {
            name: name.into(),
            unit,
            against: against.map(|(name, _)| name.to_owned()),
            against_p50: other.map(|other| other.p50),
            against_p99: other.map(|other| other.p99),
            ours_p50: ours.p50,
            ours_p99: ours.p99,
            ratio_p50: other.map(|other| ours.p50 / other.p50),
            ratio_p99: other.map(|other| ours.p99 / other.p99),
            aim,
        };
        say(&row.line());
        self.rows.push(row);
    }

    /// Says that something is not measured.
    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        let line = format!("{what}: skipped, {why}");
        say(&line);
        self.skipped.push(line);
    }

    /// Writes the ratios as JSON.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let file = serde_json::json!({
            "schema": SCHEMA, "rows": self.rows, "skipped": self.skipped,
        });
        std::fs::write(path, format!("{file:#}\n"))?;
        say(&format!("ratios written to {}", path.display()));
        Ok(())
    }
}

impl Row {
    fn line(&self) -> String {
        let mut line = format!("{:<44}", self.name);
        if let (Some(against), Some(p50), Some(p99)) =
            (&self.against, self.against_p50, self.against_p99)
        {
            let width = if against == RAW { 3 } else { PEER_WIDTH };
            line += &format!(" {against:<width$} p50 {p50:>10.1} p99 {p99:>10.1}  ");
        }
        line += &format!(
            " ours p50 {:>10.1} p99 {:>10.1}",
            self.ours_p50, self.ours_p99
        );
        if let (Some(p50), Some(p99)) = (self.ratio_p50, self.ratio_p99) {
            line += &format!("   ratio {p50:.2} / {p99:.2}");
        }
        match self.aim {
            Some(Aim::Ratio(aim)) => line += &format!(" (aim {aim:.2})"),
            Some(Aim::OursAtMost(aim)) => line += &format!(" (aim: ours at most {aim:.1})"),
            None => {}
        }
        line
    }
}

/// As wide as the longest name of a peer.
const PEER_WIDTH: usize = 14;

/// Data, on standard output.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Talk, on standard error.
pub(crate) fn talk(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
