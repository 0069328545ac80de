//! Evidence as a ledger has it, made by hand.

use crate::{
    Evidence, Of,
    html::{Checked, GrantLine, Proof, SessionProof},
};
use std::sync::Arc;
use tollgate_receipts::{
    Action, CallRecord, ChangeRecord, Class, Decided, Observed, Outcome, OutcomeResult, Plugin,
    Receipt, Standing, State, Target, Transport, Verdict,
};

/// 2026-03-05 09:14:07.250 UTC.
pub(super) const START_US: i64 = 1_772_702_047_250_000;

pub(super) fn plugin(name: &str) -> Arc<Plugin> {
    Arc::new(Plugin {
        name: name.into(),
        version: "1.4.2".into(),
        digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
    })
}

/// An allowed effect that was done.
pub(super) fn done(at: u64, who: &str, kind: &str, target: &str, grant: &str) -> Receipt {
    let time_us = START_US + at as i64 * 1_337_111;
    Receipt {
        id: format!("0198c5de-7a3e-7b1c-9f1c-{at:012x}"),
        session: "agent_docs".into(),
        seqs: vec![at * 2 + 1, at * 2 + 2],
        time_us,
        run: Some("run-7".into()),
        call: format!("call-{}", at / 4),
        plugin: plugin(who),
        import: Some("wasi:filesystem/types.open-at".into()),
        kind: kind.into(),
        class: Some(Class::Strict),
        action: Action::SandboxAction,
        target: Some(Target {
            text: target.into(),
            hmac: None,
        }),
        decision: Decided {
            verdict: Verdict::Allowed,
            grant: Some(grant.into()),
            reason: None,
            nearest: None,
            command: None,
        },
        policy: Some("sha256:77aa".into()),
        generation: Some(12),
        transport: Some(Transport::Live),
        budget_left: Some(990),
        state: State::Settled,
        standing: Standing::Settled,
        settled: Some(Observed {
            seq: at * 2 + 2,
            time_us: time_us + 4_000,
            outcome: outcome(OutcomeResult::Ok),
        }),
        closed: None,
        resolved: None,
        count: 1,
    }
}

pub(super) fn outcome(result: OutcomeResult) -> Outcome {
    Outcome {
        result,
        error: None,
        status: None,
        bytes_in: Some(18_211),
        bytes_out: Some(312),
        duration_us: 3_900,
        address: None,
        detail: None,
    }
}

/// A refused effect.
pub(super) fn refused(at: u64, who: &str, kind: &str, target: &str, reason: &str) -> Receipt {
    Receipt {
        action: Action::Denial,
        decision: Decided {
            verdict: Verdict::Denied,
            grant: None,
            reason: Some(reason.into()),
            nearest: Some("g_docs (fs read /project/docs/**): the path is outside".into()),
            command: Some(format!("tollgate grant add {who} '{kind} {target}'")),
        },
        state: State::Denied,
        standing: Standing::Denied,
        settled: None,
        ..done(at, who, kind, target, "")
    }
}

/// Refusals that were only counted.
pub(super) fn counted(at: u64, who: &str, kind: &str, reason: &str, count: u64) -> Receipt {
    let mut receipt = refused(at, who, kind, "", reason);
    receipt.target = None;
    receipt.import = None;
    receipt.class = None;
    receipt.decision.nearest = None;
    receipt.decision.command = None;
    receipt.count = count;
    receipt
}

/// An effect whose host died on the way.
pub(super) fn lost(at: u64, who: &str, kind: &str, target: &str, grant: &str) -> Receipt {
    let mut receipt = done(at, who, kind, target, grant);
    receipt.standing = Standing::Indeterminate;
    if let Some(settled) = &mut receipt.settled {
        settled.outcome = Outcome {
            bytes_in: None,
            bytes_out: None,
            ..outcome(OutcomeResult::Indeterminate)
        };
    }
    receipt
}

fn failed(at: u64, who: &str, kind: &str, target: &str, grant: &str) -> Receipt {
    let mut receipt = done(at, who, kind, target, grant);
    receipt.transport = Some(Transport::Fixture);
    if let Some(settled) = &mut receipt.settled {
        settled.outcome = Outcome {
            error: Some("connection-refused".into()),
            bytes_in: None,
            ..outcome(OutcomeResult::Failed)
        };
    }
    receipt
}

fn waiting(at: u64, who: &str, kind: &str, target: &str) -> Receipt {
    let mut receipt = refused(at, who, kind, target, "");
    receipt.decision.verdict = Verdict::Asked;
    receipt.decision.reason = None;
    receipt.decision.grant = Some("rule_ask_push".into());
    receipt.state = State::Asked;
    receipt.standing = Standing::Asked;
    receipt
}

pub(super) fn call(at: u64, who: &str, export: &str, ended: &str) -> Of<CallRecord> {
    Of {
        session: "agent_docs".into(),
        seq: 100 + at,
        record: CallRecord {
            call: format!("call-{at}"),
            time_us: START_US + at as i64 * 5_000_000,
            run: None,
            plugin: plugin(who),
            export: export.into(),
            ended: ended.into(),
            detail: (ended != "returned").then(|| "unreachable in parse_header at 0x1f0".into()),
            allowed: 3,
            denied: 1,
            clock: 4,
            random_bytes: 16,
            stdio_bytes: 220,
            duration_us: 48_200 + at * 900_000,
            memory_bytes_peak: 2_359_296,
        },
    }
}

