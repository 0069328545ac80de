//! `agent status`, `agent list`, `agent show`, `agent events`.

use super::{driver, failure, session_id};
use crate::app::App;
use crate::args::agent::{Events, List};
use crate::errors::{Done, Failure};
use crate::printer::escape;
use crate::printer::table::{left, narrow, right};
use crate::render::{events, sessions};
use crate::time;
use serde_json::{Value, json};
use std::time::Duration;
use tollgate_sessions::driver::Driver;
use tollgate_sessions::event::EventRecord;
use tollgate_sessions::ports::StoredEvent;
use tollgate_sessions::record::{Listed, SessionRecord};
use tollgate_sessions::status::Status;

/// Events read at a time.
const PAGE_EVENTS: usize = 256;
/// How often a followed log is looked at.
const FOLLOW_POLL: Duration = Duration::from_millis(200);
/// Characters of a state, a plugin, a model, a project in a table.
const WORD_CHARS_MAX: usize = 32;

/// Prints one session.
pub(crate) async fn status(app: &App, id: &str) -> Done {
    let driver = driver(app, "agent status")?;
    let record = driver.status(&session_id(id)?).await.map_err(failure)?;
    app.printer.json(&record);
    print_page(app, &record);
    Ok(())
}

fn print_page(app: &App, record: &SessionRecord) {
    for (label, value) in sessions::page(record) {
        app.printer.line(format!(
            "{}  {}",
            app.printer.dim(&format!("{label:<14}")),
            escape::line(&value)
        ));
    }
}

/// Prints all sessions.
pub(crate) async fn list(app: &App, args: &List) -> Done {
    let driver = driver(app, "agent list")?;
    let state = args
        .state
        .as_deref()
        .map(|word| word.parse::<Status>())
        .transpose()
        .map_err(|error| Failure::input(error.to_string()))?;
    let mut listed = driver.list().await.map_err(failure)?;
    listed.retain(|one| match one {
        Listed::Session { session } => {
            state.is_none_or(|state| session.status == state)
                && args
                    .project_id
                    .as_ref()
                    .is_none_or(|project| session.project == *project)
        }
        Listed::Unreadable { .. } => state.is_none() && args.project_id.is_none(),
    });
    app.printer.json(&json!({ "sessions": listed }));
    print_list(app, &listed);
    Ok(())
}

fn print_list(app: &App, listed: &[Listed]) {
    if listed.is_empty() {
        app.printer
            .talk("no session yet; launch one with `tollgate agent launch`");
        return;
    }
    let columns = [
        left("SESSION"),
        narrow("STATE", WORD_CHARS_MAX),
        narrow("PROVIDER", WORD_CHARS_MAX),
        narrow("MODEL", WORD_CHARS_MAX),
        narrow("PROJECT", WORD_CHARS_MAX),
        left("UPDATED"),
    ];
    let now_us = time::now_us();
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|one| sessions::row(one, now_us))
        .collect();
    app.printer.table(&columns, &rows);
}

/// For a prompt without an id: says what could be meant, and guesses nothing.
pub(crate) async fn list_for_prompt(app: &App, driver: &Driver) -> Done {
    let listed = driver.list().await.map_err(failure)?;
    app.printer.json(&json!({ "sessions": listed }));
    print_list(app, &listed);
    Err(Failure::Input {
        what: "no session was named".into(),
        rule: Some("a prompt goes to the session that is named, never to a guessed one".into()),
        remedy: Some("tollgate agent prompt ID TEXT".into()),
    })
}

/// Prints one session and the words of its transcript.
pub(crate) async fn show(app: &App, id: &str) -> Done {
    let driver = driver(app, "agent show")?;
    let session = session_id(id)?;
    let record = driver.status(&session).await.map_err(failure)?;
    let transcript = driver.transcript(&session).map_err(failure)?;
    app.printer
        .json(&json!({ "session": record, "transcript": transcript }));
    print_page(app, &record);
    for (heading, text) in sessions::conversation(&transcript) {
        app.printer.line("");
        app.printer
            .line(app.printer.heading(&escape::line(&heading)));
        app.printer.line(escape::text(&text));
    }
    Ok(())
}

/// Prints the event log.
pub(crate) async fn events(app: &App, args: &Events) -> Done {
    let driver = driver(app, "agent events")?;
    let session = session_id(&args.id)?;
    let mut next = args.from;
    let mut all = Vec::new();
    loop {
        let page = driver
            .events(&session, next, PAGE_EVENTS)
            .map_err(failure)?;
        if let Some(last) = page.last() {
            next = last.seq.saturating_add(1);
        }
        let ended = page.iter().any(|event| event.kind == "removed");
        let full = page.len() == PAGE_EVENTS;
        if args.follow {
            follow(app, &page);
        } else {
            all.extend(page);
        }
        match (full, args.follow) {
            (true, _) => {}
            (false, false) => break,
            (false, true) if ended => return Ok(()),
            (false, true) => tokio::time::sleep(FOLLOW_POLL).await,
        }
    }
    let values: Vec<Value> = all.iter().map(value).collect();
    app.printer.json(&json!({ "events": values }));
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    app.printer.table(
        &[right("SEQ"), left("TIME"), left("EVENT"), left("WHAT")],
        &rows,
    );
    Ok(())
}

fn follow(app: &App, page: &[StoredEvent]) {
    for event in page {
        app.printer.json_line(&value(event));
        let cells = row(event);
        app.printer.line(escape::line(&cells.join("  ")));
    }
}

/// A stored event with its place, for programs.
fn value(event: &StoredEvent) -> Value {
    let record = serde_json::from_str::<Value>(&event.json).unwrap_or(Value::Null);
    json!({ "seq": event.seq, "record": record })
}

fn row(event: &StoredEvent) -> Vec<String> {
    let detail = match EventRecord::parse(event.seq, &event.json) {
        Ok(record) => events::detail(&record.event),
        Err(error) => error.to_string(),
    };
    vec![
        event.seq.to_string(),
        time::clock(event.time_us),
        event.kind.clone(),
        detail,
    ]
}
