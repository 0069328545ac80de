//! Every system call that a guest causes has its receipt, and every receipt its system call: the whole of a
//! call under `strace`, with marks of the gate in it, compared with what the program says it did.
//!
//! Lookups of names are not among what is granted here: the system's resolver makes its calls on threads of its
//! own, and which they are is the system's business.
//!
//! The comparison must be able to fail: one receipt less or more, or one call more, and it does.

mod judge;
mod trace;

use crate::matrix;
use crate::support::server::{Answer, Server};
use crate::support::{Home, Ran, place};
use judge::{HOST, Place, Receipt, judge};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use trace::Call;

/// Calls that touch names, links, times or sockets, in all their forms.
const WATCHED: &str = "open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rmdir,rename,renameat,\
    renameat2,link,linkat,unlink,unlinkat,symlink,symlinkat,truncate,ftruncate,utime,utimes,utimensat,\
    futimesat,chmod,fchmod,fchmodat,chown,fchown,fchownat,connect,bind,listen,sendto,sendmsg,sendmmsg,access,\
    faccessat,faccessat2";

/// Entries that the host's own list may have.
const HOST_ENTRIES_MAX: usize = 15;

/// What is granted in each run.
const GRANTED: [&[&str]; 3] = [
    &[
        "fs.full {MOUNT} at /data",
        "http * http://127.0.0.1:{PORT}/**",
        "kv notes",
        "env HOME",
        "tcp connect 127.0.0.1:{PORT}",
        "tcp bind 127.0.0.1:{OWN_PORT}",
        "udp connect 127.0.0.1:{PORT}",
        "udp bind 127.0.0.1:0",
    ],
    &["fs.read {MOUNT} at /data except **/note.txt"],
    &[],
];

/// One run of the guest that attempts everything.
struct Run {
    calls: Vec<Call>,
    receipts: Vec<Receipt>,
    place: Place,
}

fn run(grants: &[&str]) -> Run {
    let home = Home::new();
    let server = Server::start(|_| Answer::ok("a page"));
    let mount = home.root().join("mount");
    std::fs::create_dir_all(mount.join("sub")).unwrap();
    std::fs::write(mount.join("note.txt"), "a note").unwrap();
    std::os::unix::fs::symlink("note.txt", mount.join("link-inside")).unwrap();
    let own_port = matrix::free_port();
    let called = Arc::new(AtomicBool::new(false));
    let client = matrix::visit(own_port, Arc::clone(&called));
    let grants: Vec<String> = grants
        .iter()
        .map(|grant| {
            grant
                .replace("{MOUNT}", mount.to_str().unwrap())
                .replace("{PORT}", &server.port.to_string())
                .replace("{OWN_PORT}", &own_port.to_string())
        })
        .collect();
    let component = place::hostile().join("matrix.wasm");
    home.policy(&format!(
        "version = 1\n[plugins.matrix]\ncomponent = {component:?}\ngrants = {grants:?}\n"
    ));
    // Compiled before, so that what is watched is a call and nothing else.
    home.ok(["plugin", "show", "matrix"]);

    let arguments = json!({ "port": server.port, "canary_port": own_port }).to_string();
    let plain = home.command([
        "call",
        "matrix",
        "attempt",
        "--json",
        "--arguments-json",
        &arguments,
    ]);
    let written = home.root().join("strace.txt");
    let mut watched = Command::new("strace");
    watched
        .args([
            "-f",
            "-y",
            "-yy",
            "-s",
            "4096",
            "-e",
            &format!("trace={WATCHED}"),
            "-o",
        ])
        .arg(&written)
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(home.work())
        .env_clear()
        .env("TOLLGATE_TEST_MARKS", "1")
        .envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    let ran = Ran::of(watched);
    called.store(true, Ordering::Relaxed);
    client.join().unwrap();
    assert_eq!(
        ran.code,
        Some(0),
        "strace is needed, `apt-get install strace`: {ran}"
    );

    let calls = trace::parse(&std::fs::read_to_string(&written).unwrap());
    let session = ran.json()["session"].as_str().unwrap().to_owned();
    let listed = home.json(["receipt", "list", "--limit", "1000"]);
    let receipts = listed["receipts"].as_array().unwrap();
    let own = home.own();
    let path = |rest: &str| own.join(rest).to_str().unwrap().to_owned();
    let names = BTreeMap::from([
        ("keys", path("state/store/session-keys")),
        ("nowhere", path("cache/nowhere")),
        ("mount", mount.to_str().unwrap().to_owned()),
        ("session", session),
        ("pid", calls[0].thread.to_string()),
    ]);
    Run {
        receipts: receipts.iter().map(Receipt::of).collect(),
        calls,
        place: Place {
            names,
            guest: "/data",
        },
    }
}

