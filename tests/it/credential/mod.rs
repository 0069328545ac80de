//! Credentials: defined by verbs, added to requests by the gate, seen by nobody else.

use crate::support::server::{Answer, Request, Server};
use crate::support::{Home, Ran};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

const SECRET: &str = "s3cret/of+the=vault";
const VARIABLE: &str = "VAULT_TEST_KEY";

/// A server that tells whoever asks what it was told, in several ways.
fn echo() -> Server {
    Server::start(|request: &Request| {
        let fields = request.headers.iter();
        let fields: Vec<String> = fields
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let told = format!("{}\n{}\n{SECRET}\n", request.line, fields.join("\n"));
        Answer::ok(told).with("content-type", "text/plain")
    })
}

/// A home in which `fetch` may ask the server, with a credential.
fn house(server: &Server, place: &[&str]) -> Home {
    let mut home = Home::new();
    home.set(VARIABLE, SECRET);
    let add = ["credential", "add", "vault", "--env", VARIABLE];
    home.ok([&add[..], place].concat());
    let grant = format!("http GET http://127.0.0.1:{}/** with vault", server.port);
    home.ok(["grant", "add", "fetch", &grant]);
    home
}

fn fetch(home: &Home, server: &Server, path: &str) -> Ran {
    let url = format!("url=http://127.0.0.1:{}{path}", server.port);
    home.run(["call", "fetch", "fetch", &url])
}

/// Nothing that is kept or shown has the secret in it, plain, encoded or as base64.
#[track_caller]
fn nowhere(home: &Home, ran: &Ran, encoded: &[&str]) {
    let receipts = home.ok(["receipt", "list", "--json"]).stdout;
    let shown = format!("{}{}{receipts}", ran.stdout, ran.stderr);
    let mut kept = Vec::new();
    read_all(&home.own().join("state"), &mut kept);
    for secret in [&[SECRET], encoded].concat() {
        assert!(!shown.contains(secret), "{secret}: {shown}");
        let found = kept
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in the state directory");
    }
}

fn read_all(directory: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else {
            into.extend(std::fs::read(path).unwrap());
        }
    }
}

#[test]
fn a_secret_is_a_header_for_its_audience_and_nobody_sees_it() {
    let server = echo();
    let home = house(&server, &["--header", "X-Vault", "--value", "Token {}"]);
    let ran = fetch(&home, &server, "/a?b=1");
    assert_eq!(ran.code, Some(0), "{ran}");
    let seen = server.seen();
    assert_eq!(
        seen[0].header("x-vault"),
        Some(format!("Token {SECRET}").as_str())
    );
    assert!(ran.stdout.contains("x-vault: Token [redacted]"), "{ran}");
    nowhere(&home, &ran, &[]);
}

#[test]
fn a_secret_is_a_parameter_that_the_plugin_may_not_send_itself() {
    let server = echo();
    let home = house(&server, &["--query", "key"]);
    let encoded = "s3cret%2Fof%2Bthe%3Dvault";
    let ran = fetch(&home, &server, "/a?b=1");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(server.seen()[0].line, format!("GET /a?b=1&key={encoded}"));
    assert!(ran.stdout.contains("GET /a?b=1&key=[redacted]"), "{ran}");
    nowhere(&home, &ran, &[encoded]);
    let first = home.json(["receipt", "list", "--plugin", "fetch"]);
    let target = first["receipts"][0]["target"]["text"].as_str().unwrap();
    assert!(!target.contains("key"), "{target}");

    for own in ["/a?key=mine", "/a?b=1&k%65y=mine", "/a?key"] {
        let ran = fetch(&home, &server, own);
        assert_ne!(ran.code, Some(0), "{own}: {ran}");
    }
    assert_eq!(server.seen().len(), 1);
    // One without a query gets one.
    fetch(&home, &server, "/plain");
    assert_eq!(server.seen()[1].line, format!("GET /plain?key={encoded}"));
}

#[test]
fn a_secret_is_the_password_of_a_user() {
    let server = echo();
    let home = house(&server, &["--basic", "robot"]);
    let ran = fetch(&home, &server, "/");
    assert_eq!(ran.code, Some(0), "{ran}");
    let base64 = "cm9ib3Q6czNjcmV0L29mK3RoZT12YXVsdA==";
    let sent = format!("Basic {base64}");
    assert_eq!(
        server.seen()[0].header("authorization"),
        Some(sent.as_str())
    );
    assert!(ran.stdout.contains("[redacted]"), "{ran}");
    nowhere(&home, &ran, &[base64]);
}

