//! One receipt: its target, its outcome in a line, and the rest of it.

use super::{markup::Markup, tally::Fate, words};
use tollgate_receipts::{Observed, OutcomeResult, Receipt, Transport};

/// Characters of an id that are shown where it is short: its end, which is what differs.
const SHORT_ID_CHARS: usize = 8;

/// The width of the labels of [`rest`].
const LABEL_CHARS: usize = 12;

/// Writes what it aimed at.
pub(super) fn target(page: &mut Markup, receipt: &Receipt) {
    match &receipt.target {
        Some(target) => {
            page.code(&target.text);
            if target.hmac.is_some() {
                page.raw(" (shortened)");
            }
        }
        None => {
            page.text(&words::count(receipt.count, "attempt"))
                .raw(", counted together");
        }
    }
}

/// Writes what came of it; of a refusal, why.
pub(super) fn outcome(page: &mut Markup, receipt: &Receipt) {
    let fate = Fate::of(receipt);
    if fate == Fate::Refused {
        let reason = receipt.decision.reason.as_deref();
        page.code(reason.unwrap_or("no reason was recorded"));
        return;
    }
    page.raw(fate.tag());
    for (at, fact) in facts(receipt).iter().enumerate() {
        page.raw(if at > 0 { ", " } else { " " }).text(fact);
    }
}

fn facts(receipt: &Receipt) -> Vec<String> {
    let mut facts = Vec::new();
    let outcome = receipt.outcome();
    match outcome.map(|outcome| outcome.result) {
        Some(OutcomeResult::Resolved) => facts.push("as an operator said".into()),
        Some(OutcomeResult::Cancelled) => facts.push("given up".into()),
        _ => {}
    }
    facts.extend(status(receipt).map(|status| format!("status {status}")));
    facts.extend(outcome.and_then(|outcome| outcome.error.clone()));
    for (bytes, way) in [(receipt.bytes_in(), "in"), (receipt.bytes_out(), "out")] {
        let bytes = bytes.filter(|bytes| *bytes > 0);
        facts.extend(bytes.map(|bytes| format!("{} {way}", words::bytes(bytes))));
    }
    if receipt.transport == Some(Transport::Fixture) {
        facts.push("answered by a fixture".into());
    }
    facts
}

/// The status of the answer; the entry that closes a body has none.
fn status(receipt: &Receipt) -> Option<u16> {
    let observed = [&receipt.settled, &receipt.closed];
    let mut outcomes = observed.into_iter().flatten().map(|seen| &seen.outcome);
    outcomes.find_map(|outcome| outcome.status)
}

/// Writes everything of it, folded.
pub(super) fn rest(page: &mut Markup, receipt: &Receipt) {
    let id = &receipt.id;
    let skip = id.chars().count().saturating_sub(SHORT_ID_CHARS);
    let short: String = id.chars().skip(skip).collect();
    page.raw("<details><summary>Receipt ")
        .text(&short)
        .raw("</summary><pre>");
    let mut lines = Lines(page);
    who(&mut lines, receipt);
    decision(&mut lines, receipt);
    lines.observed("performed", receipt.settled.as_ref());
    lines.observed("ended", receipt.closed.as_ref());
    lines.observed("resolved", receipt.resolved.as_ref());
    page.raw("</pre></details>");
}

fn who(lines: &mut Lines<'_>, receipt: &Receipt) {
    lines.say("receipt", &receipt.id);
    lines.maybe("run", receipt.run.as_deref());
    lines.say("call", &receipt.call);
    lines.say("version", &receipt.plugin.version);
    lines.say("component", &receipt.plugin.digest);
    lines.maybe("import", receipt.import.as_deref());
    lines.maybe("class", receipt.class.map(|class| class.label()));
    lines.say("action", receipt.action.label());
    let target = receipt.target.as_ref();
    lines.maybe(
        "target hash",
        target.and_then(|target| target.hmac.as_deref()),
    );
}

fn decision(lines: &mut Lines<'_>, receipt: &Receipt) {
    let decision = &receipt.decision;
    lines.maybe("grant", decision.grant.as_deref());
    lines.maybe("reason", decision.reason.as_deref());
    lines.maybe("nearest", decision.nearest.as_deref());
    lines.maybe("to allow", decision.command.as_deref());
    lines.maybe("policy", receipt.policy.as_deref());
    lines.count("generation", receipt.generation);
    lines.maybe(
        "transport",
        receipt.transport.map(|transport| transport.label()),
    );
    lines.count("budget left", receipt.budget_left);
    lines.say("standing", receipt.standing.label());
    lines.count("stands for", (receipt.count != 1).then_some(receipt.count));
    let seqs: Vec<String> = receipt.seqs.iter().map(u64::to_string).collect();
    lines.say("entries", &seqs.join(", "));
}

/// Labelled lines.
struct Lines<'p>(&'p mut Markup);

impl Lines<'_> {
    fn say(&mut self, label: &'static str, value: &str) {
        self.0
            .text(&format!("{label:LABEL_CHARS$} "))
            .text(value)
            .raw("\n");
    }

    fn maybe(&mut self, label: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.say(label, value);
        }
    }

    fn count(&mut self, label: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.say(label, &value.to_string());
        }
    }

    fn observed(&mut self, label: &'static str, observed: Option<&Observed>) {
        let Some(Observed {
            seq,
            time_us,
            outcome,
        }) = observed
        else {
            return;
        };
        let mut words = vec![
            words::moment(*time_us),
            format!("entry {seq}"),
            outcome.result.label().to_owned(),
            format!("took {}", words::duration(outcome.duration_us)),
        ];
        words.extend(outcome.status.map(|status| format!("status {status}")));
        words.extend(outcome.bytes_in.map(|bytes| format!("{bytes} bytes in")));
        words.extend(outcome.bytes_out.map(|bytes| format!("{bytes} bytes out")));
        self.say(label, &words.join("; "));
        self.maybe("  error", outcome.error.as_deref());
        self.maybe("  address", outcome.address.as_deref());
        self.maybe("  detail", outcome.detail.as_deref());
    }
}
