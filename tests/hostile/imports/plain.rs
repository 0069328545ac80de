//! What needs no handle: clocks, chance, configuration, logs, terminals, values.

use super::{told, tried};
use tollgate_test_guests::Report;
use tollgate_test_guests::wasi::clocks::{monotonic_clock, wall_clock};
use tollgate_test_guests::wasi::filesystem::preopens;
use tollgate_test_guests::wasi::io::poll;
use tollgate_test_guests::wasi::plugin::model_types::Delta;
use tollgate_test_guests::wasi::plugin::{denials, progress, request_options, sink};
use tollgate_test_guests::wasi::random::{insecure, insecure_seed, random};
use tollgate_test_guests::wasi::sockets::instance_network;
use tollgate_test_guests::wasi::{cli, config, logging};

pub(super) fn attempt(report: &mut Report) {
    let mut told = |what: &str, ask: &dyn Fn()| {
        told(report, what, Some(()), |()| ask());
    };
    told("environment.get-arguments", &|| {
        drop(cli::environment::get_arguments());
    });
    told("environment.initial-cwd", &|| {
        drop(cli::environment::initial_cwd());
    });
    told("stdin.get-stdin", &|| drop(cli::stdin::get_stdin()));
    told("stdout.get-stdout", &|| drop(cli::stdout::get_stdout()));
    told("stderr.get-stderr", &|| drop(cli::stderr::get_stderr()));
    told("terminal-stdin.get-terminal-stdin", &|| {
        drop(cli::terminal_stdin::get_terminal_stdin());
    });
    told("terminal-stdout.get-terminal-stdout", &|| {
        drop(cli::terminal_stdout::get_terminal_stdout());
    });
    told("terminal-stderr.get-terminal-stderr", &|| {
        drop(cli::terminal_stderr::get_terminal_stderr());
    });
    told("monotonic-clock.now", &|| {
        monotonic_clock::now();
    });
    told("monotonic-clock.resolution", &|| {
        monotonic_clock::resolution();
    });
    told("monotonic-clock.subscribe-instant", &|| {
        drop(monotonic_clock::subscribe_instant(0));
    });
    told("monotonic-clock.subscribe-duration", &|| {
        drop(monotonic_clock::subscribe_duration(0));
    });
    told("wall-clock.now", &|| {
        wall_clock::now();
    });
    told("wall-clock.resolution", &|| {
        wall_clock::resolution();
    });
    told("preopens.get-directories", &|| {
        drop(preopens::get_directories());
    });
    told("logging.log", &|| {
        logging::logging::log(logging::logging::Level::Info, "imports", "a line");
    });
    told("insecure-seed.insecure-seed", &|| {
        insecure_seed::insecure_seed();
    });
    told("insecure.get-insecure-random-bytes", &|| {
        drop(insecure::get_insecure_random_bytes(8));
    });
    told("insecure.get-insecure-random-u64", &|| {
        insecure::get_insecure_random_u64();
    });
    told("random.get-random-bytes", &|| {
        drop(random::get_random_bytes(8));
    });
    told("random.get-random-u64", &|| {
        random::get_random_u64();
    });
    told("instance-network.instance-network", &|| {
        drop(instance_network::instance_network());
    });
    told("denials.last", &|| drop(denials::last()));
    told("progress.report", &|| {
        progress::report(1, Some(2), Some("half"));
    });
    told("request-options.get", &|| drop(request_options::get()));
    told("sink.emit", &|| sink::emit(&Delta::Text("piece".into())));
    attempt_config(report);
    attempt_poll(report);
}

fn attempt_config(report: &mut Report) {
    let said = |error| format!("{error:?}");
    tried(report, "store.get", Some(()), |()| {
        config::store::get("key").map_err(said)
    });
    tried(report, "store.get-all", Some(()), |()| {
        config::store::get_all().map_err(said)
    });
}

fn attempt_poll(report: &mut Report) {
    let timer = monotonic_clock::subscribe_duration(0);
    told(report, "pollable.ready", Some(&timer), |timer| {
        timer.ready()
    });
    told(report, "pollable.block", Some(&timer), |timer| {
        timer.block()
    });
    told(report, "poll.poll", Some(&timer), |timer| {
        poll::poll(&[timer])
    });
}
