//! `tollgate doctor`: what is there, what is missing, and the remedy of each fault.

mod authoring;
mod machine;
mod ours;

use crate::app::App;
use crate::env_vars;
use crate::errors::{Done, Failure};
use crate::printer::table::left;
use serde::Serialize;
use serde_json::json;

/// How one check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// Not there, and needed for one purpose only.
    Absent,
    /// It works, with less than it should.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Ok,
            found: found.into(),
            remedy: None,
        }
    }

    fn absent(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Absent,
            found: found.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn warn(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Warn,
            found: found.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn fail(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Fail,
            found: found.into(),
            remedy: Some(remedy.into()),
        }
    }
}

/// Looks at everything and prints it; fails if a check fails.
pub(crate) fn run(app: &App) -> Done {
    let mut checks = machine::checks(&app.home);
    checks.extend(ours::checks(app));
    checks.extend(authoring::checks());
    let printer = &app.printer;
    let variables: Vec<_> = env_vars::ALL
        .iter()
        .map(|variable| {
            let value = variable
                .get()
                .map(|value| value.to_string_lossy().into_owned());
            json!({"name": variable.name, "value": value, "help": variable.help})
        })
        .collect();
    printer.json(&json!({"checks": checks, "variables": variables}));
    for check in &checks {
        let word = match check.verdict {
            Verdict::Ok => printer.good("ok  "),
            Verdict::Absent => printer.dim("none"),
            Verdict::Warn => printer.heading("warn"),
            Verdict::Fail => printer.bad("fail"),
        };
        let found = crate::printer::escape::line(&check.found);
        printer.line(format!("{word}  {:<12}  {found}", check.name));
        if let Some(remedy) = &check.remedy {
            let label = match check.verdict {
                Verdict::Absent => "to get it: ",
                _ => "remedy: ",
            };
            printer.line(format!(
                "{:20}{label}{}",
                "",
                crate::printer::escape::line(remedy)
            ));
        }
    }
    printer.line("");
    let rows: Vec<Vec<String>> = env_vars::ALL
        .iter()
        .map(|variable| {
            let value = variable
                .get()
                .map(|value| value.to_string_lossy().into_owned());
            vec![
                variable.name.to_owned(),
                value.unwrap_or_default(),
                variable.help.to_owned(),
            ]
        })
        .collect();
    printer.table(&[left("VARIABLE"), left("VALUE"), left("MEANING")], &rows);
    let failed = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Fail)
        .count();
    if failed > 0 {
        return Err(Failure::Run {
            what: format!("{failed} of {} checks failed", checks.len()),
            rule: None,
            remedy: Some("follow the remedies above, then run tollgate doctor again".into()),
        });
    }
    Ok(())
}
