//! What cargo built, and putting a component where it is found.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The component of each (manifest, target name).
pub type Built = BTreeMap<(PathBuf, String), PathBuf>;

/// Reads the messages of `cargo build --message-format json…`: one JSON object per line.
pub fn read(messages: &str) -> Built {
    let mut built = Built::new();
    for line in messages.lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let component = message
            .get("filenames")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .find(|file| file.ends_with(".wasm"));
        let manifest = message.get("manifest_path").and_then(Value::as_str);
        let target = message.pointer("/target/name").and_then(Value::as_str);
        if let (Some(component), Some(manifest), Some(target)) = (component, manifest, target) {
            built.insert((manifest.into(), target.to_owned()), component.into());
        }
    }
    built
}

/// Writes a file if its bytes changed, in one rename, so that a running host never sees half of one.
/// Says whether it had to be written.
///
/// # Errors
/// It cannot be written.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    let half = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&half, bytes).with_context(|| format!("cannot write {}", half.display()))?;
    std::fs::rename(&half, path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_read_from_cargo_s_messages() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","target":{"name":"a"},"filenames":["/t/liba.rlib","/t/a.wasm"]}
{"reason":"compiler-artifact","manifest_path":"/w/b/Cargo.toml","target":{"name":"b"},"filenames":["/t/libb.rlib"]}
not json
{"reason":"build-finished","success":true}"#;
        let key = (PathBuf::from("/w/a/Cargo.toml"), "a".to_owned());
        assert_eq!(
            read(messages),
            Built::from([(key, PathBuf::from("/t/a.wasm"))])
        );
    }

    #[test]
    fn an_unchanged_component_is_not_written_again() {
        let path = std::env::temp_dir().join(format!("guests-{}.wasm", std::process::id()));
        assert!(write_if_changed(&path, b"one").unwrap());
        assert!(!write_if_changed(&path, b"one").unwrap());
        assert!(write_if_changed(&path, b"two").unwrap());
        std::fs::remove_file(&path).unwrap();
    }
}
