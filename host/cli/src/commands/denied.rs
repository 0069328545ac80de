//! A refusal of the gate as an error: what, by which rule, and the command that changes it.

use crate::errors::{Failure, Refused};
use crate::render::words::quoted;
use crate::time;
use crate::wiring::{House, secret_fault, secret_remedy};
use tollgate_contract::Denial;
use tollgate_grants::{AuthoritySource as _, Decision, Effect, Reason, RequestUrl};
use tollgate_receipts::{Receipt, Verdict};
use tollgate_store::ReceiptFilter;

/// The error of a refusal; its receipt knows more than the component was told.
pub(crate) fn failure(house: &House, denial: &Denial) -> Failure {
    let receipt = house.store.log().receipt(&denial.receipt).ok().flatten();
    let plugin = receipt
        .as_ref()
        .map(|receipt| receipt.plugin.name.clone())
        .unwrap_or_default();
    let credential = receipt
        .as_ref()
        .and_then(|receipt| credential(house, receipt, denial));
    let decision = receipt.map(|receipt| receipt.decision);
    let nearest = decision
        .as_ref()
        .and_then(|decision| decision.nearest.as_ref())
        .map(|nearest| format!("nearest: {nearest}"));
    let (why, set) = credential.or_else(|| limit(&plugin, denial)).unzip();
    Failure::Denied(Box::new(Refused {
        kind: denial.kind.clone(),
        target: denial.target.clone(),
        reason: match why.or(nearest) {
            Some(more) => format!("{}; {more}", denial.reason),
            None => denial.reason.clone(),
        },
        receipt: Some(denial.receipt.clone()),
        remedy: decision
            .and_then(|decision| decision.command)
            .or(set)
            .or_else(|| mount(&plugin, denial)),
        plugin,
    }))
}

/// The error of the last refusal in a run whose provider did not pass it on.
pub(crate) fn of_run(house: &House, run: &str) -> Option<Failure> {
    let filter = ReceiptFilter {
        run: Some(run.to_owned()),
        decision: Some(Verdict::Denied),
        newest_first: true,
        limit: 1,
        ..ReceiptFilter::default()
    };
    let page = house.store.log().receipts(&filter).ok()?;
    let receipt = page.receipts.into_iter().next()?.receipt;
    let denial = Denial {
        kind: receipt.kind,
        target: receipt.target.map(|target| target.text).unwrap_or_default(),
        reason: receipt.decision.reason.unwrap_or_default(),
        receipt: receipt.id,
    };
    Some(failure(house, &denial))
}

/// Why the credential of a refused request could not be used, and what to do.
fn credential(house: &House, receipt: &Receipt, denial: &Denial) -> Option<(String, String)> {
    if denial.reason != Reason::CredentialUnavailable.label() {
        return None;
    }
    let (method, url) = denial.target.split_once(' ')?;
    let url = RequestUrl::parse_str(url.split('?').next()?).ok()?;
    let effect = Effect::Http { method, url: &url };
    let authority = house
        .authorities
        .authority(&receipt.plugin.name, &receipt.session)
        .ok()?;
    let Decision::Allowed(allowed) = authority.decide(&effect, time::now_us()) else {
        return None;
    };
    let name = allowed.credential?;
    let rule = authority.credential(&name)?;
    let why = secret_fault(&name, rule)?;
    Some((why, secret_remedy(&name, rule)))
}

/// Which limit was reached, and what prints it.
fn limit(plugin: &str, denial: &Denial) -> Option<(String, String)> {
    if denial.reason != Reason::QuotaReached.label() {
        return None;
    }
    let why = format!("`disk_files` in the limits of [plugins.{plugin}] in your policy changes it");
    Some((why, format!("tollgate plugin show {}", quoted(plugin))))
}

/// For a path outside every mount no command is exact: nobody but the operator knows which directory
/// was meant. This one mounts the working directory where the plugin looked.
fn mount(plugin: &str, denial: &Denial) -> Option<String> {
    if denial.reason != Reason::OutsideMounts.label() {
        return None;
    }
    let top = denial
        .target
        .split('/')
        .find(|segment| !segment.is_empty())?;
    let capability = format!("fs.read . at {}", quoted(&format!("/{top}")));
    Some(format!(
        "tollgate grant add {} {}",
        quoted(plugin),
        quoted(&capability)
    ))
}
