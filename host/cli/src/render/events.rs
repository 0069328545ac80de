//! Events for people: one line each.

use super::words::{count, short_id};
use tollgate_sessions::event::{Event, RunEnd};

/// What an event says beyond its name; every word in it is untrusted.
pub(crate) fn detail(event: &Event) -> String {
    match event {
        Event::Launched { identity } => {
            let model = identity
                .model
                .as_deref()
                .unwrap_or("the adapter's default model");
            format!(
                "{} with {model}, project {}",
                identity.provider, identity.project
            )
        }
        Event::Bound {
            provider_name,
            format,
        } => [provider_name, format]
            .into_iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>()
            .join(", "),
        Event::Rebound {
            from_provider,
            provider,
            model,
            ..
        } => {
            let model = model.as_deref().unwrap_or("the adapter's default model");
            format!("from {from_provider} to {provider} with {model}")
        }
        Event::Unbound { missing } => format!("missing: {}", missing.join(", ")),
        Event::PromptReceived {
            seed,
            prompt,
            terms,
            ..
        } => {
            let fixture = terms.as_ref().and_then(|terms| terms.fixture.as_deref());
            let fixture = fixture.map(|fixture| format!(", fixture {fixture}"));
            format!(
                "run {}, prompt {} of {} bytes{}",
                short_id(&seed.run),
                prompt.hash,
                prompt.bytes,
                fixture.unwrap_or_default()
            )
        }
        Event::MessageQueued { prompt } => format!("{} of {} bytes", prompt.hash, prompt.bytes),
        Event::InboxDelivered { messages, .. } => format!("{messages} messages"),
        Event::RunResumed { run, cause } => format!("run {}, {cause}", short_id(run)),
        Event::ProbeStarted { seed } => format!("run {}", short_id(&seed.run)),
        Event::ProviderStarted { turn, attempt, .. } => format!("turn {turn}, try {attempt}"),
        Event::ProviderCompleted {
            turn,
            receipt,
            tool_uses,
            ..
        } => format!(
            "turn {turn}, {}, {} + {} tokens, {}",
            receipt.model,
            receipt.usage.input,
            receipt.usage.output,
            count(
                usize::try_from(*tool_uses).unwrap_or(usize::MAX),
                "tool use"
            ),
        ),
        Event::ProviderFailed {
            turn,
            error,
            detail,
            ..
        } => match detail {
            Some(detail) => format!("turn {turn}, {error}: {detail}"),
            None => format!("turn {turn}, {error}"),
        },
        Event::LeftOut {
            provider, left_out, ..
        } => {
            let kinds: Vec<String> = left_out
                .iter()
                .map(|one| format!("{} {} of {}", one.blocks, one.kind, one.provider))
                .collect();
            format!("not for {provider}: {}", kinds.join(", "))
        }
        Event::ToolStarted { plugin, tool, .. } => format!("{plugin} {tool}"),
        Event::ToolCompleted {
            plugin,
            tool,
            outcome,
            denial,
            environment_receipts,
            ..
        } => {
            let denial = denial
                .as_ref()
                .map(|label| format!(" ({label})"))
                .unwrap_or_default();
            let receipts = count(environment_receipts.len(), "receipt");
            format!("{plugin} {tool}: {outcome}{denial}, {receipts}")
        }
        Event::RunCompleted { end } => run_end(end, None),
        Event::RunInterrupted { end, reason } => run_end(end, Some(reason.label())),
        Event::RunBlocked { end, reason } => run_end(end, Some(reason.label())),
        Event::RunFailed { end, reason } => run_end(end, Some(reason.label())),
        Event::RunCancelled { end, reason } => run_end(end, reason.as_deref()),
        Event::EffectsIndeterminate { receipts } => count(receipts.len(), "receipt"),
        Event::EffectResolved {
            receipt,
            resolution,
            ..
        } => {
            format!("receipt {}: {resolution}", short_id(receipt))
        }
        Event::Faulted { reason, detail } => match detail {
            Some(detail) => format!("{reason}: {detail}"),
            None => reason.to_string(),
        },
        Event::OwnerLost { note, .. } => note.clone(),
        Event::RunTaken { run } => format!("run {}", short_id(run)),
        Event::Rested { status } => status.to_string(),
        Event::Exited { prompt } => format!("exit word of {} bytes", prompt.bytes),
        Event::Stopping { cause, reason } => match reason {
            Some(reason) => format!("{cause}: {reason}"),
            None => cause.to_string(),
        },
        Event::Stopped { runs, .. } => count(usize::try_from(*runs).unwrap_or(usize::MAX), "run"),
        Event::Restarted { reason } => reason.clone().unwrap_or_default(),
        Event::Removed { events, .. } => format!("{events} events deleted"),
        Event::Recovered {} | Event::Woken {} | Event::Reset {} | Event::Archived {} => {
            String::new()
        }
    }
}

fn run_end(end: &RunEnd, why: Option<&str>) -> String {
    let turns = count(usize::try_from(end.turns).unwrap_or(usize::MAX), "turn");
    let numbers = format!("{turns}, {} + {} tokens", end.usage.input, end.usage.output);
    match why {
        Some(why) => format!("{why}, {numbers}"),
        None => numbers,
    }
}
