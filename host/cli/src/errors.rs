//! What an operator is told when something was not done.
//!
//! Every variant says what was refused (`Display`), by which rule, and the one command that changes it.
//! The exit code belongs to the variant. Libraries below speak their own typed errors; they are turned
//! into these where a command knows what the operator wanted.

use serde_json::{Value, json};
use tollgate_receipts::export::ExportError;

/// Exit codes of the binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Ok = 0,
    /// It was tried and failed.
    Failed = 1,
    /// The input or the transition is not legal; nothing was written.
    Input = 2,
    /// The gate or a rule refused.
    Denied = 3,
    /// A run waits for an operator.
    Blocked = 4,
    /// No operator is logged in.
    NoLogin = 5,
    /// A budget ended the run.
    Budget = 6,
    /// Evidence was changed, or is of another ledger.
    Invalid = 10,
    /// Evidence is missing.
    Incomplete = 11,
    /// A file of evidence cannot be read.
    Unreadable = 12,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No operator is logged in.
    #[error("{command} needs an operator, and nobody is logged in")]
    NoLogin {
        /// The refused verb.
        command: String,
    },
    /// The input is wrong.
    #[error("{what}")]
    Input {
        /// What is wrong.
        what: String,
        /// By which rule.
        rule: Option<String>,
        /// What to type instead.
        remedy: Option<String>,
    },
    /// What was named is not there.
    #[error("no {kind} is named {name:?}")]
    NotFound {
        /// Such as `session`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The command that lists what is there.
        remedy: String,
    },
    /// Evidence does not hold.
    #[error("{error}")]
    Evidence {
        /// What is wrong with it.
        error: tollgate_receipts::export::ExportError,
    },
    /// The session is in a state that does not allow the verb.
    #[error("session {session} is {state}: {what}")]
    Transition {
        /// The session.
        session: String,
        /// Its state.
        state: String,
        /// What was refused.
        what: String,
        /// What is legal now.
        remedy: Option<String>,
    },
    /// The gate refused an effect and the command failed by it.
    #[error("{} was denied {} {}", .0.plugin, .0.kind, .0.target)]
    Denied(Box<Refused>),
    /// A run is blocked.
    #[error("run {run} of session {session} is blocked: {reason}")]
    Blocked {
        /// The session.
        session: String,
        /// The run.
        run: String,
        /// Why.
        reason: String,
        /// What unblocks it.
        remedy: Option<String>,
    },
    /// A budget ended a run.
    #[error("run {run} of session {session} was interrupted: {reason}")]
    Budget {
        /// The session.
        session: String,
        /// The run.
        run: String,
        /// Which budget.
        reason: String,
        /// How to give it more.
        remedy: Option<String>,
    },
    /// A policy file cannot be used.
    #[error("{rendered}")]
    Policy {
        /// File, line, caret and rule.
        rendered: String,
        /// What checks it.
        remedy: String,
    },
    /// A run ended without an answer.
    #[error("{what}")]
    Run {
        /// How it ended.
        what: String,
        /// By which rule.
        rule: Option<String>,
        /// What to do.
        remedy: Option<String>,
    },
    /// It was told already; only the exit code is left to say.
    #[error("{}", .0.code())]
    Told(Box<Failure>),
    /// Anything else that was tried and failed.
    #[error("{what}: {source:#}")]
    Failed {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: anyhow::Error,
        /// What to do.
        remedy: Option<String>,
    },
}

/// A refusal of the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The plugin.
    pub(crate) plugin: String,
    /// The kind of effect.
    pub(crate) kind: String,
    /// Its target, redacted.
    pub(crate) target: String,
    /// Label of the reason, and the nearest miss.
    pub(crate) reason: String,
    /// The receipt.
    pub(crate) receipt: Option<String>,
    /// The command that allows it.
    pub(crate) remedy: Option<String>,
}

/// Result of a command.
pub(crate) type Done<T = ()> = Result<T, Failure>;

impl Failure {
    /// Wrong input.
    pub(crate) fn input(what: impl Into<String>) -> Self {
        Self::Input {
            what: what.into(),
            rule: None,
            remedy: None,
        }
    }

    /// Wrong input with what to type instead.
    pub(crate) fn input_try(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Input {
            what: what.into(),
            rule: None,
            remedy: Some(remedy.into()),
        }
    }

    /// Tried and failed.
    pub(crate) fn failed(what: impl Into<String>, source: impl Into<anyhow::Error>) -> Self {
        Self::Failed {
            what: what.into(),
            source: source.into(),
            remedy: None,
        }
    }