#[test]
fn what_the_kernel_saw_is_what_the_receipts_say() {
    let mut host = BTreeSet::new();
    for grants in GRANTED {
        let Run {
            calls,
            receipts,
            place,
        } = run(grants);
        let verdict = judge(&calls, &receipts, &place);
        assert!(
            verdict.problems.is_empty(),
            "{grants:?}: {:#?}",
            verdict.problems
        );
        assert!(receipts.len() >= 20, "{} receipts", receipts.len());
        if grants.len() > 1 {
            assert!(verdict.matched >= 25, "{} calls", verdict.matched);
        }
        host.extend(verdict.host.into_iter().map(|entry| {
            let names = place.names.iter();
            names.fold(entry, |entry, (name, value)| {
                entry.replace(value, &format!("{{{name}}}"))
            })
        }));
    }
    // No entry is there that does not occur.
    assert_eq!(host.len(), HOST.len(), "{host:#?}");
    const { assert!(HOST.len() <= HOST_ENTRIES_MAX) };
}

#[test]
fn a_receipt_or_a_call_more_or_less_is_found() {
    let Run {
        calls,
        receipts,
        place,
    } = run(GRANTED[0]);
    let whole = judge(&calls, &receipts, &place);
    assert!(whole.problems.is_empty());
    for gone in 0..receipts.len() {
        let mut fewer = receipts.clone();
        let gone = fewer.remove(gone);
        let problems = judge(&calls, &fewer, &place).problems;
        assert!(
            problems.iter().any(|problem| problem.contains(&gone.id)),
            "{gone:?}"
        );
    }
    for index in 0..receipts.len() {
        let mut more = receipts.clone();
        let mut added = receipts[index].clone();
        added.id = "00000000-0000-7000-8000-000000000000".to_owned();
        more.push(added);
        assert!(!judge(&calls, &more, &place).problems.is_empty());
    }
    // Each call that a receipt is matched with, taken out, and once more where no receipt is.
    let effects = [
        "openat",
        "mkdirat",
        "unlinkat",
        "renameat2",
        "linkat",
        "symlinkat",
        "utimensat",
        "connect",
        "bind",
        "listen",
        "sendto",
        "sendmsg",
    ];
    let is_allowed = |call: &Call| call.mark().is_some_and(|(word, _)| word == "allowed");
    let is_end = |call: &Call| call.mark().is_some_and(|(word, _)| word == "end");
    let begun = calls.iter().position(is_allowed).unwrap();
    let length = calls[begun..].iter().position(is_end).unwrap();
    let mut of_host = 0;
    for at in begun..begun + length {
        if !effects.contains(&calls[at].name.as_str()) {
            continue;
        }
        if whole.host_calls.contains(&at) {
            of_host += 1;
            continue;
        }
        let mut fewer = calls.clone();
        let mut stray = fewer.remove(at);
        let problems = judge(&fewer, &receipts, &place).problems;
        assert!(!problems.is_empty(), "{:?}", calls[at]);
        stray.thread = u32::MAX;
        let mut more = calls.clone();
        more.insert(begun, stray);
        assert!(
            !judge(&more, &receipts, &place).problems.is_empty(),
            "{:?}",
            calls[at]
        );
    }
    // Two for the mount and one for the directory that stands for everything outside.
    assert_eq!(of_host, 3);
}
