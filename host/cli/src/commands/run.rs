//! `tollgate run`: one prompt in a session of its own. It needs no login; the operator is the
//! operating system's user.

use super::agent;
use super::input;
use crate::app::App;
use crate::args::call::Run;
use crate::errors::{Done, Failure};
use crate::wiring::House;
use tollgate_contract::SessionId;
use tollgate_grants::policy;
use tollgate_sessions::driver::{Launch, PromptRequest, Prompted};
use tollgate_sessions::status::{Kind, Mode};

/// Launches, prompts, and leaves the session archived.
pub(crate) async fn run(app: &App, args: Run) -> Done {
    let text = input::text(&args.text)?;
    if text.trim().is_empty() {
        return Err(Failure::input("the prompt is empty"));
    }
    let terms = agent::terms(&args.run)?;
    let house = House::open(app, agent::manner(&terms)?)?;
    let operator = app.user();
    let driver = house.driver(operator);
    let launch = Launch {
        session: None,
        project: agent::project(app, args.project_id.as_deref())?,
        provider: agent::provider(&house, args.provider_id.as_deref())?,
        model: args.model_id.clone(),
        policy: Some(policy::digest(&house.catalogue.layers().files)),
        mode: Mode {
            kind: Kind::Autonomous,
            ..Mode::default()
        },
        ..Launch::default()
    };
    let launched = agent::start(app, &driver, launch).await?;
    if let Some(unmet) = launched.unmet.first() {
        return Err(Failure::Input {
            what: format!("the session misses {}: {}", unmet.label, unmet.help),
            rule: Some("a run starts when provider, credential and project are there".into()),
            remedy: Some(format!("tollgate agent rm {}", launched.session.id)),
        });
    }
    let session = SessionId::new(launched.session.id.as_str())
        .map_err(|error| Failure::failed("the session has no usable id", error))?;
    let prepared = agent::prepare(app, &house, session.as_str(), terms).await?;
    let request = PromptRequest {
        text,
        wait_max: None,
    };
    match driver
        .prompt(&session, &request, &prepared.work)
        .await
        .map_err(agent::failure)?
    {
        Prompted::Ran(ran) => agent::report(app, &house, &ran, &prepared),
        Prompted::Exited(record) => {
            app.printer.json(&record);
            app.printer
                .line(format!("session {} is {}", record.id, record.status));
            Ok(())
        }
    }
}
