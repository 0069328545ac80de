//! `agent launch`.

use super::{failure, session_id};
use crate::app::App;
use crate::args::agent::Launch as Args;
use crate::errors::{Done, Failure};
use crate::plugins::{self, World};
use crate::printer::escape;
use crate::wiring::{House, Manner};
use serde_json::json;
use tollgate_grants::policy;
use tollgate_sessions::driver::{Driver, Launch, Launched};
use tollgate_sessions::status::Mode;

/// Makes a session and prints it.
pub(crate) async fn run(app: &App, args: Args) -> Done {
    let operator = app.operator("agent launch")?;
    let house = House::open(app, Manner::default())?;
    let launch = launch_of(app, &house, &args)?;
    let launched = start(app, &house.driver(operator), launch).await?;
    for unmet in &launched.unmet {
        app.printer.warn(format!(
            "missing {}: {}",
            unmet.label,
            escape::line(&unmet.help)
        ));
    }
    let record = &launched.session;
    let unmet: Vec<_> = launched
        .unmet
        .iter()
        .map(|unmet| json!({"label": unmet.label, "help": unmet.help}))
        .collect();
    if let Ok(serde_json::Value::Object(mut fields)) = serde_json::to_value(record) {
        fields.insert("unmet".into(), unmet.into());
        app.printer.json(&fields);
    }
    app.printer.line(format!(
        "session {} is {}: {}, project {}",
        record.id,
        record.status,
        record.provider,
        escape::line(&record.project)
    ));
    Ok(())
}

fn launch_of(app: &App, house: &House, args: &Args) -> Done<Launch> {
    let policy = policy::digest(&house.catalogue.layers().files);
    if let Some(wanted) = &args.policy
        && *wanted != policy
    {
        return Err(Failure::Input {
            what: format!(
                "the policy in force is {policy}, not {}",
                escape::line(wanted)
            ),
            rule: Some("--policy launches under this policy or not at all".into()),
            remedy: Some("tollgate policy show".into()),
        });
    }
    let mode: Mode = args
        .mode
        .parse()
        .map_err(|error: tollgate_sessions::status::ModeError| Failure::input(error.to_string()))?;
    Ok(Launch {
        session: args.session_id.as_deref().map(session_id).transpose()?,
        project: project(app, args.project_id.as_deref())?,
        provider: match (&args.provider_id, &args.model_id) {
            // The policy's `[models]` may choose.
            (None, None) if chooses(house, args.purpose.as_deref()) => String::new(),
            (typed, _) => provider(house, typed.as_deref())?,
        },
        model: args.model_id.clone(),
        purpose: args.purpose.clone(),
        auth_profile: args.auth_profile_id.clone(),
        policy: Some(policy),
        endpoint_url: args.endpoint_url.clone(),
        mode,
    })
}

/// Whether the policy names a provider with the model of this purpose.
fn chooses(house: &House, purpose: Option<&str>) -> bool {
    policy::model_for(&house.catalogue.layers().files, purpose)
        .is_some_and(|model| model.provider.is_some())
}

/// The project's id as it was typed, or that of the working directory.
pub(crate) fn project(app: &App, typed: Option<&str>) -> Done<String> {
    match typed {
        None => Ok(app.project.id()),
        Some(typed) => session_id(typed)
            .map(|id| id.to_string())
            .map_err(|_| Failure::input(format!("{typed:?} is no project id: use 1 to 128 of a-z A-Z 0-9 . _ : -, starting with a letter or digit"))),
    }
}

/// The provider plugin: the one that was named, else the only one.
pub(crate) fn provider(house: &House, typed: Option<&str>) -> Done<String> {
    let located = match typed {
        Some(id) => {
            let name = plugins::provider_name(id);
            let found = house
                .catalogue
                .named(name)
                .map_err(super::super::plugin::failure)?;
            found.ok_or_else(|| Failure::Input {
                what: format!("no provider is named {id:?}"),
                rule: Some(format!("looked in {}", house.catalogue.places())),
                remedy: Some("tollgate plugin list".into()),
            })?
        }
        None => {
            let mut all = house
                .catalogue
                .providers()
                .map_err(super::super::plugin::failure)?;
            match (all.pop(), all.is_empty()) {
                (Some(only), true) => only,
                (None, _) => {
                    return Err(Failure::input_try(
                        "there is no provider plugin",
                        "tollgate plugin add FILE.wasm",
                    ));
                }
                (Some(last), false) => {
                    let mut names: Vec<String> =
                        all.iter().map(|one| one.name.to_string()).collect();
                    names.push(last.name.to_string());
                    return Err(Failure::Input {
                        what: format!("there are several providers: {}", names.join(", ")),
                        rule: Some("none is the default, and none is guessed".into()),
                        remedy: Some("name one with --provider-id".into()),
                    });
                }
            }
        }
    };
    if located.component.world == World::Provider {
        return Ok(located.name.to_string());
    }
    Err(Failure::Input {
        what: format!("plugin {} is no provider", located.name),
        rule: Some("a provider exports the contract's world `provider`".into()),
        remedy: Some("tollgate plugin list".into()),
    })
}

/// Launches a session. The first launch compiles the provider, which takes a while.
pub(crate) async fn start(app: &App, driver: &Driver, launch: Launch) -> Done<Launched> {
    let _progress = app.printer.progress("preparing the provider");
    driver.launch(launch).await.map_err(failure)
}
