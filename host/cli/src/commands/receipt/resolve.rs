//! `tollgate receipt resolve`: an operator says what became of an effect whose outcome a crash has hidden.

use super::{find, store};
use crate::app::App;
use crate::args::receipt::{OutcomeWord, Resolve};
use crate::commands::agent;
use crate::errors::{Context, Done, Failure};
use crate::render::words::resolve_command;
use crate::time;
use crate::wiring::{House, Manner};
use serde_json::json;
use tollgate_contract::SessionId;
use tollgate_grants::{AuthoritySource as _, CallLimits};
use tollgate_receipts::{
    Draft, Ledger, Outcome, OutcomeRecord, OutcomeResult, Receipt, Record, Standing, State,
};
use tollgate_sessions::driver::{DriverError, Resolved, Word};
use tollgate_sessions::event::Operator;
use tollgate_sessions::ports::StoreError as SessionError;
use tollgate_sessions::record::SessionRecord;
use tollgate_sessions::status::{Resolution, Status};

/// What a call has begun may end so much later than the call, microseconds.
const SETTLE_GRACE_US: u64 = 5_000_000;

pub(super) async fn resolve(app: &App, args: &Resolve) -> Done {
    let operator = app.operator("receipt resolve")?;
    let receipt = find(&*store(app, &args.receipt)?, &args.receipt)?;
    // A word that came to the ledger just before a crash may not have come to the session.
    let heard = receipt.resolved.is_some();
    if !heard && !matches!(receipt.standing, Standing::Indeterminate | Standing::Open) {
        return Err(known(&receipt));
    }
    let word = Word {
        resolution: args.outcome.map(|outcome| match outcome {
            OutcomeWord::Done => Resolution::Done,
            OutcomeWord::NotDone => Resolution::NotDone,
            OutcomeWord::Retry => Resolution::Retry,
            OutcomeWord::Unknown => Resolution::Unknown,
        }),
        reason: args.reason.as_deref(),
    };
    let house = House::open(app, Manner::default())?;
    let driver = house.driver(operator.clone());
    let session = SessionId::new(receipt.session.as_str())
        .map_err(|error| Failure::failed("the receipt's session has no usable id", error))?;
    match driver.status(&session).await {
        Ok(record) if record.status != Status::Removed => {
            resolve_of(app, &operator, &record, (&session, &receipt.id), word).await
        }
        // Nobody but the ledger has to hear it.
        Ok(_) | Err(DriverError::Store(SessionError::NotFound { .. })) => {
            if heard {
                return Err(known(&receipt));
            }
            if word.resolution == Some(Resolution::Retry) {
                return Err(nobody_repeats(&receipt));
            }
            if receipt.standing == Standing::Open {
                settle_lost(&house, &receipt).await?;
            }
            let detail = word.said_by(&operator.subject);
            settle(&house, &receipt, OutcomeResult::Resolved, &detail).await?;
            app.printer
                .json(&json!({ "receipt": receipt.id, "resolution": word.first().label() }));
            app.printer.line("resolved");
            Ok(())
        }
        Err(error) => Err(agent::failure(error)),
    }
}

/// Marks the open effect of a call without a stored session as one whose outcome nobody saw. Nothing
/// tells whether such a call is at work but its wall limit.
async fn settle_lost(house: &House, receipt: &Receipt) -> Done {
    let authority = house
        .authorities
        .authority(&receipt.plugin.name, &receipt.session);
    let wall_us = authority.map_or_else(
        |_| CallLimits::default().wall_us,
        |authority| authority.limits().wall_us,
    );
    let most_us = wall_us.saturating_add(SETTLE_GRACE_US);
    let age_us = u64::try_from(time::now_us().saturating_sub(receipt.time_us)).unwrap_or(0);
    if age_us < most_us {
        return Err(Failure::Input {
            what: format!("the call of receipt {} may still be at work", receipt.id),
            rule: Some(format!(
                "a call of {} and what it has begun end within {}",
                receipt.plugin.name,
                time::duration(most_us)
            )),
            remedy: Some(format!("wait, then run {}", resolve_command(&receipt.id))),
        });
    }
    let detail = "its host was lost before the outcome was written";
    settle(house, receipt, OutcomeResult::Indeterminate, detail).await
}

