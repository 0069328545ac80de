//! `tollgate agent`: sessions.
//!
//! Every verb asks for the operator before it reads or writes anything.

mod carry_on;
mod end;
mod launch;
mod look;
mod prompt;
mod rebind;

pub(crate) use launch::{project, provider, start};
pub(crate) use prompt::{Prepared, directories, fixture, manner, prepare, report, terms};

use crate::app::App;
use crate::args::agent::Agent;
use crate::errors::{Done, Failure};
use crate::render::words::resolve_command;
use crate::wiring::House;
use tollgate_contract::SessionId;
use tollgate_sessions::driver::{Driver, DriverError};
use tollgate_sessions::ports::StoreError;
use tollgate_sessions::record::SessionRecord;

/// Carries out one verb.
pub(crate) async fn run(app: &App, verb: Agent) -> Done {
    match verb {
        Agent::Launch(launch) => launch::run(app, launch).await,
        Agent::Prompt(prompt) => prompt::run(app, prompt).await,
        Agent::Status(one) => look::status(app, &one.id).await,
        Agent::List(list) => look::list(app, &list).await,
        Agent::Show(one) => look::show(app, &one.id).await,
        Agent::Events(events) => look::events(app, &events).await,
        Agent::Stop(stop) => end::stop(app, &stop).await,
        Agent::Restart(restart) => end::restart(app, &restart).await,
        Agent::Continue(args) => carry_on::run(app, &args).await,
        Agent::Rebind(args) => rebind::run(app, &args).await,
        Agent::Rm(remove) => end::remove(app, &remove).await,
    }
}

/// The driver for a verb that needs the operator.
fn driver(app: &App, command: &str) -> Done<Driver> {
    let operator = app.operator(command)?;
    Ok(House::open_to_look(app)?.driver(operator))
}

/// A session's id as it was typed.
fn session_id(typed: &str) -> Done<SessionId> {
    SessionId::new(typed)
        .map_err(|error| Failure::input_try(error.to_string(), "tollgate agent list"))
}

/// Says how a session goes on that waits for an operator's word on an effect.
pub(crate) fn tell_unresolved(app: &App, record: &SessionRecord) {
    if let Some(receipt) = record.unresolved.first() {
        app.printer.talk(format!(
            "an effect of it may or may not have happened; say what became of it: `{}`",
            resolve_command(receipt)
        ));
    }
}

/// What the driver refused or could not do, for people.
pub(crate) fn failure(error: DriverError) -> Failure {
    let remedy = Some("tollgate agent list".to_owned());
    match error {
        DriverError::Refused(refusal) => Failure::Transition {
            what: format!("{} is refused: {}", refusal.command, refusal.rule),
            session: refusal.session,
            state: match refusal.reason {
                Some(reason) => format!("{} ({reason})", refusal.status),
                None => refusal.status.to_string(),
            },
            remedy: refusal.helps,
        },
        DriverError::Store(StoreError::NotFound { session }) => Failure::NotFound {
            kind: "session",
            name: session.to_string(),
            remedy: "tollgate agent list".into(),
        },
        DriverError::Store(error @ StoreError::Exists { .. }) => Failure::Input {
            what: error.to_string(),
            rule: None,
            remedy,
        },
        DriverError::InUse { session } => Failure::Transition {
            what: "another process is working on it".into(),
            state: "in use".into(),
            remedy: Some(format!("tollgate agent stop {session}")),
            session: session.to_string(),
        },
        DriverError::AlreadyResolved { ref receipt, .. } => Failure::Input {
            what: error.to_string(),
            rule: Some("the ledger's word stands; the session has not heard it yet".into()),
            remedy: Some(resolve_command(receipt)),
        },
        DriverError::NotRepeatable { ref receipt, .. } => Failure::Input {
            what: error.to_string(),
            rule: Some("nothing is done twice".into()),
            remedy: Some(resolve_command(receipt)),
        },
        DriverError::Id(error) => Failure::Input {
            what: error.to_string(),
            rule: None,
            remedy,
        },
        DriverError::Store(StoreError::FenceLost { ref session, .. }) => {
            cannot(format!("tollgate agent status {session}"), error)
        }
        DriverError::Store(_) | DriverError::Ledger(_) => cannot("tollgate doctor".into(), error),
        other => Failure::failed("the session could not go on", other),
    }
}

fn cannot(remedy: String, error: DriverError) -> Failure {
    Failure::Failed {
        what: "the session could not go on".into(),
        source: error.into(),
        remedy: Some(remedy),
    }
}
