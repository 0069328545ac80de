//! Refusals: what was refused, by which rule, and the verb that helps.

use crate::state::State;
use crate::status::Status;
use std::fmt;

/// A command that is not legal now. Nothing was written; the command line exits with 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The session.
    pub session: String,
    /// The command.
    pub command: &'static str,
    /// Where the session stands.
    pub status: Status,
    /// Why it stands there, if there is a reason.
    pub reason: Option<String>,
    /// The rule.
    pub rule: &'static str,
    /// The command line that helps, if one does.
    pub helps: Option<String>,
}

impl Refusal {
    /// A refusal of `command` in `state`.
    pub(super) fn new(
        state: &State,
        command: &'static str,
        rule: &'static str,
        verb: Option<&str>,
    ) -> Self {
        Self {
            session: state.identity.session.clone(),
            command,
            status: state.status,
            reason: super::status_reason(state),
            rule,
            helps: verb.map(|verb| {
                let receipt = state.unresolved.first().map_or("RECEIPT", String::as_str);
                verb.replace("RECEIPT", receipt)
                    .replace("ID", &state.identity.session)
            }),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of session {} refused: it is {}",
            self.command, self.session, self.status
        )?;
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        write!(f, ", and {}", self.rule)?;
        match &self.helps {
            Some(verb) => write!(f, "; use `{verb}`"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}
