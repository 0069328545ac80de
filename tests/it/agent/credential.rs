//! A credential that cannot be read is the gate's refusal, and never the provider's fault.

use super::model::Turn;
use super::{SESSION, events, prompted, receipts, remedy, standing};
use crate::support::Home;
use std::os::unix::fs::PermissionsExt;

/// The variable in which the key would be.
const KEY: &str = "AGENT_TEST_UNSET_KEY";
const REFUSED: &str = "http.request denied POST https://api.openai.com/v1/chat/completions";

/// A session whose provider needs a key from `source`.
fn launched(source: &str) -> Home {
    let home = Home::new();
    home.policy(&format!(
        r#"version = 1

[plugins.openai]
grants = ["http POST https://api.openai.com/v1/** with openai"]

[credentials.openai]
source = "{source}"
inject = {{ header = "authorization", value = "Bearer {{}}" }}
"#
    ));
    home.ok(["auth", "login"]);
    super::launch(&home, SESSION);
    home
}

#[test]
fn an_unset_variable_is_a_denial_that_says_which() {
    let mut home = launched(&format!("env:{KEY}"));
    let ran = prompted(&home, "hello", &[Turn::Says("Hello.")], &[]);
    assert_eq!(ran.code, Some(3), "{ran}");
    let rule = format!("  rule: credential_unavailable; credential openai: {KEY} is not set");
    assert!(ran.stderr.contains(&rule), "{ran}");
    assert_eq!(remedy(&ran), format!("export {KEY}=…"));
    assert!(
        ran.stderr.contains("openai was denied http.request"),
        "{ran}"
    );
    for fault in [
        "invalid_request",
        "ConfigurationError",
        "provider_unavailable",
    ] {
        assert!(!ran.stderr.contains(fault), "{ran}");
    }
    let denied = ("idle".into(), "failed".into(), "denied".into());
    assert_eq!(standing(&home, SESSION), denied);
    assert_eq!(receipts(&home, &["--kind", "http"]), [REFUSED]);

    let ran = prompted(&home, "hello", &[Turn::Says("Hello.")], &["--json"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    let report = ran.json();
    assert_eq!(report["reason"], "denied", "{report:#}");
    assert_eq!(
        report["denials"][0]["reason"], "credential_unavailable",
        "{report:#}"
    );
    let events = home.json(["agent", "events", SESSION]).to_string();
    assert!(events.contains(r#""error":"denied""#), "{events}");

    // Whoever asked to be waited for is told the same.
    let flags = ["--on-denied", "block"];
    let ran = prompted(&home, "hello", &[Turn::Says("Hello.")], &flags);
    assert_eq!(ran.code, Some(4), "{ran}");
    assert_eq!(remedy(&ran), format!("export {KEY}=…"));
    home.ok(["agent", "stop", SESSION]);
    home.ok(["agent", "restart", SESSION]);

    home.set(KEY, "sk-agent-test-91");
    let ran = prompted(&home, "hello", &[Turn::Says("Hello.")], &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(events_name(&home, "run_completed"));
}

fn events_name(home: &Home, name: &str) -> bool {
    events(home, SESSION).iter().any(|event| event == name)
}

#[test]
fn a_file_that_others_may_read_is_one_too() {
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), "sk-agent-test-92\n").unwrap();
    let mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path.path(), permissions).unwrap();
    };
    mode(0o644);
    let home = launched(&format!("file:{}", path.path().display()));
    let ran = prompted(&home, "hello", &[Turn::Says("Hello.")], &[]);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.stderr.contains("others may read it"), "{ran}");
    assert!(remedy(&ran).contains("chmod 600"), "{ran}");
    assert!(!ran.stderr.contains("sk-agent"), "{ran}");
    mode(0o600);
    let ran = prompted(&home, "hello", &[Turn::Says("Hello.")], &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
}
