//! `agent continue`: goes on with the run that was interrupted, or that waited for the ledger.

use super::{failure, manner, prepare, report, session_id, terms};
use crate::app::App;
use crate::args::agent::{Continue, Transport};
use crate::errors::Done;
use crate::wiring::House;
use tollgate_sessions::driver::Prompted;
use tollgate_sessions::event::RunTerms;
use tollgate_sessions::status::{OnDenied, RunStatus, Status};

/// Goes on with a run.
pub(super) async fn run(app: &App, args: &Continue) -> Done {
    let operator = app.operator("agent continue")?;
    let session = session_id(&args.id)?;
    let asked = terms(&args.run)?;
    let looking = super::driver(app, "agent continue")?;
    let record = looking.status(&session).await.map_err(failure)?;
    let last = record.last_run.as_ref();
    let interrupted = last.filter(|run| run.status == RunStatus::Interrupted);
    let run = record.current_run.as_ref().or(interrupted);
    let before = run.and_then(|run| run.terms.clone());
    let live = args.run.transport == Some(Transport::Live);
    let terms = match before {
        Some(before) => joined(asked, before, live),
        None => asked,
    };
    let house = House::open(app, manner(&terms)?)?;
    house
        .authorities
        .set_project(session.as_str(), &record.project);
    let goes_on = matches!(record.status, Status::Idle | Status::Blocked) && run.is_some();
    let prepared = if goes_on {
        prepare(app, &house, session.as_str(), terms).await?
    } else {
        // The driver will refuse; no plugin is compiled nor asked for its tools before.
        super::Prepared::idle(terms)
    };
    let driver = house.driver(operator);
    match driver
        .continue_run(&session, &prepared.work)
        .await
        .map_err(failure)?
    {
        Prompted::Ran(ran) => report(app, &house, &ran, &prepared),
        Prompted::Exited(record) => {
            app.printer.json(&record);
            Ok(())
        }
    }
}

/// What is asked for now, and where nothing is, what was asked for before.
fn joined(asked: RunTerms, before: RunTerms, live: bool) -> RunTerms {
    RunTerms {
        iterations_max: asked.iterations_max,
        token_budget: asked.token_budget.or(before.token_budget),
        money_budget: asked.money_budget.or(before.money_budget),
        effect_budget: asked.effect_budget.or(before.effect_budget),
        on_denied: match before.on_denied {
            OnDenied::Block => OnDenied::Block,
            OnDenied::Tell => asked.on_denied,
        },
        fixture: asked.fixture.or(before.fixture.filter(|_| !live)),
        withhold: asked.withhold || before.withhold,
        request: tollgate_contract::RequestOptions {
            effort: asked.request.effort.or(before.request.effort),
            output: asked.request.output.or(before.request.output),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays() {
        let before = RunTerms {
            iterations_max: 3,
            token_budget: Some(10),
            effect_budget: Some(4),
            on_denied: OnDenied::Block,
            fixture: Some("persistent-agent".into()),
            withhold: true,
            ..RunTerms::default()
        };
        let asked = RunTerms {
            iterations_max: 7,
            token_budget: Some(20),
            ..RunTerms::default()
        };
        let terms = joined(asked.clone(), before.clone(), false);
        let expected = RunTerms {
            iterations_max: 7,
            token_budget: Some(20),
            ..before.clone()
        };
        assert_eq!(terms, expected);
        assert_eq!(joined(asked, before, true).fixture, None);
    }
}
