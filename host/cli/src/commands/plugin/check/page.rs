//! The report for people.

use super::Report;
use super::rules::Level;
use crate::plugins::World;
use crate::printer::{Printer, escape};
use crate::render::words::{bytes, count};

/// Imports that every component of a language's standard library has; told by their package alone.
const AMBIENT: [&str; 5] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:io/",
    "wasi:random/",
    "tollgate:plugin/",
];

/// Prints it.
pub(super) fn print(printer: &Printer, report: &Report) {
    let line = |label: &str, value: &str| {
        printer.line(format!(
            "{}  {}",
            printer.dim(&format!("{label:<10}")),
            escape::line(value)
        ));
    };
    let section = |title: &str| {
        printer.line("");
        printer.line(printer.heading(title));
    };
    line("plugin", &format!("{} {}", report.name, report.version));
    line("world", report.world.map_or("none", World::label));
    line(
        "contract",
        report.contract.as_deref().unwrap_or("none named"),
    );
    let size = bytes(report.bytes as u64);
    line(
        "component",
        &format!("{} ({size})", report.component.display()),
    );
    line("digest", &report.digest);
    section("imports");
    let (ambient, telling): (Vec<&String>, Vec<&String>) = report
        .imports
        .iter()
        .partition(|name| AMBIENT.iter().any(|prefix| name.starts_with(prefix)));
    for import in telling {
        printer.line(format!("  {}", escape::line(import)));
    }
    if !ambient.is_empty() {
        printer.line(format!(
            "  and {} of standard streams, clocks, randomness and the contract's own types",
            count(ambient.len(), "interface")
        ));
    }
    section("needs, and what an operator would type");
    match &report.needs {
        None => printer.line("  none declared: nothing can be granted to it"),
        Some(needs) if needs.is_empty() => printer.line("  nothing"),
        Some(_) => {
            for ask in &report.grants {
                printer.line(format!("  {}", escape::line(&ask.need)));
                let example = if ask.example { "such as: " } else { "" };
                printer.line(format!("      {example}{}", escape::line(&ask.command)));
            }
        }
    }
    if !report.tools.is_empty() {
        section("tools, in the plugin's own words");
        for tool in &report.tools {
            printer.line(format!(
                "  {}  {}",
                escape::line(&tool.name),
                escape::line(&tool.description)
            ));
        }
    }
    printer.line("");
    for finding in &report.findings {
        let word = match finding.level {
            Level::Error => printer.bad("error"),
            Level::Warning => printer.bad("warning"),
            Level::Note => printer.dim("note"),
        };
        printer.line(format!(
            "{word} ({}): {}",
            finding.rule,
            escape::line(&finding.what)
        ));
        printer.line(format!("  {}", escape::line(&finding.help)));
    }
    let verdict = format!(
        "{}, {}",
        count(report.number(Level::Error), "error"),
        count(report.number(Level::Warning), "warning")
    );
    printer.line(match report.number(Level::Error) {
        0 => printer.good(&verdict),
        _ => printer.bad(&verdict),
    });
}
