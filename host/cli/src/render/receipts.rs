//! Receipts for people: a row of a table, a page, a sentence.

use super::words::{bytes, resolve_command, short_id};
use crate::printer::table::{Column, left, narrow};
use crate::time;
use tollgate_receipts::{
    Action, Class, Outcome, OutcomeResult, Receipt, Standing, Transport, Verdict,
};

/// Characters of a target in a table.
const TARGET_CHARS_MAX: usize = 72;
/// Characters of an outcome in a table.
const OUTCOME_CHARS_MAX: usize = 32;

/// The columns of [`row`]; they fit 100 characters.
pub(crate) fn columns() -> Vec<Column> {
    vec![
        left("TIME"),
        left("PLUGIN"),
        left("KIND"),
        left("DECISION"),
        narrow("TARGET", TARGET_CHARS_MAX),
        narrow("OUTCOME", OUTCOME_CHARS_MAX),
        left("RECEIPT"),
    ]
}

/// One receipt as a row.
pub(crate) fn row(receipt: &Receipt) -> Vec<String> {
    let moment = time::moment(receipt.time_us);
    let clock = moment.split_once(' ').map_or("", |(_, clock)| clock);
    vec![
        clock.to_owned(),
        receipt.plugin.name.clone(),
        receipt.kind.clone(),
        receipt.decision.verdict.label().to_owned(),
        target(receipt),
        outcome(receipt),
        short_id(&receipt.id),
    ]
}

/// One receipt as labelled lines.
pub(crate) fn page(receipt: &Receipt) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("receipt", receipt.id.clone()),
        ("time", format!("{} UTC", time::moment(receipt.time_us))),
        ("session", receipt.session.clone()),
    ];
    let mut push = |label, value: Option<String>| {
        if let Some(value) = value {
            lines.push((label, value));
        }
    };
    push("run", receipt.run.clone());
    push("call", Some(receipt.call.clone()));
    let plugin = &receipt.plugin;
    push(
        "plugin",
        Some(format!(
            "{} {} ({})",
            plugin.name, plugin.version, plugin.digest
        )),
    );
    push("import", receipt.import.clone());
    push("kind", Some(receipt.kind.clone()));
    push("class", receipt.class.map(|class| class.label().to_owned()));
    push("action", Some(receipt.action.label().to_owned()));
    push("target", Some(target(receipt)));
    push(
        "target hash",
        receipt
            .target
            .as_ref()
            .and_then(|target| target.hmac.clone()),
    );
    push(
        "decision",
        Some(receipt.decision.verdict.label().to_owned()),
    );
    push("by grant", receipt.decision.grant.clone());
    push("reason", receipt.decision.reason.clone());
    push("nearest", receipt.decision.nearest.clone());
    push("to allow", receipt.decision.command.clone());
    push("policy", receipt.policy.clone());
    push(
        "generation",
        receipt.generation.map(|generation| generation.to_string()),
    );
    push(
        "transport",
        receipt
            .transport
            .map(|transport| transport.label().to_owned()),
    );
    push("standing", Some(receipt.standing.label().to_owned()));
    push(
        "to go on",
        (receipt.standing == Standing::Indeterminate).then(|| resolve_command(&receipt.id)),
    );
    if let Some(observed) = receipt.outcome() {
        push("outcome", Some(outcome_words(receipt, observed)));
        push("took", Some(time::duration(observed.duration_us)));
        push("address", observed.address.clone());
        push("detail", observed.detail.clone());
    }
    push("bytes in", receipt.bytes_in().map(bytes));
    push("bytes out", receipt.bytes_out().map(bytes));
    push(
        "stands for",
        (receipt.count > 1).then(|| format!("{} effects", receipt.count)),
    );
    let seqs: Vec<String> = receipt.seqs.iter().map(u64::to_string).collect();
    push("entries", Some(seqs.join(", ")));
    lines
}

/// One receipt as sentences: who attempted what, by which rule it was decided, what came of it.
pub(crate) fn sentences(receipt: &Receipt) -> Vec<String> {
    let who = match receipt.action {
        Action::ProviderAction => "The provider plugin",
        _ => "The plugin",
    };
    let mut out = vec![format!(
        "{who} {} attempted {} on {}, on {} UTC.",
        receipt.plugin.name,
        receipt.kind,
        target(receipt),
        time::moment(receipt.time_us),
    )];
    out.push(decision(receipt));
    if let Some(nearest) = &receipt.decision.nearest {
        out.push(format!("The grant that came nearest: {nearest}."));
    }
    out.push(standing(receipt));
    if receipt.transport == Some(Transport::Fixture) {
        out.push(
            "A fixture answered in place of the socket; everything before the socket was real."
                .into(),
        );
    }
    if receipt.class == Some(Class::Strict) && receipt.decision.verdict == Verdict::Allowed {
        out.push("The intent was durable before the effect was performed.".into());
    }
    out
}

/// What a command on the receipt is good for, and the command.
pub(crate) fn remedy(receipt: &Receipt) -> Option<(&'static str, String)> {
    if receipt.standing == Standing::Indeterminate {
        let what_for = "To let its session go on (add --outcome done or not-done if you know)";
        return Some((what_for, resolve_command(&receipt.id)));
    }
    if receipt.standing == Standing::Open {
        return Some(("If its host is gone", resolve_command(&receipt.id)));
    }
    let allows = receipt.decision.command.clone()?;
    Some(("To allow it", allows))
}

