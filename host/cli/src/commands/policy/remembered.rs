//! The rules that were trusted, kept so that a change can be shown as a difference.
//!
//! Only for showing: what is in force is decided by the digest in the store.

use crate::app::App;
use crate::errors::{Context, Done};
use crate::policy::layers;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where they are, below the state directory.
const DIRECTORY: &str = "trusted";

fn file(app: &App, policy: &Path) -> PathBuf {
    let name = layers::digest(policy.as_os_str().as_encoded_bytes());
    let name = name.trim_start_matches("sha256:");
    app.home.state.join(DIRECTORY).join(format!("{name}.json"))
}

/// The rules that were trusted; none if they were not kept.
pub(super) fn read(app: &App, policy: &Path) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(file(app, policy)).ok()?;
    serde_json::from_str(&text).ok()
}

/// Keeps the rules that are trusted now.
pub(super) fn write(app: &App, policy: &Path, rules: &[String]) -> Done {
    let what = || "the trusted rules were not kept".to_owned();
    let path = file(app, policy);
    if let Some(directory) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .doing(what)?;
    }
    let text = serde_json::to_vec_pretty(rules).doing(what)?;
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .doing(what)?;
    out.write_all(&text).doing(what)?;
    std::fs::rename(&fresh, &path).doing(what)
}