/// Resolves an effect of a stored session; a run that was parked by it goes on as it was asked for.
async fn resolve_of(
    app: &App,
    operator: &Operator,
    record: &SessionRecord,
    (session, receipt): (&SessionId, &str),
    word: Word<'_>,
) -> Done {
    let parked = record.current_run.as_ref();
    let terms = parked.and_then(|run| run.terms.clone()).unwrap_or_default();
    let manner = agent::manner(&terms).map_err(|failure| Failure::Input {
        what: format!("the run that waits cannot go on: {failure}"),
        rule: Some("a run goes on with the fixture that it was started with".into()),
        remedy: Some(format!(
            "put the fixture back, or end the run: tollgate agent stop {session}"
        )),
    })?;
    let house = House::open(app, manner)?;
    house
        .authorities
        .set_project(session.as_str(), &record.project);
    let prepared = match parked {
        Some(_) => agent::prepare(app, &house, session.as_str(), terms).await?,
        None => agent::Prepared::idle(terms),
    };
    match house
        .driver(operator.clone())
        .resolve(session, receipt, word, &prepared.work)
        .await
        .map_err(agent::failure)?
    {
        Resolved::Settled(record) => {
            app.printer.json(&record);
            app.printer.line(format!(
                "resolved; session {} is {}",
                record.id, record.status
            ));
            agent::tell_unresolved(app, &record);
            if word.resolution == Some(Resolution::Retry) && record.status == Status::Idle {
                app.printer.talk(format!(
                    "go on with it: `tollgate agent continue {session}`"
                ));
            }
            Ok(())
        }
        Resolved::Ran(ran) => agent::report(app, &house, &ran, &prepared),
    }
}

/// A call that belongs to no session that is there is made again by whoever wants it.
fn nobody_repeats(receipt: &Receipt) -> Failure {
    Failure::Input {
        what: format!(
            "the call of receipt {} belongs to no session, so nothing goes on with it",
            receipt.id
        ),
        rule: Some("`retry` is for effects of a session's run".into()),
        remedy: Some(resolve_command(&receipt.id)),
    }
}

fn known(receipt: &Receipt) -> Failure {
    let said = receipt.resolved.as_ref();
    let said = said.and_then(|resolved| resolved.outcome.detail.as_deref());
    Failure::Input {
        what: match said {
            Some(said) => format!("receipt {} was resolved already: {said}", receipt.id),
            None => format!("receipt {} is {}", receipt.id, receipt.standing.label()),
        },
        rule: Some("only an effect whose outcome nobody saw is resolved".into()),
        remedy: Some(format!("tollgate receipt explain {}", receipt.id)),
    }
}

/// An outcome that the host, or an operator, writes for an effect of a call without a stored session.
async fn settle(house: &House, receipt: &Receipt, result: OutcomeResult, detail: &str) -> Done {
    let draft = Draft {
        session: receipt.session.clone(),
        record: Record::Outcome(OutcomeRecord {
            receipt: receipt.id.clone(),
            state: State::Settled,
            time_us: time::now_us(),
            call: receipt.call.clone(),
            outcome: Outcome {
                result,
                error: None,
                status: None,
                bytes_in: None,
                bytes_out: None,
                duration_us: 0,
                address: None,
                detail: Some(detail.to_owned()),
            },
        }),
    };
    let ticket = house
        .store
        .submit(draft)
        .doing(|| "the resolution was not written".into())?;
    house
        .store
        .durable(&[ticket])
        .await
        .doing(|| "the resolution was not written".into())
}
