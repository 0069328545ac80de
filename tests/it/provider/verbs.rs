//! `tollgate provider`: what it says is missing is missing, what it says mends it does, and what it records
//! answers again and holds no secret.

use crate::support::server::{Answer, Request, Server};
use crate::support::{Home, Ran, ledger};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;

/// The bundled adapters, with the variable in which each one's key is by custom.
const ADAPTERS: [(&str, &str); 4] = [
    ("openai", "OPENAI_API_KEY"),
    ("anthropic", "ANTHROPIC_API_KEY"),
    ("gemini", "GEMINI_API_KEY"),
    ("ollama", "OLLAMA_API_KEY"),
];
const SECRET: &str = "sk-provider-test-77aa";
/// A credential `k` whose secret is in a variable.
const KEY: &str = "[credentials.k]\nsource = \"env:PROVIDER_TEST_KEY\"\ninject = { header = \"x-key\", value = \"{}\" }\n";
/// What every server here says.
const HELLO: &str = "héllo from the server";

/// A home in which the operator is logged in, and whose policy says this of plugins.
fn home(policy: &str) -> Home {
    let home = Home::new();
    home.policy(&format!("version = 1\n{policy}"));
    home.ok(["auth", "login"]);
    home
}

/// The same, with an adapter that is sent to a port of this machine, and what else its policy says.
fn sent_to(name: &str, port: u16, more: &str) -> Home {
    let base = base_url(name, port);
    home(&format!(
        "[plugins.{name}]\nconfig = {{ base-url = \"{base}\", model = \"m-1\" }}\n{more}"
    ))
}

fn base_url(name: &str, port: u16) -> String {
    let version = if name == "openai" { "/v1" } else { "" };
    format!("http://127.0.0.1:{port}{version}")
}

/// The grants of everything on a port; `with` is what follows it.
fn grants(port: u16, with: &str) -> String {
    format!("grants = [\"http POST http://127.0.0.1:{port}/**{with}\"]\n")
}

/// An adapter that is sent to a port and may ask everything there, without a key.
fn granted(name: &str, port: u16) -> Home {
    sent_to(name, port, &grants(port, ""))
}

/// The same, with a key in each request.
fn keyed(name: &str, port: u16) -> Home {
    sent_to(name, port, &format!("{}{KEY}", grants(port, " with k")))
}