#[test]
fn the_verbs_edit_the_policy_and_leave_the_rest_of_it_alone() {
    let mut home = Home::new();
    home.set(VARIABLE, SECRET);
    let policy = home.own().join("config/tollgate.toml");
    let before = "# mine\nversion = 1\n\n[plugins.notes] # a comment\ngrants = [ \"kv notes\" ]\n";
    home.policy(before);
    home.ok(["credential", "add", "vault", "--env", VARIABLE]);
    let written = std::fs::read_to_string(&policy).unwrap();
    assert!(written.starts_with(before), "{written}");
    assert!(
        written.contains("[credentials.vault]\nsource = \"env:VAULT_TEST_KEY\"\n"),
        "{written}"
    );
    home.ok(["policy", "check"]);

    let again = home.run(["credential", "add", "vault", "--env", "OTHER"]);
    assert_eq!(again.code, Some(2), "{again}");
    home.ok([
        "credential",
        "add",
        "vault",
        "--env",
        "UNSET_OF_VAULT",
        "--replace",
    ]);
    let test = home.run(["credential", "test", "vault"]);
    assert_eq!(test.code, Some(1), "{test}");
    assert!(test.stderr.contains("UNSET_OF_VAULT is not set"), "{test}");
    assert!(
        test.stderr.contains("try:  export UNSET_OF_VAULT=…"),
        "{test}"
    );
    home.ok(["credential", "add", "vault", "--env", VARIABLE, "--replace"]);
    let test = home.ok(["credential", "test", "vault"]);
    assert!(!test.stdout.contains(SECRET), "{test}");
    let listed = home.json(["credential", "list"]);
    assert_eq!(listed["credentials"][0]["source"], "env:VAULT_TEST_KEY");
    assert_eq!(listed["credentials"][0]["fault"], serde_json::Value::Null);

    // What would not parse is refused, and the file stays as it is.
    let standing = std::fs::read_to_string(&policy).unwrap();
    for bad in [
        ["--env", "K", "--header", "host"],
        ["--env", "K", "--query", "a b"],
        ["--env", "not a name", "--query", "k"],
    ] {
        let ran = home.run([&["credential", "add", "bad"][..], &bad].concat());
        assert_eq!(ran.code, Some(2), "{ran}");
    }
    assert_eq!(std::fs::read_to_string(&policy).unwrap(), standing);

    let granted = home.json([
        "grant",
        "add",
        "fetch",
        "http GET https://example.org/** with vault",
    ]);
    let refused = home.run(["credential", "rm", "vault"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(
        refused.stderr.contains("named by a grant: fetch:"),
        "{refused}"
    );
    home.ok(["grant", "revoke", granted["id"].as_str().unwrap()]);
    home.ok(["credential", "rm", "vault"]);
    let left = std::fs::read_to_string(&policy).unwrap();
    assert_eq!(left.trim_end(), before.trim_end());
    assert_eq!(home.run(["credential", "rm", "vault"]).code, Some(2));

    // The ledger knows of each change, and of none that was refused.
    let file = home.root().join("all.export");
    let path = file.to_str().unwrap();
    home.ok(["receipt", "export", "--since", "1h", "--out", path]);
    let text = std::fs::read_to_string(&file).unwrap();
    let count = |what: &str| text.matches(&format!("\"what\":\"{what}\"")).count();
    assert_eq!((count("credential.add"), count("credential.rm")), (3, 1));
    assert_eq!(count("credential.done"), 4);
    assert!(text.contains("\"object\":\"vault\",\"detail\":\"env:VAULT_TEST_KEY into "));
    assert_eq!(count("credential.failed"), 0);
    assert!(!text.contains(SECRET));

    // What the ledger cannot be told is not done; what then fails is told as well.
    let directory = policy.parent().unwrap();
    let mode = |mode| {
        std::fs::set_permissions(
            directory,
            std::os::unix::fs::PermissionsExt::from_mode(mode),
        )
    };
    if !may_write_anywhere() {
        mode(0o500).unwrap();
        let refused = home.run(["credential", "add", "vault", "--env", VARIABLE]);
        mode(0o700).unwrap();
        assert_eq!(refused.code, Some(1), "{refused}");
        home.ok([
            "receipt", "export", "--since", "1h", "--out", path, "--force",
        ]);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text.matches("\"what\":\"credential.failed\"").count(), 1);
    }
}

/// Whether modes do not hold for whoever runs the tests.
fn may_write_anywhere() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn the_keyring_keeps_a_secret_that_is_in_no_file() {
    let server = echo();
    let home = Home::new();
    let name = format!("vault-{}", std::process::id());
    let mut add = home.command(["credential", "add", &name, "--keyring"]);
    add.stdin(Stdio::piped());
    let mut child = add.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("{SECRET}\n").as_bytes()).unwrap();
    drop(stdin);
    let added = Ran::wait(child);
    if added.stderr.contains("the keyring refused") {
        // Some containers forbid the kernel's keyring; the refusal is what is tested then.
        assert_eq!(added.code, Some(1), "{added}");
        assert!(
            home.json(["credential", "list"])["credentials"]
                .as_array()
                .unwrap()
                .is_empty()
        );
        return;
    }
    assert_eq!(added.code, Some(0), "{added}");
    let policy = std::fs::read_to_string(home.own().join("config/tollgate.toml")).unwrap();
    assert!(!policy.contains(SECRET), "{policy}");
    let grant = format!("http GET http://127.0.0.1:{}/** with {name}", server.port);
    let granted = home.json(["grant", "add", "fetch", &grant]);
    let ran = fetch(&home, &server, "/");
    assert_eq!(ran.code, Some(0), "{ran}");
    let sent = format!("Bearer {SECRET}");
    assert_eq!(
        server.seen()[0].header("authorization"),
        Some(sent.as_str())
    );
    nowhere(&home, &ran, &[]);

    home.ok(["grant", "revoke", granted["id"].as_str().unwrap()]);
    home.ok(["credential", "rm", &name]);
    home.policy(&format!(
        "version = 1\n[credentials.{name}]\nsource = \"keyring:{name}\"\ninject = {{ query = \"k\" }}\n"
    ));
    let test = home.run(["credential", "test", &name]);
    assert_eq!(test.code, Some(1), "{test}");
    assert!(test.stderr.contains("there is no such entry"), "{test}");
}
