//! The same again and again, until it is refused.

use crate::Report;
use crate::report::Said;

/// Repeats `attempt` with the numbers from 0, at most `times` times, and says how often it went well and
/// what ended it. What it brought is kept until then.
pub fn until_refused<T, E: Said>(
    report: &mut Report,
    what: &str,
    times: usize,
    mut attempt: impl FnMut(usize) -> Result<T, E>,
) -> Vec<T> {
    let mut kept = Vec::new();
    for n in 0..times {
        match attempt(n) {
            Ok(value) => kept.push(value),
            Err(error) => {
                report.say(format!(
                    "{what}: {} times, then {}",
                    kept.len(),
                    error.said()
                ));
                return kept;
            }
        }
    }
    report.say(format!("{what}: {times} times"));
    kept
}
