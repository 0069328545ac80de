//! The plugin `fetch` and a server on loopback: each request, and each redirect, passes the gate.

use super::{denied, receipts};
use crate::support::server::{Answer, Request, Server};
use crate::support::{Home, Ran};
use serde_json::{Value, json};

const PAGE: &str = "<!doctype html><title>T</title><script>no()</script><h1>Head</h1><p>Text with <a \
    href='/x'>a link</a>.";

fn answer(request: &Request, elsewhere: u16) -> Answer {
    let path = request.line.split(' ').nth(1).unwrap_or_default();
    let moved = |to: String| Answer {
        status: "302 Found",
        ..Answer::ok("").with("location", to)
    };
    match path {
        "/page" => Answer::ok(PAGE).with("content-type", "text/html"),
        "/latin" => {
            Answer::ok(&b"gr\xfc\xdfe"[..]).with("content-type", "text/plain; charset=latin1")
        }
        "/bytes" => Answer::ok(&b"\x00\x01"[..]).with("content-type", "image/png"),
        "/long" => Answer::ok("x".repeat(100_000)).with("content-type", "text/plain"),
        "/hop" => moved("../a/./../page#part".into()),
        "/loop" => moved("/loop".into()),
        "/away" => moved(format!("http://127.0.0.1:{elsewhere}/secret?token=1")),
        "/echo" => Answer::ok(request.body.clone()).with("content-type", "text/plain"),
        _ => Answer {
            status: "404 Not Found",
            ..Answer::ok("nothing here").with("content-type", "text/plain")
        },
    }
}

/// A server, another one that no grant names, and a home.
struct Scene {
    home: Home,
    server: Server,
    elsewhere: Server,
}

impl Scene {
    fn set(grants: &[&str]) -> Self {
        let elsewhere =
            Server::start(|_| Answer::ok("the secret").with("content-type", "text/plain"));
        let other = elsewhere.port;
        let server = Server::start(move |request| answer(request, other));
        let home = Home::new();
        for grant in grants {
            let grant = format!("http {grant} http://127.0.0.1:{}/**", server.port);
            home.ok(["grant", "add", "fetch", &grant]);
        }
        Self {
            home,
            server,
            elsewhere,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.server.port)
    }

    fn run(&self, path: &str, more: &[&str]) -> Ran {
        let url = format!("url={}", self.url(path));
        self.home
            .run(["call", "fetch", "fetch", &url].iter().chain(more))
    }

    /// What is said of the answer, and the blocks of its body.
    fn fetched(&self, path: &str, more: &[&str]) -> (Value, Vec<Value>) {
        let url = format!("url={}", self.url(path));
        let said = self
            .home
            .json(["call", "fetch", "fetch", &url].iter().chain(more));
        let mut blocks = said["content"].as_array().unwrap().clone();
        (blocks.remove(0)["json"].clone(), blocks)
    }
}

#[test]
fn nothing_is_sent_without_a_grant() {
    let scene = Scene::set(&[]);
    let remedy = denied(&scene.run("/page", &[]), "http.request");
    assert_eq!(scene.server.connections(), 0);
    scene.home.ok(remedy);
    let ran = scene.run("/page", &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(scene.server.lines(), ["GET /page"]);
    let verdicts: Vec<String> = receipts(&scene.home, "fetch")
        .into_iter()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(verdicts, ["http.request denied", "http.request allowed"]);
}

#[test]
fn an_answer_is_given_by_its_type() {
    let scene = Scene::set(&["GET"]);
    let (head, body) = scene.fetched("/page", &[]);
    assert_eq!(head["status"], 200);
    assert_eq!(head["media_type"], "text/html");
    let text = body[0]["text"].as_str().unwrap();
    assert!(text.contains("# Head") && text.contains("a link"), "{text}");
    assert!(!text.contains("no()") && !text.contains("<p>"), "{text}");

    let (_, body) = scene.fetched("/page", &["as=text"]);
    assert_eq!(body[0]["text"], PAGE);
    let (head, body) = scene.fetched("/latin", &[]);
    assert_eq!(body[0]["text"], "grüße");
    assert_eq!(head["charset"], "windows-1252");
    let (_, body) = scene.fetched("/bytes", &[]);
    assert_eq!(
        body[0],
        json!({"type": "blob", "media_type": "image/png", "data_base64": "AAE="})
    );
    let (head, body) = scene.fetched("/long", &["max_bytes=10"]);
    assert_eq!(head["truncated"], true);
    assert_eq!(body[0]["text"], "xxxxxxxxxx");
    let (head, body) = scene.fetched("/no", &[]);
    assert_eq!(head["status"], 404);
    assert_eq!(body[0]["text"], "nothing here");
}

#[test]
fn a_redirect_is_a_request_of_its_own() {
    let scene = Scene::set(&["GET"]);
    let (head, _) = scene.fetched("/hop", &[]);
    assert_eq!(head["url"], scene.url("/page"));
    assert_eq!(head["redirects"][0]["from"], scene.url("/hop"));
    assert_eq!(receipts(&scene.home, "fetch").len(), 2);

    let (head, _) = scene.fetched("/loop", &["redirects_max=3"]);
    assert_eq!(head["status"], 302);
    let why = head["redirect_not_followed"].as_str().unwrap();
    assert!(why.starts_with("3 redirects were followed"), "{why}");
    assert_eq!(receipts(&scene.home, "fetch").len(), 2 + 4);
}

#[test]
fn a_redirect_that_no_grant_covers_is_refused() {
    let scene = Scene::set(&["GET"]);
    let ran = scene.run("/away", &[]);
    let remedy = denied(&ran, "http.request");
    assert_eq!(scene.elsewhere.connections(), 0);
    assert!(!ran.stdout.contains("secret"), "{ran}");
    let there = receipts(&scene.home, "fetch");
    assert_eq!(there.len(), 2, "{there:?}");
    assert!(
        there[1].starts_with("http.request denied GET http://127.0.0.1"),
        "{there:?}"
    );
    // Its query stays out of the record.
    assert!(!there[1].contains("token=1"), "{there:?}");
    scene.home.ok(remedy);
    assert!(scene.run("/away", &[]).stdout.contains("the secret"));
}

#[test]
fn methods_and_bodies_are_sent_as_they_are_granted() {
    let scene = Scene::set(&["POST"]);
    denied(&scene.run("/echo", &[]), "http.request");
    let more = [
        "method=POST",
        "body=hello",
        r#"headers:={"content-type":"text/plain","x-key":"1"}"#,
    ];
    let (_, body) = scene.fetched("/echo", &more);
    assert_eq!(body[0]["text"], "hello");
    let seen = scene.server.seen();
    assert_eq!(seen[0].header("x-key"), Some("1"));
    assert_eq!(seen[0].header("accept-encoding"), Some("identity"));

    let ran = scene.run("/echo", &[r#"headers:={"authorization":"Bearer x"}"#]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("grant a credential"), "{ran}");
}
