//! `tollgate receipt`: what plugins did and what they were refused. Reading needs no login.

mod evidence;
mod export;
mod follow;
mod report;
mod resolve;

pub(crate) use export::own_keys;

use crate::app::App;
use crate::args::receipt::{DecisionWord, Filter, List, One, Receipt as Verb};
use crate::errors::{Context, Done, Failure};
use crate::printer::escape;
use crate::render::receipts;
use crate::render::words::{count, names, resolve_command};
use crate::time;
use serde_json::json;
use std::sync::Arc;
use tollgate_receipts::{Receipt, Standing, Verdict};
use tollgate_store::{QUERY_ROWS_MAX, ReceiptFilter, Store};

/// Carries out one verb.
pub(crate) async fn run(app: &App, verb: Verb) -> Done {
    match verb {
        Verb::List(args) => list(app, &args),
        Verb::Show(one) => show(app, &one),
        Verb::Explain(one) => explain(app, &one),
        Verb::Follow(args) => follow::follow(app, &args).await,
        Verb::Resolve(args) => resolve::resolve(app, &args).await,
        Verb::Export(args) => export::export(app, &args),
        Verb::Verify(args) => export::verify(app, &args),
        Verb::Prove(args) => export::prove(app, &args),
        Verb::Report(args) => report::report(app, &args),
        Verb::Schema => {
            schema(app);
            Ok(())
        }
    }
}

/// Prints the schema of entries; with and without `--json` the same.
fn schema(app: &App) {
    let schema = tollgate_receipts::entry_schema();
    app.printer.json(&schema);
    app.printer.line(format!("{schema:#}"));
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
    let (receipts, more) = match evidence::of_file(app, &args.from)? {
        Some(evidence) => of_export(evidence.receipts, &args.filter, args.limit)?,
        None => match app.store_if_there()? {
            Some(store) => newest(&store, &args.filter, args.limit)?,
            None => (Vec::new(), false),
        },
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

/// The newest receipts of an export that fit, oldest first, and whether there are more.
fn of_export(
    mut receipts: Vec<Receipt>,
    flags: &Filter,
    limit: usize,
) -> Done<(Vec<Receipt>, bool)> {
    let (wanted, since_us) = filter(flags)?;
    receipts.retain(|receipt| fits(receipt, &wanted, since_us));
    let surplus = receipts.len().saturating_sub(limit.max(1));
    receipts.drain(..surplus);
    Ok((receipts, surplus > 0))
}

/// The receipt that was typed, in the store or in an export.
fn named(app: &App, one: &One) -> Done<Receipt> {
    let typed = &one.receipt;
    match evidence::of_file(app, &one.from)? {
        Some(evidence) => {
            let found = evidence.receipts.into_iter();
            single(found.filter(|receipt| names(&receipt.id, typed)), typed)
        }
        None => find(&*store(app, typed)?, typed),
    }
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
    single(found.into_iter(), typed)
}

/// The one that was found.
fn single(mut found: impl Iterator<Item = Receipt>, typed: &str) -> Done<Receipt> {
    let first = found.next().ok_or_else(|| not_found(typed))?;
    match found.count() {
        0 => Ok(first),
        more => Err(Failure::input_try(
            format!(
                "{} begin or end with {typed:?}; name one of them whole",
                count(more + 1, "receipt")
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

fn show(app: &App, one: &One) -> Done {
    let receipt = named(app, one)?;
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

fn explain(app: &App, one: &One) -> Done {
    let receipt = named(app, one)?;
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