pub(super) fn change(at: u64, what: &str, object: &str, detail: &str) -> Of<ChangeRecord> {
    Of {
        session: "host".into(),
        seq: 1 + at,
        record: ChangeRecord {
            time_us: START_US - 60_000_000 + at as i64 * 1_000_000,
            who: "os:ada".into(),
            what: what.into(),
            object: object.into(),
            detail: detail.into(),
        },
    }
}

pub(super) fn evidence() -> Evidence {
    let mut with_status = done(
        6,
        "fetch",
        "http.request",
        "GET https://api.github.com/repos/example/tollgate/issues",
        "g_http",
    );
    if let Some(settled) = &mut with_status.settled {
        settled.outcome.status = Some(200);
        settled.outcome.address = Some("140.82.121.6:443".into());
    }
    Evidence {
        receipts: vec![
            done(
                0,
                "files",
                "fs.open.read",
                "/project/docs/guide/chapter-01.md",
                "g_docs",
            ),
            done(
                1,
                "files",
                "fs.open.read",
                "/project/docs/guide/chapter-02.md",
                "g_docs",
            ),
            done(2, "files", "fs.list", "/project/docs/guide", "g_docs"),
            done(
                3,
                "files",
                "fs.open.write",
                "/project/docs/guide/chapter-02.md",
                "g_docs_write",
            ),
            refused(
                4,
                "files",
                "fs.open.read",
                "/home/ada/.ssh/id_ed25519",
                "no_grant",
            ),
            refused(5, "files", "fs.open.read", "/etc/passwd", "no_grant"),
            with_status,
            failed(
                7,
                "fetch",
                "http.request",
                "POST https://hooks.example.com/services/T000/B000/a-very-long-path-that-goes-on-and-on-and-on-until-it-does-not-fit-a-line-anywhere?token",
                "g_http",
            ),
            refused(
                8,
                "fetch",
                "http.request",
                "GET https://169.254.169.254/latest/meta-data/iam/security-credentials/",
                "private_address",
            ),
            done(9, "fetch", "env.read", "GITHUB_TOKEN", "g_env"),
            done(10, "notes", "kv.set", "notes/last-seen", "g_kv"),
            done(11, "notes", "dns.resolve", "db.internal.example", "g_dns"),
            done(12, "notes", "tcp.connect", "10.4.0.12:5432", "g_tcp"),
            lost(
                13,
                "notes",
                "fs.rename",
                "/project/notes/draft.md -> /project/notes/final.md",
                "g_notes",
            ),
            waiting(
                14,
                "git",
                "http.request",
                "POST https://git.example.com/push",
            ),
            counted(15, "crawler", "fs.open.read", "no_grant", 4_812),
            refused(
                16,
                "crawler",
                "fs.create",
                "/tmp/<script>alert(1)</script>\n<img src=x onerror=alert(2)>\u{202e}txt.exe",
                "no_grant",
            ),
            done(
                17,
                "crawler\" onmouseover=\"x",
                "fs.open.read",
                "/project/docs/'quoted' & \u{200b}hidden\u{2066}.md",
                "g_docs",
            ),
        ],
        calls: vec![
            call(0, "files", "tool.call read", "returned"),
            call(1, "fetch", "tool.call fetch", "returned"),
            call(2, "crawler", "tool.call crawl", "trapped"),
        ],
        changes: vec![
            change(0, "plugin.add", "crawler", "sha256:9f86d081884c7d65"),
            change(1, "grant.add", "g_docs", "files: fs read /project/docs/**"),
            change(2, "grant.revoke", "g_old", ""),
            change(
                3,
                "session.launch",
                "agent_docs",
                "--><script>alert(3)</script>",
            ),
        ],
    }
}

pub(super) fn proof() -> Proof {
    Proof {
        source: "agent_docs-2026-03-05.receipts".into(),
        checked: Checked::Verified,
        origin: Some("tollgate.example/ledger/4f2a".into()),
        key: Some(
            "tollgate.example/ledger/4f2a+1c9a77e0+AZ8kq0dmVnfWw2YQm0oW3i0w4XQ3q1v0i7m1tqk0bXcE"
                .into(),
        ),
        tree_size: Some(1_284),
        root: Some("m3vQ0m8h0cVJ2w0Jm9m0QW5kq1r2v3x4y5z6A7B8C9D=".into()),
        sessions: vec![
            SessionProof {
                session: "host".into(),
                entries: 12,
                open: true,
            },
            SessionProof {
                session: "agent_docs".into(),
                entries: 1_272,
                open: false,
            },
        ],
        command: "tollgate receipt verify agent_docs-2026-03-05.receipts --key ada.vkey".into(),
    }
}

pub(super) fn grant(id: &str, who: &str, capability: &str) -> GrantLine {
    GrantLine {
        id: id.into(),
        plugin: who.into(),
        capability: capability.into(),
        effect: "allow".into(),
    }
}

pub(super) fn grants() -> Vec<GrantLine> {
    vec![
        grant("g_docs", "files", "fs read /project/docs/**"),
        grant("g_http", "fetch", "http * https://**"),
        grant("g_never", "fetch", "env read AWS_SECRET_ACCESS_KEY"),
    ]
}
