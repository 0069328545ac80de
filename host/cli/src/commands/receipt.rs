//! `tollgate receipt`: what plugins did and what they were refused. Reading needs no login.

use super::agent;
use crate::app::App;
use crate::args::receipt::{
    DecisionWord, Filter, Follow, List, OutcomeWord, Receipt as Verb, Resolve,
};
use crate::errors::{Context, Done, Failure};
use crate::printer::escape;
use crate::render::receipts;
use crate::render::words::{count, names, resolve_command};
use crate::time;
use crate::wiring::{House, Manner};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tollgate_contract::SessionId;
use tollgate_grants::{AuthoritySource as _, CallLimits};
use tollgate_receipts::{
    Draft, Ledger, Outcome, OutcomeRecord, OutcomeResult, Receipt, Record, Standing, State, Verdict,
};
use tollgate_sessions::driver::{DriverError, Resolved, Word};
use tollgate_sessions::event::Operator;
use tollgate_sessions::ports::StoreError as SessionError;
use tollgate_sessions::record::SessionRecord;
use tollgate_sessions::status::{Resolution, Status};
use tollgate_store::{QUERY_ROWS_MAX, ReceiptFilter, Store};

/// How often a followed ledger is looked at.
const FOLLOW_POLL: Duration = Duration::from_millis(200);
/// Entries read at a time.
const PAGE_ENTRIES: usize = 1000;
/// What a call has begun may end so much later than the call, microseconds.
const SETTLE_GRACE_US: u64 = 5_000_000;

/// Carries out one verb.
pub(crate) async fn run(app: &App, verb: Verb) -> Done {
    match verb {
        Verb::List(args) => list(app, &args),
        Verb::Show(one) => show(app, &one.receipt),
        Verb::Explain(one) => explain(app, &one.receipt),
        Verb::Follow(args) => follow(app, &args).await,
        Verb::Resolve(args) => resolve(app, &args).await,
    }
}

/// The filter of the flags, and the time before which receipts are left out.
fn filter(flags: &Filter) -> Done<(ReceiptFilter, Option<i64>)> {
    let since = flags
        .since
        .as_deref()
        .map(|when| time::before(when, time::now_us()))
        .transpose();
    let filter = ReceiptFilter {
        session: flags.session.clone(),
        run: flags.run.clone(),
        call: flags.call.clone(),
        plugin: flags.plugin.clone(),
        kind: flags.kind.clone(),
        decision: flags.decision.map(|word| match word {
            DecisionWord::Allowed => Verdict::Allowed,
            DecisionWord::Denied => Verdict::Denied,
            DecisionWord::Asked => Verdict::Asked,
        }),
        ..ReceiptFilter::default()
    };
    Ok((filter, since.map_err(Failure::input)?))
}

/// The newest receipts that fit, oldest first, and whether there are more.
fn newest(store: &Store, flags: &Filter, limit: usize) -> Done<(Vec<Receipt>, bool)> {
    let (mut filter, since_us) = filter(flags)?;
    filter.newest_first = true;
    filter.limit = limit.clamp(1, QUERY_ROWS_MAX);
    let page = store
        .log()
        .receipts(&filter)
        .doing(|| "the receipts cannot be read".into())?;
    let mut receipts: Vec<Receipt> = page
        .receipts
        .into_iter()
        .map(|listed| listed.receipt)
        .filter(|receipt| since_us.is_none_or(|since| receipt.time_us >= since))
        .collect();
    // Newest first, a page may end inside a read-set; then it has some more than was asked for.
    receipts.sort_by(|a, b| (a.time_us, &a.id).cmp(&(b.time_us, &b.id)));
    let surplus = receipts.len().saturating_sub(limit);
    receipts.drain(..surplus);
    Ok((receipts, page.more || surplus > 0))
}

