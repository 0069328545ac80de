//! Sessions for people.

use super::words::{count, resolve_command, short_id};
use crate::time;
use tollgate_contract::{ContentBlock, Role};
use tollgate_sessions::record::{Listed, RunSummary, SessionRecord};
use tollgate_sessions::transcript::{Entry, Item};

/// One line of a list.
pub(crate) fn row(listed: &Listed, now_us: i64) -> Vec<String> {
    match listed {
        Listed::Session { session } => vec![
            session.id.clone(),
            state(session),
            session.provider.clone(),
            session.model.clone().unwrap_or_else(|| "default".into()),
            session.project.clone(),
            time::ago(session.updated_us, now_us),
        ],
        Listed::Unreadable { id, why } => {
            vec![
                id.clone(),
                "unreadable".into(),
                String::new(),
                String::new(),
                why.clone(),
                String::new(),
            ]
        }
    }
}

fn state(session: &SessionRecord) -> String {
    match &session.status_reason {
        Some(reason) => format!("{} ({reason})", session.status),
        None => session.status.to_string(),
    }
}

/// One session as labelled lines.
pub(crate) fn page(session: &SessionRecord) -> Vec<(&'static str, String)> {
    let mut lines = vec![("session", session.id.clone()), ("state", state(session))];
    let mut push = |label, value: Option<String>| {
        if let Some(value) = value {
            lines.push((label, value));
        }
    };
    push("project", Some(session.project.clone()));
    push("provider", Some(session.provider.clone()));
    push(
        "model",
        Some(
            session
                .model
                .clone()
                .unwrap_or_else(|| "the adapter's default".into()),
        ),
    );
    push("auth profile", session.auth_profile.clone());
    push("policy", session.policy.clone());
    push("endpoint", session.endpoint_url.clone());
    push("mode", Some(session.mode.to_string()));
    push(
        "operator",
        Some(format!(
            "{} ({})",
            session.operator.subject, session.operator.issuer
        )),
    );
    // A tombstone does not know when its session was created.
    push(
        "created",
        (session.created_us > 0).then(|| format!("{} UTC", time::moment(session.created_us))),
    );
    push(
        "updated",
        Some(format!("{} UTC", time::moment(session.updated_us))),
    );
    push("run", session.current_run.as_ref().map(run));
    push("last run", session.last_run.as_ref().map(run));
    let totals = &session.links.totals;
    let number = |many: u64| usize::try_from(many).unwrap_or(usize::MAX);
    push(
        "links",
        Some(format!(
            "{}, {}, {}, {}",
            count(number(totals.runs), "run"),
            count(number(totals.receipts), "provider receipt"),
            count(number(totals.environment_receipts), "environment receipt"),
            count(number(totals.handoffs), "handoff"),
        )),
    );
    push(
        "unresolved",
        (!session.unresolved.is_empty()).then(|| session.unresolved.join(", ")),
    );
    for receipt in &session.unresolved {
        push("to go on", Some(resolve_command(receipt)));
    }
    if let Some(recovery) = &session.recovery {
        let detail = recovery
            .detail
            .as_ref()
            .map(|detail| format!(" ({detail})"))
            .unwrap_or_default();
        push(
            "recovery",
            Some(format!("{}{detail}: {}", recovery.reason, recovery.action)),
        );
    }
    for note in &session.notes {
        lines.push(("note", note.clone()));
    }
    lines
}

fn run(run: &RunSummary) -> String {
    let reason = run
        .reason
        .as_ref()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    let turns = count(usize::try_from(run.turns).unwrap_or(usize::MAX), "turn");
    format!(
        "{} {}{reason}, {turns}, {} + {} tokens",
        short_id(&run.run),
        run.status,
        run.usage.input,
        run.usage.output
    )
}

/// The words of a transcript, each with who said them.
pub(crate) fn conversation(transcript: &[Entry]) -> Vec<(String, String)> {
    transcript
        .iter()
        .flat_map(|entry| match &entry.item {
            Item::Message { message } => {
                let who = match message.role {
                    Role::System => "system",
                    Role::User => "user",
                    Role::Assistant => "assistant",
                };
                message
                    .content
                    .iter()
                    .map(|block| said(who, block))
                    .collect()
            }
            Item::Handoff { document } => {
                let mut text = document.done.join("\n");
                text.push_str(&format!("\nnext: {}", document.next));
                vec![(
                    format!("handoff {} ({})", short_id(&document.id), document.status),
                    text,
                )]
            }
        })
        .collect()
}

fn said(who: &str, block: &ContentBlock) -> (String, String) {
    match block {
        ContentBlock::Text { text } => (who.to_owned(), text.clone()),
        ContentBlock::Thinking { text } => (format!("{who}, thinking"), text.clone()),
        ContentBlock::Image { media_type, data } => (
            who.to_owned(),
            format!("[{} bytes of {media_type}]", data.len()),
        ),
        ContentBlock::ToolUse {
            name,
            arguments_json,
            ..
        } => (format!("{who} asks for {name}"), arguments_json.clone()),
        ContentBlock::ToolResult {
            name,
            text,
            is_error,
            ..
        } => {
            let how = if *is_error {
                "answers with an error"
            } else {
                "answers"
            };
            (format!("{name} {how}"), text.clone())
        }
        ContentBlock::Opaque { provider, data } => (
            who.to_owned(),
            format!("[{} bytes of {provider}'s own state]", data.len()),
        ),
    }
}
