//! The skeleton of the page: head, headings, sections, foot.

use super::{
    GrantLine, Proof, STORE, calls, changes, grants, markup::Markup, refused, summary, timeline,
    touched::Reached, unsettled, verdict, words,
};
use crate::Evidence;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// What the page tells of.
pub(super) struct Subject<'a> {
    /// What there is to tell.
    pub evidence: &'a Evidence,
    /// What a check found.
    pub proof: &'a Proof,
    /// Grants that were in force.
    pub grants: &'a [GrantLine],
    /// When the page is made, microseconds since the Unix epoch.
    pub now_us: i64,
}

impl Subject<'_> {
    /// The command that lists the receipts, `filter` being further words of it.
    pub(super) fn list(&self, filter: &str) -> String {
        words::list_command(&self.proof.source, filter)
    }
}

/// Writes the page.
pub(super) fn write(subject: &Subject<'_>) -> String {
    let mut page = Markup::default();
    head(&mut page, subject);
    verdict::write(&mut page, subject);
    page.raw(CONTENTS);
    sections(&mut page, subject);
    foot(&mut page, subject);
    page.into_string()
}

fn head(page: &mut Markup, subject: &Subject<'_>) {
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-")
        .text(&STANDARD.encode(Sha256::digest(STYLE)))
        .raw("'; base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>Receipts of ")
        .text(&subject.proof.source)
        .raw("</title>\n<style>")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n<header>\n<p class=\"kicker\">Tollgate receipt report</p>\n<h1>Receipts of ");
    if subject.proof.source == STORE {
        page.raw("the store of this machine");
    } else {
        page.code(&subject.proof.source);
    }
    page.raw("</h1>\n<p class=\"quiet\">What plugins attempted, what the gate decided, and what came of it. Made on ")
        .text(&words::moment(subject.now_us))
        .raw(" UTC.</p>\n</header>\n<main>\n");
}

const CONTENTS: &str = "<nav aria-label=\"Contents\"><ul>
<li><a href=\"#summary\">Summary</a></li>
<li><a href=\"#unsettled\">Without a known end</a></li>
<li><a href=\"#refused\">Refused</a></li>
<li><a href=\"#hosts\">Hosts</a></li>
<li><a href=\"#files\">Files</a></li>
<li><a href=\"#others\">Other targets</a></li>
<li><a href=\"#grants\">Grants</a></li>
<li><a href=\"#changes\">Changes of authority</a></li>
<li><a href=\"#calls\">Calls</a></li>
<li><a href=\"#timeline\">Timeline</a></li>
<li><a href=\"#verify\">How to verify</a></li>
</ul></nav>
";

fn sections(page: &mut Markup, subject: &Subject<'_>) {
    let mut reached = Reached::of(&subject.evidence.receipts);
    page.raw("<section id=\"summary\">\n<h2>Summary</h2>\n");
    summary::write(page, subject);
    page.raw("</section>\n<section id=\"unsettled\">\n<h2>Without a known end</h2>\n");
    unsettled::write(page, subject);
    page.raw("</section>\n<section id=\"refused\">\n<h2>What was refused, and why</h2>\n");
    refused::write(page, subject);
    page.raw("</section>\n<section id=\"hosts\">\n<h2>Hosts reached</h2>\n");
    reached.hosts(page, subject);
    page.raw("</section>\n<section id=\"files\">\n<h2>Files reached</h2>\n");
    reached.files(page, subject);
    page.raw("</section>\n<section id=\"others\">\n<h2>Other targets</h2>\n");
    reached.others(page, subject);
    page.raw("</section>\n<section id=\"grants\">\n<h2>Grants</h2>\n");
    grants::write(page, subject);
    page.raw("</section>\n<section id=\"changes\">\n<h2>Changes of authority</h2>\n");
    changes::write(page, subject);
    page.raw("</section>\n<section id=\"calls\">\n<h2>Calls</h2>\n");
    calls::write(page, subject);
    page.raw("</section>\n<section id=\"timeline\">\n<h2>Timeline</h2>\n");
    timeline::write(page, subject);
    page.raw("</section>\n<section id=\"verify\">\n<h2>How to verify</h2>\n");
    verdict::how(page, subject);
    page.raw("</section>\n");
}

fn foot(page: &mut Markup, subject: &Subject<'_>) {
    page.raw("</main>\n<footer>\n<p>Characters that cannot be seen, or that change the direction of text, are written as <code>\\u{…}</code>. Times are UTC. This page loads nothing and runs nothing. Made by Tollgate ")
        .raw(env!("CARGO_PKG_VERSION"))
        .raw(" on ")
        .text(&words::moment(subject.now_us))
        .raw(" UTC.</p>\n</footer>\n</body>\n</html>\n");
}