fn list(app: &App, args: &List) -> Done {
    let (receipts, more) = match app.store_if_there()? {
        Some(store) => newest(&store, &args.filter, args.limit)?,
        None => (Vec::new(), false),
    };
    app.printer
        .json(&json!({ "receipts": receipts, "more": more }));
    if receipts.is_empty() {
        app.printer.talk("no receipt fits");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = receipts.iter().map(receipts::row).collect();
    app.printer.table(&receipts::columns(), &rows);
    let denied = receipts
        .iter()
        .filter(|receipt| receipt.decision.verdict == Verdict::Denied)
        .count();
    let hidden = |receipt: &&Receipt| receipt.standing == Standing::Indeterminate;
    if let Some(receipt) = receipts.iter().find(hidden) {
        app.printer.talk(format!(
            "{} indeterminate; say what became of it: `{}`",
            receipts.iter().filter(hidden).count(),
            resolve_command(&receipt.id)
        ));
    }
    app.printer.talk(format!(
        "{}, {denied} denied{}",
        count(receipts.len(), "receipt"),
        if more {
            "; there are older ones, see --limit"
        } else {
            ""
        }
    ));
    Ok(())
}

/// The receipt that was typed: whole, or its beginning or end.
fn find(store: &Store, typed: &str) -> Done<Receipt> {
    let cannot = || "the receipts cannot be read".to_owned();
    if let Some(receipt) = store.log().receipt(typed).doing(cannot)? {
        return Ok(receipt);
    }
    let mut found = Vec::new();
    let mut filter = ReceiptFilter {
        newest_first: true,
        ..ReceiptFilter::default()
    };
    loop {
        let page = store.log().receipts(&filter).doing(cannot)?;
        let last = page.receipts.last().map(|listed| listed.idx);
        found.extend(
            page.receipts
                .into_iter()
                .map(|listed| listed.receipt)
                .filter(|receipt| names(&receipt.id, typed)),
        );
        if !page.more || found.len() > 1 || last.is_none() {
            break;
        }
        filter.before_idx = last;
    }
    match found.len() {
        0 => Err(not_found(typed)),
        1 => found.pop().ok_or_else(|| not_found(typed)),
        many => Err(Failure::input_try(
            format!(
                "{} begin or end with {typed:?}; name one of them whole",
                count(many, "receipt")
            ),
            "tollgate receipt list --json",
        )),
    }
}

fn not_found(typed: &str) -> Failure {
    Failure::NotFound {
        kind: "receipt",
        name: typed.to_owned(),
        remedy: "tollgate receipt list".into(),
    }
}

fn store(app: &App, typed: &str) -> Done<Arc<Store>> {
    app.store_if_there()?.ok_or_else(|| not_found(typed))
}

fn show(app: &App, typed: &str) -> Done {
    let receipt = find(&*store(app, typed)?, typed)?;
    app.printer.json(&receipt);
    for (label, value) in receipts::page(&receipt) {
        app.printer.line(format!(
            "{}  {}",
            app.printer.dim(&format!("{label:<12}")),
            escape::line(&value)
        ));
    }
    Ok(())
}

fn explain(app: &App, typed: &str) -> Done {
    let receipt = find(&*store(app, typed)?, typed)?;
    let sentences = receipts::sentences(&receipt);
    let remedy = receipts::remedy(&receipt);
    app.printer.json(&json!({
        "receipt": receipt.id,
        "explanation": sentences,
        "command": remedy.as_ref().map(|(_, command)| command),
    }));
    for sentence in sentences {
        app.printer.line(escape::line(&sentence));
    }
    if let Some((what_for, command)) = remedy {
        app.printer.line(format!("{what_for}:"));
        app.printer.line(format!("  {}", escape::line(&command)));
    }
    Ok(())
}

/// Prints receipts as entries come; a receipt is printed again when its outcome is known.
async fn follow(app: &App, args: &Follow) -> Done {
    let store = app.store()?;
    let (wanted, since_us) = filter(&args.filter)?;
    let mut from = store
        .log()
        .size()
        .doing(|| "the ledger cannot be read".into())?;
    if args.last > 0 {
        for receipt in newest(&store, &args.filter, args.last)?.0 {
            say(app, &receipt);
        }
    }
    loop {
        let page = store
            .log()
            .follow(from, PAGE_ENTRIES)
            .doing(|| "the ledger cannot be read".into())?;
        if let Some(last) = page.last() {
            from = last.idx.saturating_add(1);
        }
        for id in page.iter().flat_map(|entry| touched(&entry.bytes)) {
            let receipt = store
                .log()
                .receipt(&id)
                .doing(|| "the ledger cannot be read".into())?;
            if let Some(receipt) = receipt.filter(|receipt| fits(receipt, &wanted, since_us)) {
                say(app, &receipt);
            }
        }
        if page.len() < PAGE_ENTRIES {
            tokio::time::sleep(FOLLOW_POLL).await;
        }
    }
}

fn say(app: &App, receipt: &Receipt) {
    app.printer.json_line(receipt);
    app.printer
        .line(escape::line(&receipts::row(receipt).join("  ")));
}

/// The receipts that an entry opens or changes.
fn touched(bytes: &[u8]) -> Vec<String> {
    match tollgate_receipts::decode(bytes).map(|entry| entry.record) {
        Ok(Record::Effect(effect)) => vec![effect.receipt],
        Ok(Record::Outcome(outcome)) => vec![outcome.receipt],
        Ok(Record::ReadSet(set)) => set.items.into_iter().map(|item| item.receipt).collect(),
        Ok(Record::Collapsed(group)) => vec![group.receipt],
        Ok(Record::Call(_) | Record::Change(_)) | Err(_) => Vec::new(),
    }
}

fn fits(receipt: &Receipt, wanted: &ReceiptFilter, since_us: Option<i64>) -> bool {
    let same = |wanted: &Option<String>, is: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
    };
    let kind = wanted.kind.as_deref().is_none_or(|wanted| {
        receipt.kind == wanted
            || receipt
                .kind
                .strip_prefix(wanted)
                .is_some_and(|rest| rest.starts_with('.'))
    });
    kind && same(&wanted.session, Some(&receipt.session))
        && same(&wanted.run, receipt.run.as_deref())
        && same(&wanted.call, Some(&receipt.call))
        && same(&wanted.plugin, Some(&receipt.plugin.name))
        && wanted
            .decision
            .is_none_or(|verdict| receipt.decision.verdict == verdict)
        && since_us.is_none_or(|since| receipt.time_us >= since)
}

async fn resolve(app: &App, args: &Resolve) -> Done {
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
            Ok(())
        }
        Resolved::Ran(ran) => agent::report(app, &house, &ran, &prepared),
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
