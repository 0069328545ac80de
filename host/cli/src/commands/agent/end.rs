//! `agent stop`, `agent restart`, `agent rm`.

use super::{driver, failure, session_id, tell_unresolved};
use crate::app::App;
use crate::args::agent::{Remove, WithReason};
use crate::errors::{Context, Done};
use crate::printer::escape;
use crate::render::words::count;
use serde_json::json;
use tollgate_contract::SessionId;

/// Stops a session.
pub(crate) async fn stop(app: &App, args: &WithReason) -> Done {
    let driver = driver(app, "agent stop")?;
    let session = session_id(&args.id)?;
    let record = driver
        .stop(&session, args.reason.as_deref())
        .await
        .map_err(failure)?;
    app.printer.json(&record);
    app.printer
        .line(format!("session {} is {}", record.id, record.status));
    Ok(())
}

/// Starts a session again.
pub(crate) async fn restart(app: &App, args: &WithReason) -> Done {
    let driver = driver(app, "agent restart")?;
    let session = session_id(&args.id)?;
    let launched = {
        let _progress = app.printer.progress("preparing the provider");
        driver
            .restart(&session, args.reason.as_deref())
            .await
            .map_err(failure)?
    };
    for unmet in &launched.unmet {
        app.printer.warn(format!(
            "missing {}: {}",
            unmet.label,
            escape::line(&unmet.help)
        ));
    }
    app.printer.json(&launched.session);
    app.printer.line(format!(
        "session {} is {}",
        launched.session.id, launched.session.status
    ));
    tell_unresolved(app, &launched.session);
    Ok(())
}

/// Removes a session.
pub(crate) async fn remove(app: &App, args: &Remove) -> Done {
    let driver = driver(app, "agent rm")?;
    let session = session_id(&args.id)?;
    let report = match driver.remove(&session, args.force).await {
        Ok(report) => report,
        // It may be one of a single call, or removed already: its key can still be there.
        Err(_) if args.forget && forget(app, &session).is_ok_and(|known| known) => {
            app.printer
                .json(&json!({ "session": session.to_string(), "forgotten": true }));
            return Ok(());
        }
        Err(error) => return Err(failure(error)),
    };
    app.printer.json(&report);
    let number = |many: u64| usize::try_from(many).unwrap_or(usize::MAX);
    app.printer.line(format!(
        "removed session {}: {}, {} of the transcript, {}",
        report.session,
        count(number(report.events), "event"),
        count(number(report.transcript_entries), "part"),
        count(number(report.resources), "resource"),
    ));
    for kept in &report.kept {
        app.printer.line(format!("kept: {kept}"));
    }
    if args.forget {
        forget(app, &session)?;
    }
    Ok(())
}

/// Deletes the key of a session's keyed hashes; false if nothing knows the session.
fn forget(app: &App, session: &SessionId) -> Done<bool> {
    let known = app
        .store()?
        .forget(session.as_str(), &app.identity.subject)
        .doing(|| format!("the key of {session} cannot be deleted"))?;
    if known {
        app.printer.line(format!(
            "forgotten: the key of the keyed hashes of {session}; its receipts stay and verify"
        ));
    }
    Ok(known)
}
