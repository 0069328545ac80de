//! Tests of the whole page.

mod example;
mod hostile;

use super::{Checked, Proof, STORE, SessionProof, html, timeline::RECEIPTS_MAX};
use crate::Evidence;
use example::{counted, done, evidence, grants, lost, proof, refused};
use std::sync::Arc;
use std::time::{Duration, Instant};

const NOW_US: i64 = example::START_US + 3_600_000_000;

fn page(evidence: &Evidence) -> String {
    html(evidence, &proof(), &grants(), NOW_US)
}

/// The text of the section `id`, its markup left out.
fn section(page: &str, id: &str) -> String {
    let from = page.find(&format!("id=\"{id}\"")).unwrap();
    let from = from + page[from..].find('>').unwrap() + 1;
    let to = from + page[from..].find("</section>").unwrap();
    words(&page[from..to])
}

/// Text without markup; where markup was is a space.
fn words(markup: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in markup.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_example_is_written_for_people_to_look_at() {
    let target = std::env::var("CARGO_TARGET_DIR").map_or_else(
        |_| std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        std::path::PathBuf::from,
    );
    std::fs::create_dir_all(&target).unwrap();
    std::fs::write(target.join("report.html"), page(&evidence())).unwrap();

    // Words that fit no line, and a check that failed.
    let word = "W".repeat(900);
    let mut long = evidence();
    for receipt in &mut long.receipts {
        for text in [
            &mut Arc::make_mut(&mut receipt.plugin).name,
            &mut receipt.session,
            &mut receipt.kind,
        ] {
            text.push_str(&word);
        }
        receipt.decision.reason = Some(word.clone());
    }
    for call in &mut long.calls {
        call.record.ended.push_str(&word);
        call.record.export.push_str(&word);
    }
    for change in &mut long.changes {
        change.record.who.push_str(&word);
    }
    let failed = Proof {
        checked: Checked::Failed(word.clone()),
        source: word.clone(),
        command: word,
        ..proof()
    };
    let page = html(&long, &failed, &grants(), NOW_US);
    std::fs::write(target.join("report-long.html"), page).unwrap();
}

#[test]
fn the_verdict_is_in_words() {
    let text = section(&page(&evidence()), "verdict");
    assert!(text.starts_with("Verified Every entry"), "{text}");
    assert!(text.contains("complete to tree size 1,284"), "{text}");
    assert!(
        text.contains("agent_docs 1,272 closed at tree size 1,284"),
        "{text}"
    );
    assert!(
        text.contains("host (what belongs to no session) 12 open at tree size 1,284"),
        "{text}"
    );

    let unchecked = Proof {
        checked: Checked::NotChecked,
        ..proof()
    };
    let text = section(&html(&evidence(), &unchecked, &[], NOW_US), "verdict");
    assert!(text.starts_with("Not checked Nobody has checked"), "{text}");
    assert!(text.contains("tollgate receipt verify"), "{text}");

    let failed = Proof {
        checked: Checked::Failed("entry 7 is <missing>".into()),
        ..proof()
    };
    let text = section(&html(&evidence(), &failed, &[], NOW_US), "verdict");
    assert!(text.starts_with("The check failed"), "{text}");
    assert!(text.contains("entry 7 is &lt;missing&gt;"), "{text}");
    assert!(!text.contains("complete to"), "{text}");
}

#[test]
fn a_session_of_which_the_proof_is_silent_is_named() {
    let mut proof = proof();
    proof.sessions.retain(|session| session.session == "host");
    let text = section(&html(&evidence(), &proof, &[], NOW_US), "verdict");
    assert!(
        text.contains("1 session of which nothing was found out by a check: agent_docs"),
        "{text}"
    );
    assert!(!section(&page(&evidence()), "verdict").contains("nothing was found out"));
}

#[test]
fn the_numbers_are_right() {
    let text = section(&page(&evidence()), "summary");
    // 17 receipts of one effect and the group of 4,812; of the 17, 12 allowed, 4 refused, 1 waits.
    for sentence in [
        "4,829 effects were attempted by 6 plugins, between 2026-03-05 09:14:07.250 and",
        "12 were allowed, 4,816 were refused and 1 waits for an operator.",
        "Of those allowed, 10 were done and 1 was tried and failed, or given up.",
        "1 is indeterminate: its host died on the way",
        "4,813 0 4,813 0",
    ] {
        assert!(text.contains(sentence), "{sentence}: {text}");
    }
}

#[test]
fn refusals_alike_are_one_row() {
    let text = section(&page(&evidence()), "refused");
    assert!(
        text.contains("crawler fs.open.read no_grant – counted only 4,812"),
        "{text}"
    );
    assert!(
        text.contains("/home/ada/.ssh/id_ed25519 /etc/passwd 2"),
        "{text}"
    );
    assert!(text.find("4,812").unwrap() < text.find("id_ed25519").unwrap());
}

#[test]
fn what_was_reached_is_told_apart() {
    let page = page(&evidence());
    let hosts = section(&page, "hosts");
    assert!(
        hosts.contains("api.github.com http.request fetch 1 1 17.7 KiB 312 B the host"),
        "{hosts}"
    );
    assert!(
        hosts.contains(
            "hooks.example.com http.request fetch 1 0 0 B 312 B a fixture; the host was not reached"
        ),
        "{hosts}"
    );
    assert!(
        hosts.contains("10.4.0.12:5432 tcp.connect notes 1 1"),
        "{hosts}"
    );
    assert!(!hosts.contains("169.254.169.254"), "refused: {hosts}");
    let files = section(&page, "files");
    let (changed, read) = files.split_once(" Read ").unwrap();
    assert!(
        changed
            .contains("/project/notes/draft.md -&gt; /project/notes/final.md fs.rename notes 1 0"),
        "{changed}"
    );
    assert!(changed.contains("chapter-02.md fs.open.write"), "{changed}");
    assert!(
        read.contains("chapter-02.md fs.open.read files 1 1"),
        "{read}"
    );
    assert!(!files.contains("/etc/passwd"), "refused: {files}");
    let others = section(&page, "others");
    for target in [
        "GITHUB_TOKEN env.read",
        "notes/last-seen kv.set",
        "db.internal.example dns.resolve",
    ] {
        assert!(others.contains(target), "{target}: {others}");
    }
}

#[test]
fn grants_are_used_or_not() {
    let text = section(&page(&evidence()), "grants");
    let (used, unused) = text.split_once("Not used").unwrap();
    assert!(
        used.contains("g_http http * https://** fetch http.request 2 0 0"),
        "{used}"
    );
    assert!(
        used.contains("rule_ask_push – git http.request 0 0 1"),
        "{used}"
    );
    assert!(
        unused.contains("g_never fetch allow env read AWS_SECRET_ACCESS_KEY"),
        "{unused}"
    );
    assert!(!unused.contains("g_docs"), "{unused}");
    let text = section(&html(&evidence(), &proof(), &[], NOW_US), "grants");
    assert!(
        text.contains("not known here which grants were in force"),
        "{text}"
    );
}

#[test]
fn what_is_unsettled_names_its_command() {
    let text = section(&page(&evidence()), "unsettled");
    assert!(
        text.contains(
            "indeterminate tollgate receipt resolve 0198c5de-7a3e-7b1c-9f1c-00000000000d"
        ),
        "{text}"
    );
    assert!(
        text.contains("POST https://git.example.com/push waits –"),
        "{text}"
    );
}

#[test]
fn calls_and_changes_are_told() {
    let page = page(&evidence());
    let calls = section(&page, "calls");
    assert!(
        calls.contains("3 calls ended: 2 returned , 1 trapped ."),
        "{calls}"
    );
    assert!(
        calls.contains("trapped unreachable in parse_header at 0x1f0 1.8 s 2.2 MiB 3 1"),
        "{calls}"
    );
    let changes = section(&page, "changes");
    assert!(
        changes.contains("os:ada grant.add g_docs files: fs read /project/docs/** host , 2"),
        "{changes}"
    );
}

#[test]
fn the_timeline_has_every_receipt_and_its_rest() {
    let text = section(&page(&evidence()), "timeline");
    for receipt in &evidence().receipts {
        assert!(text.contains(&receipt.id), "{}", receipt.id);
    }
    assert!(
        text.contains(
            "2026-03-05 09:14:15.272 agent_docs fetch http.request GET https://api.github.com"
        ),
        "{text}"
    );
    assert!(
        text.contains("allowed done status 200, 17.7 KiB in, 312 B out"),
        "{text}"
    );
    assert!(text.contains("address 140.82.121.6:443"), "{text}");
    assert!(text.contains("stands for 4812"), "{text}");
}

#[test]
fn an_empty_ledger_gives_a_page() {
    let nothing = Proof {
        source: STORE.into(),
        checked: Checked::NotChecked,
        origin: None,
        key: None,
        tree_size: None,
        root: None,
        sessions: Vec::new(),
        command: "tollgate receipt verify".into(),
    };
    let page = html(&Evidence::default(), &nothing, &[], NOW_US);
    let text = words(&page);
    for sentence in [
        "Receipts of the store of this machine",
        "It tells of no session.",
        "No effect was attempted: the ledger has no receipts.",
        "Nothing was refused.",
        "No host was reached.",
        "No file was changed.",
        "No file was read.",
        "No receipt names a grant.",
        "No authority was changed.",
        "No call has ended.",
        "There are no receipts.",
        "Root hash none was given",
    ] {
        assert!(text.contains(sentence), "{sentence}: {text}");
    }
    assert!(!page.contains("<table"), "no table is empty");
}

#[test]
fn a_large_ledger_is_cut_and_keeps_what_matters() {
    let mut receipts = vec![
        refused(0, "files", "fs.open.read", "/early", "no_grant"),
        lost(1, "files", "fs.rename", "/lost", "g"),
        counted(2, "files", "fs.stat", "no_grant", 9),
    ];
    receipts.extend((3..100_000).map(|at| {
        let target = format!("/project/file-{at}");
        done(at, "files", "fs.open.read", &target, "g")
    }));
    let evidence = Evidence {
        receipts,
        ..Evidence::default()
    };
    let start = Instant::now();
    let page = html(&evidence, &proof(), &[], NOW_US);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert!(page.len() < 12_000_000, "{}", page.len());
    assert_eq!(page.matches("<details>").count(), RECEIPTS_MAX);
    let text = section(&page, "timeline");
    assert!(
        text.contains("5,000 of 100,000 receipts are shown"),
        "{text:.300}"
    );
    assert!(text.contains("95,000 receipts left out here. The receipts are listed by tollgate receipt list --from agent_docs-2026-03-05.receipts ."), "{text:.400}");
    assert!(
        text.contains("/early")
            && text.contains("/lost")
            && text.contains("9 attempts, counted together")
    );
    assert!(text.contains("/project/file-99999") && !text.contains("/project/file-4000 "));
    let files = section(&page, "files");
    assert!(files.contains("99,497 paths left out here"), "{files:.100}");
    assert!(files.contains("--kind fs"));
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let mut proof = proof();
    proof.sessions.push(SessionProof {
        session: "<script src=https://evil>".into(),
        entries: 0,
        open: true,
    });
    let page = html(&evidence(), &proof, &grants(), NOW_US);
    for never in [
        "<script", "<img", "<link", "<iframe", "<svg", "<base", " src=", " on", "url(", "@import",
        " style=",
    ] {
        let inside = hostile::tags(&page)
            .into_iter()
            .find(|tag| tag.contains(never));
        assert_eq!(inside, None, "{never}");
    }
    for href in page.split("href=\"").skip(1) {
        assert!(href.starts_with('#'), "{href:.40}");
    }
    let style = page
        .split_once("<style>")
        .unwrap()
        .1
        .split_once("</style>")
        .unwrap()
        .0;
    assert!(!style.contains("url(") && !style.contains("@import") && !style.contains("//"));
    use base64::Engine;
    use sha2::Digest;
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style));
    let policy = format!(
        "content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\""
    );
    assert!(page.contains(&policy), "{policy}");
}

#[test]
fn tables_and_headings_are_in_order() {
    let page = page(&evidence());
    assert_eq!(page.matches("<h1>").count(), 1);
    assert_eq!(
        page.matches("<table").count(),
        page.matches("<caption>").count()
    );
    for heading in page
        .split("<th")
        .skip(1)
        .filter(|rest| !rest.starts_with("ead"))
    {
        assert!(heading.starts_with(" scope=\""), "{heading:.40}");
    }
    for link in page.split("href=\"#").skip(1) {
        let id = link.split_once('"').unwrap().0;
        assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
    }
}