/// A streamed answer in the format of each adapter.
fn streamed(name: &str) -> Answer {
    let events = |values: &[Value]| -> String {
        let event = |value: &Value| match value["type"].as_str() {
            Some(kind) => format!("event: {kind}\ndata: {value}\n\n"),
            None => format!("data: {value}\n\n"),
        };
        values.iter().map(event).collect()
    };
    let (media, body) = match name {
        "openai" => {
            let chunk = |delta: Value, finish: Value| json!({"id": "c", "object": "chat.completion.chunk", "model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
            let mut body = events(&[
                chunk(json!({"role": "assistant", "content": HELLO}), Value::Null),
                chunk(json!({}), json!("stop")),
                json!({"id": "c", "object": "chat.completion.chunk", "model": "m-1", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}),
            ]);
            body.push_str("data: [DONE]\n\n");
            ("text/event-stream", body)
        }
        "anthropic" => (
            "text/event-stream",
            events(&[
                json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "m-1", "content": [], "usage": {"input_tokens": 7, "output_tokens": 1}}}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": HELLO}}),
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
                json!({"type": "message_stop"}),
            ]),
        ),
        "gemini" => (
            "text/event-stream",
            events(&[
                json!({"candidates": [{"content": {"role": "model", "parts": [{"text": HELLO}]}, "finishReason": "STOP", "index": 0}], "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2}, "modelVersion": "m-1"}),
            ]),
        ),
        _ => {
            let line = |text: &str, done: bool| json!({"model": "m-1", "message": {"role": "assistant", "content": text}, "done": done, "done_reason": if done { json!("stop") } else { Value::Null }, "prompt_eval_count": 7, "eval_count": 2});
            let body = format!("{}\n{}\n", line(HELLO, false), line("", true));
            ("application/x-ndjson", body)
        }
    };
    Answer::ok(body)
        .with("content-type", media)
        .with("set-cookie", "session=cookie-of-somebody")
        .with("x-request-id", "request-of-somebody")
        .with("openai-organization", "organisation-of-somebody")
}

/// A server that answers every request so.
fn server(name: &'static str) -> Server {
    Server::start(move |_: &Request| streamed(name))
}

/// A server that refuses every request so.
fn refusing(status: &'static str, media: &'static str, body: &'static str) -> Server {
    Server::start(move |_: &Request| Answer {
        status,
        ..Answer::ok(body).with("content-type", media)
    })
}

/// A port of this machine on which nobody listens.
fn nobody() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn show(home: &Home, name: &str) -> Value {
    home.json(["provider", "show", name])
}

/// Runs what `show` prints as the next step, until there is none. Returns the steps.
#[track_caller]
fn mended(home: &Home, name: &str) -> Vec<String> {
    let mut steps = Vec::new();
    while let Some(step) = show(home, name)["next"].as_str() {
        let words = shlex::split(step).unwrap();
        assert_eq!(words[0], "tollgate", "{step}");
        home.ok(&words[1..]);
        steps.push(step.to_owned());
        assert!(steps.len() < 5, "it does not end: {steps:#?}");
    }
    steps
}

/// The error of a `provider test` that must end so.
#[track_caller]
fn failed(home: &Home, code: i32, words: &[&str]) -> Value {
    let mut command = home.command(["provider", "test"]);
    command.args(words).arg("--json");
    let ran = Ran::of(command);
    assert_eq!(ran.code, Some(code), "{ran}");
    assert_eq!(ran.stdout, "", "{ran}");
    ran.error()
}

/// Panics unless the error has this label, and its text and remedy these words.
#[track_caller]
fn says(error: &Value, label: &str, what: &str, remedy: &str) {
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("rule"), label, "{error:#}");
    assert!(text("message").contains(what), "{what}: {error:#}");
    assert!(text("try").contains(remedy), "{remedy}: {error:#}");
}

#[test]
fn each_printed_step_brings_an_adapter_nearer_until_it_can_ask() {
    let mut home = home("");
    let listed = home.json(["provider", "list"]);
    let listed = listed["providers"].as_array().unwrap();
    let names: Vec<&str> = listed
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["anthropic", "gemini", "ollama", "openai"]);
    for one in listed {
        assert_eq!(one["grant"]["reason"], "no_grant", "{one:#}");
        assert_eq!(one["sessions"], json!([]), "{one:#}");
    }
    for (name, variable) in ADAPTERS {
        home.set(variable, SECRET);
        let steps = mended(&home, name);
        // Ollama on this machine wants no key.
        let wanted = if name == "ollama" { 1 } else { 2 };
        assert_eq!(steps.len(), wanted, "{steps:#?}");
        let shown = show(&home, name);
        assert_eq!(shown["grant"]["state"], "stands", "{shown:#}");
        let state = if name == "ollama" { "none" } else { "usable" };
        assert_eq!(shown["credential"]["state"], state, "{shown:#}");
        assert!(
            !home
                .ok(["provider", "show", name])
                .to_string()
                .contains(SECRET)
        );
    }
}

#[test]
fn the_policy_that_show_prints_can_be_pasted() {
    let bare = home("");
    for (name, variable) in ADAPTERS {
        let policy = show(&bare, name)["policy"].as_str().unwrap().to_owned();
        let mut pasted = home(&policy);
        pasted.set(variable, SECRET);
        pasted.ok(["policy", "check"]);
        let shown = show(&pasted, name);
        assert_eq!(shown["next"], Value::Null, "{shown:#}");
    }
}