fn decision(receipt: &Receipt) -> String {
    let decided = &receipt.decision;
    let grant = decided.grant.as_deref();
    let reason = decided
        .reason
        .as_deref()
        .unwrap_or("no reason was recorded");
    match (decided.verdict, grant) {
        (Verdict::Allowed, Some(grant)) => format!("The gate allowed it by grant {grant}."),
        (Verdict::Allowed, None) => "The gate allowed it.".into(),
        (Verdict::Denied, Some(grant)) => format!("The gate denied it: {reason} (rule {grant})."),
        (Verdict::Denied, None) => format!("The gate denied it: {reason}."),
        (Verdict::Asked, _) => "The gate put it to an operator.".into(),
    }
}

fn standing(receipt: &Receipt) -> String {
    match receipt.standing {
        Standing::Denied if receipt.count > 1 => {
            format!(
                "Nothing was performed; the receipt stands for {} such attempts.",
                receipt.count
            )
        }
        Standing::Denied => "Nothing was performed.".into(),
        Standing::Asked => "It waits.".into(),
        Standing::Open => "It has not ended yet, or its host died just now.".into(),
        Standing::Indeterminate => {
            "Its host died between the intent and the outcome: it may or may not have happened."
                .into()
        }
        Standing::Settled | Standing::Closed if receipt.resolved.is_some() => format!(
            "Its host died between the intent and the outcome; what an operator said became of it: {}.",
            outcome(receipt)
        ),
        Standing::Settled | Standing::Closed => match receipt.outcome() {
            Some(outcome) => format!(
                "It was performed: {}, in {}.",
                outcome_words(receipt, outcome),
                time::duration(outcome.duration_us)
            ),
            None => "It was performed.".into(),
        },
    }
}

/// What it aimed at.
pub(crate) fn target(receipt: &Receipt) -> String {
    match &receipt.target {
        Some(target) => target.text.clone(),
        None => format!("({} targets)", receipt.count),
    }
}

/// What came of it, short: the outcome, or the reason why nothing did.
pub(crate) fn outcome(receipt: &Receipt) -> String {
    match receipt.standing {
        Standing::Denied => receipt.decision.reason.clone().unwrap_or_default(),
        Standing::Asked | Standing::Open | Standing::Indeterminate => {
            receipt.standing.label().to_owned()
        }
        Standing::Settled | Standing::Closed => {
            let words = receipt
                .outcome()
                .map(|outcome| outcome_words(receipt, outcome))
                .unwrap_or_default();
            match receipt.bytes_in().filter(|bytes| *bytes > 0) {
                Some(read) => format!("{words}, {}", bytes(read)),
                None => words,
            }
        }
    }
}

/// The status of the answer; the entry that closes a body has none.
fn status(receipt: &Receipt) -> Option<u16> {
    let observed = [&receipt.settled, &receipt.closed];
    observed
        .into_iter()
        .flatten()
        .find_map(|observed| observed.outcome.status)
}

fn outcome_words(receipt: &Receipt, outcome: &Outcome) -> String {
    let result = match outcome.result {
        OutcomeResult::Resolved => outcome.detail.clone().unwrap_or_else(|| "resolved".into()),
        other => other.label().to_owned(),
    };
    match (status(receipt), &outcome.error) {
        (Some(status), _) => format!("{result} {status}"),
        (None, Some(error)) => format!("{result} {error}"),
        (None, None) => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::table;
    use std::sync::Arc;
    use tollgate_receipts::{Decided, Observed, Plugin, State, Target};

    fn receipt(verdict: Verdict) -> Receipt {
        let allowed = verdict == Verdict::Allowed;
        Receipt {
            id: "0198c5de-7a3e-7b1c-9f1c-0d7a3d1e2f30".into(),
            session: "demo-openai".into(),
            seqs: vec![4, 5],
            time_us: 1_700_000_000_123_456,
            run: Some("run-1".into()),
            call: "call-1".into(),
            plugin: Arc::new(Plugin {
                name: "files".into(),
                version: "0.1.0".into(),
                digest: "sha256:00".into(),
            }),
            import: Some("wasi:filesystem/types.open-at".into()),
            kind: if allowed { "fs.read" } else { "fs.create" }.into(),
            class: Some(if allowed {
                Class::Buffered
            } else {
                Class::Strict
            }),
            action: if allowed {
                Action::SandboxAction
            } else {
                Action::Denial
            },
            target: Some(Target {
                text: "/project/a/rather/long/path/to/some/file/README.md".into(),
                hmac: None,
            }),
            decision: Decided {
                verdict,
                grant: allowed.then(|| "user:files:1".into()),
                reason: (!allowed).then(|| "access_too_low".into()),
                nearest: None,
                command: None,
            },
            policy: None,
            generation: Some(3),
            transport: Some(Transport::Live),
            budget_left: None,
            state: if allowed {
                State::Settled
            } else {
                State::Denied
            },
            standing: if allowed {
                Standing::Settled
            } else {
                Standing::Denied
            },
            settled: allowed.then_some(Observed {
                seq: 5,
                time_us: 1_700_000_000_123_999,
                outcome: Outcome {
                    result: OutcomeResult::Ok,
                    error: None,
                    status: None,
                    bytes_in: Some(2048),
                    bytes_out: None,
                    duration_us: 543,
                    address: None,
                    detail: None,
                },
            }),
            closed: None,
            resolved: None,
            count: 1,
        }
    }

    #[test]
    fn a_table_of_receipts_fits_a_hundred_columns() {
        let rows = [
            row(&receipt(Verdict::Allowed)),
            row(&receipt(Verdict::Denied)),
        ];
        let shown = table::layout(&columns(), &rows, 100);
        assert!(
            shown.lines().all(|line| line.chars().count() <= 100),
            "{shown}"
        );
        assert_eq!(shown.lines().count(), 3, "{shown}");
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn a_receipt_is_explained_in_sentences() {
        insta::assert_snapshot!(sentences(&receipt(Verdict::Allowed)).join("\n"));
        insta::assert_snapshot!(sentences(&receipt(Verdict::Denied)).join("\n"));
    }
}
