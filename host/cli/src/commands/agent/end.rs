//! `agent stop`, `agent restart`, `agent rm`.

use super::{driver, failure, session_id, tell_unresolved};
use crate::app::App;
use crate::args::agent::{Remove, WithReason};
use crate::errors::Done;
use crate::printer::escape;
use crate::render::words::count;

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
    let report = driver.remove(&session, args.force).await.map_err(failure)?;
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
    Ok(())
}