#[test]
fn an_adapter_that_was_granted_what_is_printed_answers() {
    for (name, _) in ADAPTERS {
        let server = server(name);
        let home = sent_to(name, server.port, "");
        let refused = failed(&home, 3, &[name]);
        assert_eq!(server.lines(), [""; 0]);
        let words = shlex::split(refused["try"].as_str().unwrap()).unwrap();
        home.ok(&words[1..]);
        let answered = home.json(["provider", "test", name]);
        assert_eq!(
            (&answered["answered"], &answered["text"], &answered["model"]),
            (&json!(true), &json!(HELLO), &json!("m-1")),
            "{answered:#}"
        );
        assert_eq!(answered["usage"]["input"], 7, "{answered:#}");
        assert!(answered["pieces"].as_u64().unwrap() > 0, "{answered:#}");
        let asked = server.seen();
        assert_eq!(asked.len(), 1, "one request and no second one");
        let endpoint = answered["endpoint"].as_str().unwrap();
        assert_eq!(
            format!("POST {endpoint}"),
            asked[0]
                .line
                .replace("POST /", &format!("POST http://127.0.0.1:{}/", server.port)),
            "what `show` says beforehand is what is asked"
        );
        let receipt = answered["receipts"][0].as_str().unwrap();
        let receipt = home.json(["receipt", "show", receipt]);
        assert_eq!(receipt["transport"], "live", "{receipt:#}");
        ledger::verify(&ledger::read(&home.own()));
    }
}

#[test]
fn nothing_is_asked_without_a_login() {
    let server = server("openai");
    let home = Home::new();
    home.policy(&format!(
        "version = 1\n[plugins.openai]\nconfig = {{ base-url = \"{0}\" }}\ngrants = [\"http POST {0}/**\"]\n",
        base_url("openai", server.port)
    ));
    assert_eq!(failed(&home, 5, &["openai"])["code"], "no_login");
    let ran = home.run(["provider", "record", "openai", "--out", "x.json"]);
    assert_eq!(ran.code, Some(5), "{ran}");
    assert_eq!(server.connections(), 0);
    // Looking needs none; sessions are their operator's.
    assert_eq!(show(&home, "openai")["sessions"], Value::Null);
    let unknown = home.run(["provider", "show", "nobody"]);
    assert_eq!(unknown.code, Some(2), "{unknown}");
    let tool = home.run(["provider", "show", "files"]);
    assert_eq!(tool.code, Some(2), "{tool}");
}

#[test]
fn sessions_are_shown_with_their_adapter() {
    let home = sent_to("openai", nobody(), "");
    let launch = ["agent", "launch", "--provider-id", "openai", "--session-id"];
    for session in ["one", "two"] {
        home.ok([&launch[..], &[session]].concat());
    }
    home.ok(["agent", "stop", "two", "--reason", "done"]);
    assert_eq!(show(&home, "openai")["sessions"], json!(["one"]));
    assert_eq!(show(&home, "ollama")["sessions"], json!([]));
}

#[test]
fn a_key_that_is_missing_unset_or_wrong_is_told_apart() {
    let server = refusing(
        "401 Unauthorized",
        "application/json",
        r#"{"error": {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}}"#,
    );
    let keyless = granted("openai", server.port);
    let error = failed(&keyless, 1, &["openai"]);
    says(
        &error,
        "no_credential",
        "the grant adds none",
        "tollgate credential add openai --env OPENAI_API_KEY",
    );

    let undefined = sent_to("openai", server.port, &grants(server.port, " with openai"));
    let error = failed(&undefined, 3, &["openai"]);
    assert_eq!(
        error["try"], "tollgate credential add openai --env OPENAI_API_KEY",
        "{error:#}"
    );

    let mut keyed = keyed("openai", server.port);
    let error = failed(&keyed, 3, &["openai"]);
    assert_eq!(error["try"], "export PROVIDER_TEST_KEY=…", "{error:#}");
    assert_eq!(server.lines().len(), 1, "without a key nothing is sent");

    keyed.set("PROVIDER_TEST_KEY", SECRET);
    let error = failed(&keyed, 1, &["openai"]);
    says(
        &error,
        "auth_expired",
        "credential k, from env:PROVIDER_TEST_KEY",
        "export PROVIDER_TEST_KEY=…",
    );
    assert!(!error.to_string().contains(SECRET), "{error:#}");
}

