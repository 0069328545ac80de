//! One call on the command line, from the start of the process to its end; what is compiled is cached.

use crate::report::{Aim, Figures, PER_CALL, Report};
use crate::stats::Times;
use crate::tools::Tool;
use crate::tools::side::Side;
use anyhow::{Result, ensure};
use std::time::Instant;

/// Measured calls of each side.
const CALLS: usize = 100;
/// Calls of one side before the other takes over.
const TURN: usize = 10;
/// Microseconds.
const AIM_US: f64 = 40_000.0;

pub(crate) fn run(report: &mut Report, ours: &Side, peers: &[Side]) -> Result<()> {
    for tool in [Tool::Greet, Tool::Read] {
        let sides: Vec<&Side> = std::iter::once(ours)
            .chain(peers.iter().filter(|peer| peer.call.is_some()))
            .collect();
        let mut times: Vec<Times> = sides.iter().map(|_| Times::default()).collect();
        for side in &sides {
            once(side, tool)?;
        }
        for _ in 0..CALLS / TURN {
            for (side, times) in sides.iter().zip(&mut times) {
                for _ in 0..TURN {
                    let started = Instant::now();
                    once(side, tool)?;
                    times.push(started.elapsed());
                }
            }
        }
        let mut measured = sides.iter().zip(times.iter().map(Figures::of_times));
        let Some((_, our_times)) = measured.next() else {
            return Ok(());
        };
        let name = format!("{}, cold start of `call`", tool.name());
        let aim = Some(Aim::OursAtMost(AIM_US));
        if sides.len() == 1 {
            report.row(&name, PER_CALL, None, our_times, aim);
        }
        for (peer, times) in measured {
            report.row(&name, PER_CALL, Some((peer.name, times)), our_times, aim);
        }
    }
    Ok(())
}

fn once(side: &Side, tool: Tool) -> Result<()> {
    let output = side.command_line(tool)?.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && text.trim_end() == tool.answer().trim_end(),
        "{} answered {:?}: {text}",
        side.name,
        output.status
    );
    Ok(())
}
