//! Components and stores for tests: a component of a few bytes that only says what it needs.

use std::path::Path;
use std::sync::Arc;
use tollgate_store::{NewPlugin, Store};

/// A component with a marker that changes its digest, and its declared needs.
pub(crate) fn component(marker: &str, needs: &[&str]) -> Vec<u8> {
    // Magic, version 13, layer 1: an empty component.
    let mut bytes = b"\0asm\x0d\x00\x01\x00".to_vec();
    section(&mut bytes, "marker", marker.as_bytes());
    section(
        &mut bytes,
        "tollgate:needs",
        &serde_json::to_vec(needs).unwrap(),
    );
    bytes
}

/// A custom section: id 0, size, name, data; every number below 128.
fn section(bytes: &mut Vec<u8>, name: &str, data: &[u8]) {
    let size = 1 + name.len() + data.len();
    assert!(size < 128);
    bytes.extend([
        0,
        u8::try_from(size).unwrap(),
        u8::try_from(name.len()).unwrap(),
    ]);
    bytes.extend(name.as_bytes());
    bytes.extend(data);
}

/// A directory with a store in it.
pub(crate) fn house() -> (tempfile::TempDir, Arc<Store>) {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(&temp.path().join("store")).unwrap();
    (temp, Arc::new(store))
}

/// A plugin for the registry.
pub(crate) fn added(name: &str, path: &Path, digest: &str) -> NewPlugin {
    NewPlugin {
        name: name.to_owned(),
        digest: digest.to_owned(),
        version: String::new(),
        world: "tools".into(),
        needs: Vec::new(),
        component_path: path.to_str().unwrap().to_owned(),
        tools_json: "[]".into(),
        names: Vec::new(),
    }
}
