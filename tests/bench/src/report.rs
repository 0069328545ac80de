//! What is printed and written.

use crate::stats::Times;
use serde::Serialize;
use std::io::Write as _;
use std::path::Path;

/// Version of the written file.
const SCHEMA: &str = "tollgate.bench/1";

/// All results of one run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    unit: &'static str,
    raw_p50: f64,
    raw_p99: f64,
    ours_p50: f64,
    ours_p99: f64,
    ratio_p50: f64,
    ratio_p99: f64,
    /// None where nothing is aimed at.
    aim: Option<f64>,
}

impl Report {
    /// Times per call: smaller is better.
    pub(crate) fn times(&mut self, name: &str, raw: &Times, ours: &Times, aim: f64) {
        let (raw_p50, raw_p99) = (raw.percentile_us(0.5), raw.percentile_us(0.99));
        let (ours_p50, ours_p99) = (ours.percentile_us(0.5), ours.percentile_us(0.99));
        self.push(Row {
            name: name.into(),
            unit: "microseconds per call",
            raw_p50,
            raw_p99,
            ours_p50,
            ours_p99,
            ratio_p50: ours_p50 / raw_p50,
            ratio_p99: ours_p99 / raw_p99,
            aim: Some(aim),
        });
    }

    /// Rates: larger is better. Each side is the rates of several rounds; p99 is the worst round.
    pub(crate) fn rates(
        &mut self,
        name: &str,
        raw: &mut [f64],
        ours: &mut [f64],
        aim: Option<f64>,
    ) {
        raw.sort_by(f64::total_cmp);
        ours.sort_by(f64::total_cmp);
        let middle = |rates: &[f64]| rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN);
        let worst = |rates: &[f64]| rates.first().copied().unwrap_or(f64::NAN);
        self.push(Row {
            name: name.into(),
            unit: "durable entries per second",
            raw_p50: middle(raw),
            raw_p99: worst(raw),
            ours_p50: middle(ours),
            ours_p99: worst(ours),
            ratio_p50: middle(ours) / middle(raw),
            ratio_p99: worst(ours) / worst(raw),
            aim,
        });
    }

    fn push(&mut self, row: Row) {
        say(&format!(
            "{:<44} raw p50 {:>10.1} p99 {:>10.1}   ours p50 {:>10.1} p99 {:>10.1}   ratio {:.2} / {:.2}{}",
            row.name,
            row.raw_p50,
            row.raw_p99,
            row.ours_p50,
            row.ours_p99,
            row.ratio_p50,
            row.ratio_p99,
            row.aim
                .map_or_else(String::new, |aim| format!(" (aim {aim:.2})"))
        ));
        self.rows.push(row);
    }

    /// Writes the ratios as JSON.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let file = serde_json::json!({ "schema": SCHEMA, "rows": self.rows });
        std::fs::write(path, format!("{file:#}\n"))?;
        say(&format!("ratios written to {}", path.display()));
        Ok(())
    }
}

/// Data, on standard output.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Talk, on standard error.
pub(crate) fn talk(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
