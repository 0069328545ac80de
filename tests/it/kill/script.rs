//! What the model asks for, turn by turn.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The model's last words.
pub(super) const LAST_WORDS: &str = "all steps are done";

/// One tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Makes the file of the step.
    Create,
    /// Makes the directory of the step.
    MakeDirectory,
    /// Reads the note of the step.
    Read,
}

/// The turns; the steps in them are numbered from 1.
#[derive(Debug, Clone)]
pub(super) struct Script {
    turns: Vec<Vec<Act>>,
}

/// One tool call in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) number: usize,
    pub(super) act: Act,
}

impl Script {
    /// Five calls in three turns: each act, alone and beside another.
    pub(super) fn short() -> Self {
        use Act::{Create, MakeDirectory, Read};
        Self {
            turns: vec![
                vec![Create],
                vec![Read, Create],
                vec![MakeDirectory, Create],
            ],
        }
    }

    /// The short one so many times over.
    pub(super) fn long(times: usize) -> Self {
        let turns = std::iter::repeat_n(Self::short().turns, times)
            .flatten()
            .collect();
        Self { turns }
    }

    /// Every step.
    pub(super) fn steps(&self) -> Vec<Step> {
        let acts = self.turns.iter().flatten();
        (1..)
            .zip(acts)
            .map(|(number, act)| Step { number, act: *act })
            .collect()
    }

    /// The steps of the turn that follows `answered` results; none when the script is at its end.
    pub(super) fn turn_after(&self, answered: usize) -> Vec<Step> {
        let steps = self.steps();
        let mut begun = 0;
        for turn in &self.turns {
            if begun >= answered {
                return steps[begun..begun + turn.len()].to_vec();
            }
            begun += turn.len();
        }
        Vec::new()
    }
}

impl Step {
    /// The tool as the model names it.
    pub(super) fn tool(self) -> &'static str {
        match self.act {
            Act::Create => "files__write",
            Act::MakeDirectory => "files__mkdir",
            Act::Read => "files__read",
        }
    }

    /// Its arguments.
    pub(super) fn arguments(self, session: &str) -> Value {
        let path = self.target(session);
        match self.act {
            Act::Create => {
                json!({ "path": path, "content": self.content(session), "create_only": true })
            }
            Act::MakeDirectory | Act::Read => json!({ "path": path }),
        }
    }

    /// What it is about, as the plugin sees it; no other step has it.
    pub(super) fn target(self, session: &str) -> String {
        let number = self.number;
        match self.act {
            Act::Create => format!("/out/{session}/{number}.txt"),
            Act::MakeDirectory => format!("/out/{session}/{number}"),
            Act::Read => format!("/in/{session}/{number}.txt"),
        }
    }

    /// What a file or a note says.
    pub(super) fn content(self, session: &str) -> String {
        format!("step {} of {session}\n", self.number)
    }
}

/// A target as the host sees it.
pub(super) fn on_host(root: &Path, target: &str) -> PathBuf {
    root.join(target.trim_start_matches('/'))
}

/// The id of a request for a step; `nonce` sets it apart from other requests for it.
pub(super) fn use_id(step: Step, nonce: usize) -> String {
    format!("use_{}_{nonce}", step.number)
}

/// The step of such an id.
pub(super) fn step_of(use_id: &str) -> usize {
    use_id.split('_').nth(1).unwrap().parse().unwrap()
}
