//! A run that an operator cancels while its provider streams: the request is closed by the host, while it lives.

use super::victim::Victim;
use crate::support::{Home, ledger};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long anything here may take.
const WAIT_MAX: Duration = Duration::from_secs(30);
const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A provider whose stream never ends, and what it has seen of its client.
#[derive(Default)]
struct Endless {
    pieces: AtomicUsize,
    closed: AtomicBool,
}

/// Serves one request.
fn serve(listener: &TcpListener, seen: &Endless) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    stream.write_all(HEAD.as_bytes())?;
    let event = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
                 \"choices\":[{\"index\":0,\"delta\":{\"content\":\"on \"},\"finish_reason\":null}]}\n\n";
    let piece = format!("{:x}\r\n{event}\r\n", event.len());
    stream.set_read_timeout(Some(Duration::from_millis(10)))?;
    loop {
        // What of the request's body is still to come, or the client's end.
        match reader.read(&mut [0; 4096]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        stream.write_all(piece.as_bytes())?;
        seen.pieces.fetch_add(1, Ordering::Relaxed);
    }
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < WAIT_MAX, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_cancelled_run_closes_its_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Endless::default());
    let server = Arc::clone(&seen);
    std::thread::spawn(move || {
        let _ = serve(&listener, &server);
        server.closed.store(true, Ordering::Release);
    });
    let home = Home::new();
    home.policy(&format!(
        "version = 1\n[plugins.openai]\nconfig = {{ base-url = \"http://127.0.0.1:{port}/v1\" }}\n\
         grants = [\"http POST http://127.0.0.1:{port}/v1/chat/completions\"]\n"
    ));
    home.ok(["auth", "login"]);
    let session = [
        "--session-id",
        "s",
        "--provider-id",
        "openai",
        "--model-id",
        "m",
    ];
    home.ok(["agent", "launch"].iter().chain(&session));
    let command = home.command(["agent", "prompt", "s", "go on for ever"]);
    let mut run = Victim::start(command);
    until("nothing was streamed", || {
        seen.pieces.load(Ordering::Relaxed) > 2
    });
    assert!(!seen.closed.load(Ordering::Acquire) && !run.has_ended());
    // The run cannot write that it has ended, and so does not, for as long as somebody has this lock.
    let lock = std::fs::File::open(home.own().join("state/store/store.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    kill_process(run.pid(), Signal::INT).unwrap();
    until("the request was not closed", || {
        assert!(!run.has_ended(), "its end closed the request");
        seen.closed.load(Ordering::Acquire)
    });
    flock(&lock, FlockOperation::Unlock).unwrap();
    let ran = run.end();
    assert_ne!(ran.code, Some(0), "{ran}");
    let status = home.json(["agent", "status", "s"]);
    assert_eq!(status["status"], "idle", "{status:#}");
    assert_eq!(status["last_run"]["status"], "cancelled", "{status:#}");
    let told = ledger::read(&home.own());
    let cancelled = told
        .iter()
        .any(|entry| entry.kind() == "outcome" && entry.text("/outcome/result") == "cancelled");
    assert!(cancelled, "the receipt does not say so");
}
