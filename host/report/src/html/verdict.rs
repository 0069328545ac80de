//! The verdict on the ledger: what was checked, up to where, and how to check it again.

use super::{
    Checked, Proof, STORE,
    markup::Markup,
    page::Subject,
    table::{self, Column, long, number},
    words,
};
use std::collections::BTreeSet;

/// What the chain of entries that belong to no session is called in a ledger.
const HOST_SESSION: &str = tollgate_receipts::HOST_SESSION;

const SESSIONS: &[Column] = &[long("Session"), number("Entries"), long("State")];

/// Writes the headline and the sessions.
pub(super) fn write(page: &mut Markup, subject: &Subject<'_>) {
    let proof = subject.proof;
    page.raw(match proof.checked {
        Checked::Verified => "<section class=\"verdict\" id=\"verdict\">\n<h2>Verified</h2>\n",
        Checked::NotChecked => {
            "<section class=\"verdict open\" id=\"verdict\">\n<h2>Not checked</h2>\n"
        }
        Checked::Failed(_) => {
            "<section class=\"verdict bad\" id=\"verdict\">\n<h2>The check failed</h2>\n"
        }
    });
    finding(page, proof);
    sessions(page, proof);
    strangers(page, subject);
    page.raw("</section>\n");
}

fn finding(page: &mut Markup, proof: &Proof) {
    match &proof.checked {
        Checked::Verified => {
            page.raw("<p>Every entry of ");
            source(page, proof);
            page.raw(" is in its place and unaltered. ");
            match proof.tree_size {
                Some(size) => page
                    .raw("The ledger is <strong>complete to tree size ")
                    .number(size)
                    .raw("</strong>, which its signed tree head states."),
                None => page.raw("It has no tree size, so nothing is said of what came after."),
            };
            page.raw("</p>\n");
        }
        Checked::NotChecked => {
            page.raw("<p>Nobody has checked ");
            source(page, proof);
            page.raw(". What follows is what it says of itself. To check it: ")
                .code(&proof.command)
                .raw("</p>\n");
        }
        Checked::Failed(why) => {
            page.raw("<p>The check of ");
            source(page, proof);
            page.raw(" failed: ").code(why).raw(
                "</p>\n<p>Do not rely on what follows: entries may be missing or altered.</p>\n",
            );
        }
    }
}

fn source(page: &mut Markup, proof: &Proof) {
    if proof.source == STORE {
        page.raw("the store of this machine");
    } else {
        page.code(&proof.source);
    }
}

fn sessions(page: &mut Markup, proof: &Proof) {
    if proof.sessions.is_empty() {
        page.paragraph("It tells of no session.");
        return;
    }
    let size = proof.tree_size.map(words::number);
    table::write(
        page,
        "Sessions",
        SESSIONS,
        &proof.sessions,
        |row, session| {
            row.cell(|page| {
                page.code(&session.session);
                if session.session == HOST_SESSION {
                    page.raw(" (what belongs to no session)");
                }
            })
            .number(session.entries);
            let (state, future) = match session.open {
                true => ("open", "more entries may follow"),
                false => ("closed", "no entry may follow"),
            };
            row.text(&match &size {
                Some(size) => format!("{state} at tree size {size}: {future}"),
                None => format!("{state}: {future}"),
            });
        },
    );
}

/// Names sessions of which the page tells and the proof does not.
fn strangers(page: &mut Markup, subject: &Subject<'_>) {
    let sessions = subject.proof.sessions.iter();
    let proven: BTreeSet<&str> = sessions.map(|proof| proof.session.as_str()).collect();
    let evidence = subject.evidence;
    let told = evidence.receipts.iter().map(|receipt| &receipt.session);
    let told = told
        .chain(evidence.calls.iter().map(|call| &call.session))
        .chain(evidence.changes.iter().map(|change| &change.session));
    let strange: BTreeSet<&str> = told
        .map(String::as_str)
        .filter(|session| !proven.contains(session))
        .collect();
    if strange.is_empty() {
        return;
    }
    page.raw("<p class=\"note\">The page tells of ")
        .text(&words::count(strange.len() as u64, "session"))
        .raw(" of which nothing was found out by a check: ");
    for (at, session) in strange.iter().take(10).enumerate() {
        page.raw(if at > 0 { ", " } else { "" }).code(session);
    }
    page.raw(if strange.len() > 10 {
        ", …</p>\n"
    } else {
        ".</p>\n"
    });
}

/// Writes how anybody can check the ledger.
pub(super) fn how(page: &mut Markup, subject: &Subject<'_>) {
    let proof = subject.proof;
    page.raw("<p>This page is a reading of ");
    source(page, proof);
    page.raw(" and proves nothing by itself: anybody can write such a page. The ledger is the proof. Check it yourself, with a copy of Tollgate that you trust, and compare what the command prints with this page:</p>\n<pre class=\"command\">")
        .text(&proof.command)
        .raw("</pre>\n<dl>\n");
    let size = proof.tree_size.map(words::number);
    fact(
        page,
        "<dt>Origin of the tree head</dt>",
        proof.origin.as_deref(),
    );
    fact(page, "<dt>Verifier key</dt>", proof.key.as_deref());
    fact(page, "<dt>Tree size</dt>", size.as_deref());
    fact(page, "<dt>Root hash</dt>", proof.root.as_deref());
    page.raw("</dl>\n<p>Take the verifier key from somebody who runs the host and not from this page. A key that came with the ledger shows only that the ledger fits its own key.</p>\n");
}

fn fact(page: &mut Markup, name: &'static str, value: Option<&str>) {
    page.raw(name).raw("<dd>");
    match value {
        Some(value) => page.code(value),
        None => page.raw("none was given"),
    };
    page.raw("</dd>\n");
}
