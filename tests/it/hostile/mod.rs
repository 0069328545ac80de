//! Every component of `tests/hostile`, called by the built binary beside an innocent neighbour.
//!
//! A folder is one test: the guest, the operator's policy, and what must come of it. The names below
//! are the folders; a folder without a test, or a test without a folder, fails
//! `every_folder_has_a_test`.
//!
//! `TOLLGATE_EXPECT=write` writes what was seen into `expected.json`, to be reviewed as a diff.

mod kept;
pub(crate) mod outcome;
mod routes;
pub(crate) mod scene;
mod wire;
mod words;

use crate::support::{Ran, place};
use outcome::Outcome;
use scene::Scene;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A neighbour's call, a process of its own, takes a fraction of a second on an idle machine.
const NEIGHBOUR_TIME_MAX: Duration = Duration::from_secs(5);
/// Folders of `tests/hostile` that are not hostile, or have a test of their own.
const OTHERS: [&str; 7] = [
    "bench",
    "blocks",
    "cells",
    "many",
    "imports",
    "matrix",
    "socket_revoked",
];

macro_rules! folders {
    ($($test:ident = $folder:literal),* $(,)?) => {
        const FOLDERS: &[&str] = &[$($folder),*];
        $(#[test] fn $test() { contained($folder); })*
    };
}

folders! {
    dotdot = "dotdot",
    symlink = "symlink",
    write_read_only = "write_read_only",
    excluded_rename = "excluded_rename",
    excluded_hard_link = "excluded_hard_link",
    fifo = "fifo",
    own_store = "own_store",
    redirect = "redirect",
    private_address = "private_address",
    dot_encoded = "dot_encoded",
    name_lookup = "name_lookup",
    lookup_exfil = "lookup_exfil",
    socket_connect = "socket_connect",
    socket_other_port = "socket_other_port",
    socket_listen = "socket_listen",
    socket_metadata = "socket_metadata",
    udp_spray = "udp_spray",
    environment = "environment",
    heavy_memory = "memory",
    heavy_endless_loop = "endless_loop",
    endless_wait = "endless_wait",
    output_flood = "output_flood",
    receipt_flood = "receipt_flood",
    disk_flood = "disk_flood",
    trap = "trap",
    undeclared_need = "undeclared_need",
    heavy_compile_bomb = "compile_bomb",
    core_instances = "core_instances",
    odd_names = "odd_names",
    unicode_forms = "unicode_forms",
    case_forms = "case_forms",
    device_files = "device_files",
    proc_walk = "proc_walk",
    mount_of_root = "mount_of_root",
    git_hooks = "git_hooks",
    create_only = "create_only",
    write_only = "write_only",
    second_mount = "second_mount",
    nested_mounts = "nested_mounts",
    own_link_walk = "own_link_walk",
    libc_misses = "libc_misses",
    url_forms = "url_forms",
    other_port = "other_port",
    other_scheme = "other_scheme",
    other_method = "other_method",
    query_escape = "query_escape",
    host_header = "host_header",
    smuggled_line = "smuggled_line",
    proxy_env = "proxy_env",
    credential_forge = "credential_forge",
    credential_redirect = "credential_redirect",
    credential_other_host = "credential_other_host",
    credential_echo = "credential_echo",
    credential_in_gzip = "credential_in_gzip",
    wide_network = "wide_network",
    slow_server = "slow_server",
    dripping_server = "dripping_server",
    endless_body = "endless_body",
    huge_headers = "huge_headers",
    broken_answers = "broken_answers",
    gzip_bomb = "gzip_bomb",
    abandoned_body = "abandoned_body",
    upload_lies = "upload_lies",
    connection_flood = "connection_flood",
    stderr_flood = "stderr_flood",
    log_flood = "log_flood",
    random_flood = "random_flood",
    handle_flood = "handle_flood",
    timer_flood = "timer_flood",
    open_files_flood = "open_files_flood",
    effects_limit = "effects_limit",
    kv_flood = "kv_flood",
    heavy_listing_flood = "listing_flood",
    large_answer = "large_answer",
    early_exit = "early_exit",
    heavy_clock_spin = "clock_spin",
    heavy_ready_poll_spin = "ready_poll_spin",
    empty_list = "empty_list",
    policy_writer = "policy_writer",
    retry_after_denial = "retry_after_denial",
    escapes = "escapes",
    escapes_panic = "escapes_panic",
    escapes_error = "escapes_error",
    escapes_text = "escapes_text",
    tool_names = "tool_names",
    table_bomb = "table_bomb",
    table_at_once = "table_at_once",
    many_memories = "many_memories",
    many_functions = "many_functions",
    deep_recursion = "deep_recursion",
    heavy_start_loop = "start_loop",
    start_trap = "start_trap",
    big_component = "big_component",
    payload_bomb = "payload_bomb",
    bad_text = "bad_text",
    double_section = "double_section",
    nested_section = "nested_section",
    broken_section = "broken_section",
    unknown_import = "unknown_import",
    newer_contract = "newer_contract",
    forged_import = "forged_import",
}

#[test]
fn every_folder_has_a_test() {
    let directory = place::repository().join("tests/hostile");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() && !OTHERS.contains(&name.as_str()) {
            found.insert(name);
        }
    }
    let tested: BTreeSet<String> = FOLDERS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(found, tested);
}

/// Calls the guest of `folder` and compares what came of it with its `expected.json`.
fn contained(folder: &str) {
    let scene = Scene::set(folder);
    let expected = Outcome::expected(folder);
    let before = scene.look();
    scene.neighbour(); // compiled now, so that the time below is that of a call

    let done = AtomicBool::new(false);
    let (took, ran, slowest, neighbours) = std::thread::scope(|threads| {
        let neighbour = threads.spawn(|| neighbours(&scene, &done));
        let started = Instant::now();
        let calls: Vec<_> = (0..expected.calls)
            .map(|_| threads.spawn(|| scene.attempt()))
            .collect();
        let ran: Vec<Ran> = calls.into_iter().map(|call| call.join().unwrap()).collect();
        let took = started.elapsed();
        done.store(true, Ordering::Relaxed);
        let (slowest, count) = neighbour.join().unwrap();
        (took, ran, slowest, count)
    });
    println!("{folder}: {took:.1?}; beside it {neighbours} neighbours, slowest {slowest:.2?}");

    let seen = Outcome::seen(&scene, &expected, &before, &ran);
    if std::env::var_os("TOLLGATE_EXPECT").is_some_and(|how| how == "write") {
        seen.write(folder);
    } else {
        let (seen, expected) = (seen.shown(), expected.shown());
        assert!(
            seen == expected,
            "seen:\n{seen}\nexpected:\n{expected}\n{}",
            ran[0]
        );
    }
    scene.untouched(&before);
    wire::as_recorded(&scene);
    kept::harmless(&scene, &expected.nowhere, &ran);
    let most = Duration::from_secs(expected.seconds_max);
    assert!(took < most, "it held the host for {took:?}");
    assert!(slowest < NEIGHBOUR_TIME_MAX, "a neighbour took {slowest:?}");
}

/// Calls the neighbour until told to end; the slowest call, and how many there were.
fn neighbours(scene: &Scene, done: &AtomicBool) -> (Duration, usize) {
    let (mut slowest, mut count) = (Duration::ZERO, 0);
    loop {
        let started = Instant::now();
        scene.neighbour();
        slowest = slowest.max(started.elapsed());
        count += 1;
        if done.load(Ordering::Relaxed) {
            return (slowest, count);
        }
    }
}