#[test]
fn a_server_that_is_not_there_is_told_by_how_it_is_missing() {
    let port = nobody();
    let error = failed(&granted("ollama", port), 1, &["ollama"]);
    says(
        &error,
        "connection-refused",
        &format!("127.0.0.1:{port}"),
        "ollama serve",
    );
    let home = granted("openai", port);
    let error = failed(&home, 1, &["openai"]);
    says(
        &error,
        "connection-refused",
        "no server listens",
        "`base-url`",
    );
    let policy = home.own().join("config/tollgate.toml");
    says(
        &error,
        "connection-refused",
        "no server",
        policy.to_str().unwrap(),
    );

    let elsewhere = |base: &str| {
        let policy = format!(
            "[plugins.openai]\nconfig = {{ base-url = \"{base}\" }}\ngrants = [\"http POST {base}/**\"]"
        );
        failed(&self::home(&policy), 1, &["openai"])
    };
    let error = elsewhere("https://no-such-host.invalid");
    says(&error, "DNS-error", "cannot be resolved", "`base-url`");
    // Where no TLS is spoken.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = elsewhere(&format!("https://127.0.0.1:{port}"));
    says(&error, "TLS-protocol-error", "no TLS", "`base-url`");
}

#[test]
fn a_server_of_something_else_is_told_from_a_missing_model() {
    let page = refusing("404 Not Found", "text/html", "<html>nothing here</html>");
    for (name, _) in ADAPTERS {
        let error = failed(&granted(name, page.port), 1, &[name]);
        says(&error, "wrong_address", "404", "`base-url`");
    }
    let welcome = refusing("200 OK", "text/html", "<html>welcome</html>");
    let error = failed(&granted("openai", welcome.port), 1, &["openai"]);
    says(
        &error,
        "wrong_address",
        "not as openai-chat-completions",
        "`base-url`",
    );

    let ollama = refusing(
        "404 Not Found",
        "application/json",
        r#"{"error": "model 'a b' not found"}"#,
    );
    let error = failed(
        &granted("ollama", ollama.port),
        1,
        &["ollama", "--model", "a b"],
    );
    says(&error, "model_missing", "a b", "ollama pull 'a b'");
    let openai = refusing(
        "404 Not Found",
        "application/json",
        r#"{"error": {"message": "The model `m-1` does not exist", "type": "invalid_request_error", "code": "model_not_found"}}"#,
    );
    let error = failed(&granted("openai", openai.port), 1, &["openai"]);
    says(&error, "model_missing", "m-1", "--model OTHER");

    let home = self::home("[plugins.ollama]\ngrants = [\"http POST http://127.0.0.1:11434/**\"]");
    let error = failed(&home, 1, &["ollama"]);
    says(
        &error,
        "no_model",
        "no model is named",
        "tollgate provider test ollama --model MODEL",
    );
}

