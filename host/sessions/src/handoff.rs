//! Handoffs: the structured document that a run leaves for whoever continues.
//!
//! It is written by the host from what it saw, not by the model, so that it exists however the run
//! ended. It quotes prompt and answer, and is therefore kept in the transcript; events and records hold
//! its id.

use crate::state::Run;
use crate::status::RunStatus;
use serde::{Deserialize, Serialize};

/// Schema of the documents that this version writes.
pub const HANDOFF_SCHEMA: &str = "tollgate.handoff/1";
/// The most bytes of a quoted text.
pub const QUOTE_BYTES_MAX: usize = 4 * 1024;

/// What a run leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// [`HANDOFF_SCHEMA`].
    pub schema: String,
    /// Its id.
    pub id: String,
    /// The session.
    pub session: String,
    /// The task.
    pub task: String,
    /// The run.
    pub run: String,
    /// How the run stands.
    pub status: RunStatus,
    /// Label of the reason, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was asked for, at most [`QUOTE_BYTES_MAX`] bytes.
    pub goal: String,
    /// What was done: the model's last words, at most [`QUOTE_BYTES_MAX`] bytes.
    pub done: Vec<String>,
    /// What is open.
    pub open: Vec<String>,
    /// Which tools were used.
    pub tools: Vec<ToolSummary>,
    /// Ids of the provider receipts.
    pub receipts: Vec<String>,
    /// Ids of the environment receipts, the newest.
    pub environment_receipts: Vec<String>,
    /// What to do next.
    pub next: String,
}

/// How a tool was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSummary {
    /// `plugin/tool`.
    pub tool: String,
    /// Calls that came back.
    pub calls: u64,
    /// Of these, those that came back as anything but `ok`.
    pub not_ok: u64,
}

/// What is known of a run when its handoff is written.
#[derive(Debug)]
pub struct Known<'a> {
    /// The handoff's id.
    pub id: String,
    /// The session.
    pub session: &'a str,
    /// How the run ends.
    pub status: RunStatus,
    /// Label of the reason.
    pub reason: Option<&'a str>,
    /// The prompt.
    pub goal: &'a str,
    /// The model's last words.
    pub output: &'a str,
    /// Names of tools that were asked for and have no answer.
    pub unanswered: &'a [String],
}

/// Writes the document.
pub fn write(run: &Run, known: Known<'_>) -> Handoff {
    let mut open: Vec<String> = known
        .unanswered
        .iter()
        .map(|name| format!("tool call {name} has no answer"))
        .collect();
    if known.status != RunStatus::Completed {
        let why = known
            .reason
            .map_or(String::new(), |reason| format!(" ({reason})"));
        open.insert(0, format!("the goal: the run is {}{why}", known.status));
    }
    Handoff {
        schema: HANDOFF_SCHEMA.to_owned(),
        id: known.id,
        session: known.session.to_owned(),
        task: run.task.clone(),
        run: run.run.clone(),
        status: known.status,
        reason: known.reason.map(str::to_owned),
        goal: quote(known.goal),
        done: (!known.output.is_empty())
            .then(|| quote(known.output))
            .into_iter()
            .collect(),
        open,
        tools: run
            .tools
            .iter()
            .map(|(tool, count)| ToolSummary {
                tool: tool.clone(),
                calls: count.calls,
                not_ok: count.not_ok,
            })
            .collect(),
        receipts: run.receipts.ids.iter().cloned().collect(),
        environment_receipts: run.environment_receipts.ids.iter().cloned().collect(),
        next: next(known.status, known.reason).to_owned(),
    }
}

fn next(status: RunStatus, reason: Option<&str>) -> &'static str {
    match (status, reason) {
        (RunStatus::Completed, _) => "nothing is open: give the next task",
        (
            _,
            Some(
                "max_iterations" | "token_budget" | "money_budget" | "effect_budget"
                | "output_limit",
            ),
        ) => "prompt again with a larger bound, or ask for less",
        (_, Some("denied")) => {
            "look at the denied receipt; grant what it names, or ask for another way"
        }
        (_, Some("auth_expired")) => "renew the credential, then restart",
        (RunStatus::Blocked, _) => "see what the session waits for",
        (RunStatus::Cancelled, _) => "nothing, unless the goal still stands",
        _ => "look at the events, then prompt again",
    }
}

/// At most [`QUOTE_BYTES_MAX`] bytes, cut at a character's edge.
fn quote(text: &str) -> String {
    if text.len() <= QUOTE_BYTES_MAX {
        return text.to_owned();
    }
    let mark = '…';
    let mut end = QUOTE_BYTES_MAX - mark.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut cut = text.get(..end).unwrap_or_default().to_owned();
    cut.push(mark);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_run_leaves_its_goal_open() {
        let unanswered = ["files__read".to_owned()];
        let handoff = write(
            &Run::default(),
            Known {
                id: "handoff_1".into(),
                session: "s",
                status: RunStatus::Interrupted,
                reason: Some("max_iterations"),
                goal: &"é".repeat(QUOTE_BYTES_MAX),
                output: "",
                unanswered: &unanswered,
            },
        );
        assert_eq!(handoff.open.len(), 2);
        assert!(handoff.done.is_empty());
        assert!(handoff.goal.len() <= QUOTE_BYTES_MAX && handoff.goal.ends_with('…'));
        assert!(handoff.next.contains("larger bound"));
    }
}
