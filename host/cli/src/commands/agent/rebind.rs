//! `agent rebind`.

use super::launch::provider;
use super::{failure, session_id};
use crate::app::App;
use crate::args::agent::Rebind as Args;
use crate::errors::{Done, Failure};
use crate::printer::escape;
use crate::render::words::{count, quoted};
use crate::wiring::{House, Manner};
use serde_json::{Value, json};
use tollgate_sessions::driver::{Rebind, Rebound};

/// Binds a session to another provider.
pub(crate) async fn run(app: &App, args: &Args) -> Done {
    let operator = app.operator("agent rebind")?;
    let session = session_id(&args.id)?;
    let house = House::open(app, Manner::default())?;
    let to = Rebind {
        provider: provider(&house, Some(&args.provider_id))?,
        model: args.model_id.clone(),
        auth_profile: args.auth_profile_id.clone(),
    };
    let rebound = {
        let _progress = app.printer.progress("preparing the provider");
        let driver = house.driver(operator);
        driver.rebind(&session, to).await.map_err(failure)?
    };
    let (record, left_out) = match rebound {
        Rebound::Done { session, left_out } => (session, left_out),
        Rebound::Missing(unmet) => {
            let first = unmet.first();
            return Err(Failure::Input {
                what: format!(
                    "session {session} stays as it was: {} misses {}",
                    args.provider_id,
                    first.map_or("something", |unmet| unmet.label.as_str())
                ),
                rule: Some("a session is bound to what can work".into()),
                remedy: first.map(|unmet| unmet.help.clone()),
            });
        }
        Rebound::Fault { detail, .. } => {
            return Err(Failure::Run {
                what: format!("session {session} stays as it was: {detail}"),
                rule: None,
                remedy: Some(format!(
                    "tollgate plugin check {}",
                    quoted(&args.provider_id)
                )),
            });
        }
    };
    if let Ok(Value::Object(mut fields)) = serde_json::to_value(&record) {
        let left: Vec<Value> = left_out
            .iter()
            .map(
                |left| json!({"kind": left.kind, "provider": left.provider, "blocks": left.blocks}),
            )
            .collect();
        fields.insert("left_out".into(), left.into());
        app.printer.json(&fields);
    }
    app.printer.line(format!(
        "session {} is {}: {}, {}",
        record.id,
        record.status,
        record.provider,
        record
            .model
            .as_deref()
            .map_or_else(|| "the adapter's model".to_owned(), escape::line)
    ));
    for left in &left_out {
        app.printer.line(format!(
            "stays behind: {} of {}, {}",
            left.kind,
            escape::line(&left.provider),
            count(usize::try_from(left.blocks).unwrap_or(usize::MAX), "block")
        ));
    }
    Ok(())
}