    /// The same failure, once it has been told.
    pub(crate) fn told(self) -> Self {
        Self::Told(Box::new(self))
    }

    /// Whether it still has to be told.
    pub(crate) fn is_told(&self) -> bool {
        matches!(self, Self::Told(_))
    }

    /// Its exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::NoLogin { .. } => Exit::NoLogin,
            Self::Input { .. }
            | Self::NotFound { .. }
            | Self::Transition { .. }
            | Self::Policy { .. } => Exit::Input,
            Self::Evidence { error } => match error {
                ExportError::Invalid(_) => Exit::Invalid,
                ExportError::Incomplete(_) => Exit::Incomplete,
                ExportError::Unreadable(_) => Exit::Unreadable,
            },
            Self::Denied(_) => Exit::Denied,
            Self::Blocked { .. } => Exit::Blocked,
            Self::Budget { .. } => Exit::Budget,
            Self::Run { .. } | Self::Failed { .. } => Exit::Failed,
            Self::Told(failure) => failure.exit(),
        }
    }

    /// Stable name of the variant, for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoLogin { .. } => "no_login",
            Self::Input { .. } => "input",
            Self::NotFound { .. } => "not_found",
            Self::Transition { .. } => "illegal_transition",
            Self::Evidence { error } => match error {
                ExportError::Invalid(_) => "invalid",
                ExportError::Incomplete(_) => "incomplete",
                ExportError::Unreadable(_) => "unreadable",
            },
            Self::Denied(_) => "denied",
            Self::Blocked { .. } => "blocked",
            Self::Budget { .. } => "budget",
            Self::Policy { .. } => "policy",
            Self::Run { .. } => "run_failed",
            Self::Failed { .. } => "failed",
            Self::Told(failure) => failure.code(),
        }
    }

    /// The rule that refused.
    pub(crate) fn rule(&self) -> Option<String> {
        match self {
            Self::NoLogin { .. } => Some("sessions belong to an operator who is logged in".into()),
            Self::Input { rule, .. } | Self::Run { rule, .. } => rule.clone(),
            Self::Transition { state, .. } => Some(format!(
                "the session's state is {state}; nothing was written"
            )),
            Self::Denied(refused) => Some(refused.reason.clone()),
            Self::Policy { .. } => Some("a policy file with a fault grants nothing".into()),
            Self::Evidence { error } => match error {
                ExportError::Invalid(_) => Some("an export is as its ledger signed it".into()),
                ExportError::Incomplete(_) => {
                    Some("an export holds every entry that its header names".into())
                }
                ExportError::Unreadable(_) => None,
            },
            Self::NotFound { .. }
            | Self::Blocked { .. }
            | Self::Budget { .. }
            | Self::Told(_)
            | Self::Failed { .. } => None,
        }
    }

    /// The one command, or the one act, that changes it.
    pub(crate) fn remedy(&self) -> Option<String> {
        match self {
            Self::NoLogin { .. } => Some("tollgate auth login".into()),
            Self::Evidence { .. } => {
                Some("take it anew where the ledger is: tollgate receipt export --out FILE".into())
            }
            Self::Told(failure) => failure.remedy(),
            Self::Denied(refused) => refused.remedy.clone(),
            Self::NotFound { remedy, .. } | Self::Policy { remedy, .. } => Some(remedy.clone()),
            Self::Input { remedy, .. }
            | Self::Transition { remedy, .. }
            | Self::Blocked { remedy, .. }
            | Self::Budget { remedy, .. }
            | Self::Run { remedy, .. }
            | Self::Failed { remedy, .. } => remedy.clone(),
        }
    }

    /// The error for programs.
    pub(crate) fn to_json(&self) -> Value {
        let mut error = json!({
            "code": self.code(),
            "exit": self.exit() as u8,
            "message": self.to_string(),
            "rule": self.rule(),
            "try": self.remedy(),
        });
        if let (Self::Denied(refused), Some(fields)) = (self, error.as_object_mut()) {
            fields.insert("plugin".into(), json!(refused.plugin));
            fields.insert("kind".into(), json!(refused.kind));
            fields.insert("target".into(), json!(refused.target));
            fields.insert("receipt".into(), json!(refused.receipt));
        }
        json!({ "error": error })
    }
}

/// Turns a library's error into [`Failure::Failed`] with what was tried.
pub(crate) trait Context<T> {
    /// Says what was tried.
    fn doing(self, what: impl FnOnce() -> String) -> Done<T>;
}

impl<T, E: Into<anyhow::Error>> Context<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Done<T> {
        self.map_err(|source| Failure::failed(what(), source))
    }
}
