//! The first load of a Python component of 18 MB: cold, and by a later process.
//!
//! Cold is one call on the command line in an empty home; raw wasmtime compiles the same component in this process,
//! with all processors and no limits, and does not call it. ACT's is the same tool, built by the same componentize-py for its contract.

use crate::raw::Raw;
use crate::report::{Figures, PER_CALL, RAW, Report, say};
use crate::stats::Times;
use crate::tools::side::{ACT, Place, path, tollgate};
use anyhow::{Result, ensure};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// plugins/example-python, built, and the same for ACT.
const COMPONENT: &str = "TOLLGATE_BENCH_PYTHON";
const ACT_COMPONENT: &str = "TOLLGATE_BENCH_ACT_PYTHON";
/// First loads, each in an empty home.
const COLD: usize = 3;
/// Later loads in each of them.
const CACHED: usize = 10;
const TOOL: &str = "summarize";

/// A command that calls the tool, in a home.
type Call<'a> = &'a dyn Fn(&Path) -> Command;

#[derive(Default)]
struct Loads {
    cold: Times,
    cached: Times,
}

pub(crate) fn run(report: &mut Report, place: &Place) -> Result<()> {
    let component = match path(COMPONENT) {
        Ok(component) => component,
        Err(why) => {
            report.skip("Python component", &why);
            return Ok(());
        }
    };
    let act = path(ACT).and_then(|act| Ok((act, path(ACT_COMPONENT)?)));
    let bytes = component.metadata()?.len();
    say(&format!("Python component: {:.1} MB", bytes as f64 / 1e6));
    let data = place.data();
    let (mut raw, mut ours, mut acts) = (Times::default(), Loads::default(), Loads::default());
    for round in 0..COLD {
        let started = Instant::now();
        Raw::compile(&component)?;
        raw.push(started.elapsed());
        let home = place.path().join(format!("python-{round}"));
        loads(&home, &|home| our_call(&component, &data, home), &mut ours)?;
        if let Ok((program, component)) = &act {
            let home = place.path().join(format!("act-python-{round}"));
            let call = |home: &Path| act_call(program, component, &data, home);
            loads(&home, &call, &mut acts)?;
        }
    }
    let cold = Figures::of_times(&ours.cold);
    let raw = (RAW, Figures::of_times(&raw));
    report.row(
        "Python, cold; raw compiles, and no more",
        PER_CALL,
        Some(raw),
        cold,
        None,
    );
    let cached = Figures::of_times(&ours.cached);
    match act {
        Ok(_) => {
            let against = Some(("act", Figures::of_times(&acts.cold)));
            report.row("Python, cold", PER_CALL, against, cold, None);
            let against = Some(("act", Figures::of_times(&acts.cached)));
            report.row("Python, cached", PER_CALL, against, cached, None);
        }
        Err(why) => {
            report.row("Python, cached", PER_CALL, None, cached, None);
            report.skip("Python component of act", &why);
        }
    }
    Ok(())
}

fn loads(home: &Path, call: Call<'_>, loads: &mut Loads) -> Result<()> {
    std::fs::create_dir(home)?;
    loads.cold.push(timed(call(home))?);
    for _ in 0..CACHED {
        loads.cached.push(timed(call(home))?);
    }
    Ok(())
}

fn timed(mut command: Command) -> Result<Duration> {
    let started = Instant::now();
    let output = command.output()?;
    let took = started.elapsed();
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && text.contains("\"rows\""),
        "the Python component failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(took)
}

fn our_call(component: &Path, data: &Path, home: &Path) -> Command {
    let mut command = Command::new(tollgate());
    command
        .env("TOLLGATE_HOME", home)
        .arg("call")
        .args(["--grant", &format!("fs.read {} at /data", data.display())])
        .arg(component)
        .args([TOOL, "--arguments-json", &arguments("/data".as_ref())]);
    command
}

fn act_call(program: &Path, component: &Path, data: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("HOME", home)
        .env("XDG_CACHE_HOME", home)
        .arg("call")
        .args(["--allow", &format!("fs={}/**:ro", data.display())])
        .arg(component)
        .args([TOOL, "--args", &arguments(data)]);
    command
}

fn arguments(directory: &Path) -> String {
    serde_json::json!({ "path": directory.join("a.txt") }).to_string()
}
