//! What a hostile call leaves behind in outputs and in the store: no secret, and nothing that would act on
//! a terminal.

use super::scene::Scene;
use crate::support::home::{CREDENTIAL, OTHER};
use crate::support::{Ran, ledger};
use std::path::Path;

/// What is outside the mount, and what no grant gives.
const SECRETS: [&str; 3] = [CREDENTIAL.1, OTHER.1, "the canary lives"];

/// Whether a terminal or a page would act on it, or a reader be deceived by it.
pub(super) fn acts(c: char) -> bool {
    let bidirectional = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    (c.is_control() && c != '\n') || bidirectional || c == '\u{feff}'
}

/// Panics if a text has a character in it that acts.
#[track_caller]
pub(super) fn calm(what: &str, text: &str) {
    if let Some(c) = text.chars().find(|c| acts(*c)) {
        panic!("{what} has {c:?} in it: {text:?}");
    }
}

/// Panics if an output or the store holds a secret, one of `nowhere`, or a character that acts.
#[track_caller]
pub(super) fn harmless(scene: &Scene, nowhere: &[String], ran: &[Ran]) {
    let secrets: Vec<&str> = SECRETS
        .into_iter()
        .chain(nowhere.iter().map(String::as_str))
        .collect();
    for ran in ran {
        for (what, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            calm(what, text);
            for secret in &secrets {
                assert!(!text.contains(secret), "{what} has {secret:?} in it: {ran}");
            }
        }
    }
    for entry in ledger::read(&scene.home.own()) {
        calm("an entry", entry.written());
    }
    search(&scene.path("home/state"), &secrets);
}

/// Looks at every byte of every file.
fn search(directory: &Path, secrets: &[&str]) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, secrets);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        for secret in secrets {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{} has {secret:?} in it", path.display());
        }
    }
}