#[test]
fn limits_are_told_from_each_other() {
    let spent = refusing(
        "429 Too Many Requests",
        "application/json",
        r#"{"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}}"#,
    );
    let error = failed(&granted("openai", spent.port), 1, &["openai"]);
    says(
        &error,
        "quota_exhausted",
        "current quota",
        "raise the limit",
    );
    let fast = Server::start(|_: &Request| Answer {
        status: "429 Too Many Requests",
        ..Answer::ok(r#"{"error": {"message": "slow down"}}"#).with("retry-after", "7")
    });
    let error = failed(&granted("openai", fast.port), 1, &["openai"]);
    says(&error, "rate_limited", "slow down", "wait 7 s");
    assert_eq!(fast.lines().len(), 1, "a test asks once");
}

/// Records what the adapter is told, into a file that must not be there.
fn record(home: &Home, name: &str, out: &str, more: &[&str]) -> (Ran, PathBuf) {
    let words = ["provider", "record", name, "--out", out];
    (home.run(words.iter().chain(more)), home.work().join(out))
}

#[test]
fn what_is_recorded_answers_again_without_the_server_and_holds_no_secret() {
    for (name, _) in ADAPTERS {
        let server = server(name);
        let mut home = keyed(name, server.port);
        home.set("PROVIDER_TEST_KEY", SECRET);
        let (ran, file) = record(&home, name, "hello.json", &["--prompt", "say hello"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        let asked = server.seen();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].header("x-key"), Some(SECRET));
        let written = std::fs::read_to_string(&file).unwrap();
        for hidden in [SECRET, "of-somebody", "x-key", "say hello"] {
            assert!(!written.contains(hidden), "{hidden}: {written}");
            assert!(!ran.to_string().contains(SECRET), "{ran}");
        }
        // Another answer would be another text: the server is not asked.
        let replayed = home.ok([
            "run",
            "anything",
            "--provider-id",
            name,
            "--fixture",
            "hello.json",
        ]);
        assert!(replayed.stdout.contains(HELLO), "{replayed}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[test]
fn a_request_of_ones_own_can_be_recorded() {
    let server = server("openai");
    let home = granted("openai", server.port);
    let request = json!({
        "messages": [{"role": "user", "content": [{"type": "text", "text": "which tool?"}]}],
        "tools": [{"name": "clock", "description": "Tells the time", "input_schema_json": "{\"type\": \"object\"}"}],
        "output_tokens_max": 9,
    });
    std::fs::write(home.work().join("request.json"), request.to_string()).unwrap();
    let (ran, _) = record(
        &home,
        "openai",
        "a.json",
        &["--request", "request.json", "--model", "m-2"],
    );
    assert_eq!(ran.code, Some(0), "{ran}");
    let asked: Value = serde_json::from_slice(&server.seen()[0].body).unwrap();
    assert_eq!(asked["tools"][0]["function"]["name"], "clock", "{asked:#}");
    assert_eq!(asked["model"], "m-2", "{asked:#}");

    std::fs::write(home.work().join("request.json"), r#"{"prompt": "hi"}"#).unwrap();
    let (ran, file) = record(&home, "openai", "b.json", &["--request", "request.json"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("\"prompt\""), "{ran}");
    assert!(!file.exists());
}

#[test]
fn a_file_is_replaced_only_when_asked() {
    let server = server("openai");
    let home = granted("openai", server.port);
    std::fs::write(home.work().join("kept.json"), "mine").unwrap();
    let (ran, file) = record(&home, "openai", "kept.json", &[]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert_eq!(
        server.connections(),
        0,
        "no token is spent for a file that is not written"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    let (ran, file) = record(&home, "openai", "kept.json", &["--force"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("exchanges")
    );
}

#[test]
fn nothing_is_written_of_a_secret_nor_of_half_an_answer() {
    // The server says what another credential holds, which the gate had no reason to replace.
    let server = server("openai");
    let policy = format!("{}{KEY}", grants(server.port, ""));
    let mut home = sent_to("openai", server.port, &policy);
    home.set("PROVIDER_TEST_KEY", "from the server");
    let (ran, file) = record(&home, "openai", "secret.json", &[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(
        ran.stderr.contains("holds the secret of credential k"),
        "{ran}"
    );
    assert!(!file.exists());

    let cut = Server::start(|_: &Request| {
        Answer::raw(|stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 900\r\n\r\ndata: {\"choices\"")
        })
    });
    let home = granted("openai", cut.port);
    let (ran, file) = record(&home, "openai", "half.json", &[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(!file.exists());
    let left: Vec<_> = std::fs::read_dir(home.work()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
