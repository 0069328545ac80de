//! Trust, plugins, operator: each change with its ledger entry.

use crate::support::*;
use tollgate_store::{NewPlugin, Store, StoreError};

fn new_plugin(name: &str, tools: &[&str]) -> NewPlugin {
    NewPlugin {
        name: name.into(),
        digest: "sha256:aa".into(),
        version: "0.1.0".into(),
        world: "tools".into(),
        needs: vec!["fs.read * at *".into()],
        component_path: "/p/files.wasm".into(),
        tools_json: "[]".into(),
        names: tools.iter().map(|&name| name.into()).collect(),
    }
}

#[test]
fn a_name_belongs_to_one_plugin() {
    let (_directory, store) = store();
    let plugins = store.plugins();
    let added = plugins
        .add(new_plugin("files", &["read", "write"]), "os:ada")
        .unwrap();
    assert!(added.tools_digest.starts_with("sha256:"));
    assert_eq!(plugins.get("files").unwrap(), Some(added));
    let taken = |name: &str, tools: &[&str]| match plugins.add(new_plugin(name, tools), "os:ada") {
        Err(StoreError::NameTaken { name, owner }) => (name, owner),
        other => panic!("{other:?}"),
    };
    let files = || "files".to_owned();
    assert_eq!(taken("other", &["read"]), ("read".into(), files()));
    assert_eq!(taken("write", &[]), ("write".into(), files()));
    assert_eq!(taken("files", &[]), (files(), files()));
    assert_eq!(plugins.owner_of("write").unwrap(), Some(files()));

    let mut changed = new_plugin("files", &["read"]);
    changed.digest = "sha256:bb".into();
    plugins.replace(changed.clone(), "os:ada").unwrap();
    assert_eq!(plugins.get("files").unwrap().unwrap().plugin, changed);
    plugins
        .add(new_plugin("other", &["write"]), "os:ada")
        .unwrap();
    assert_eq!(plugins.list().unwrap().len(), 2);

    plugins.rm("files", "os:ada").unwrap();
    assert_eq!(plugins.owner_of("read").unwrap(), None);
    assert!(matches!(
        plugins.rm("files", "os:ada"),
        Err(StoreError::NotFound { .. })
    ));
    assert_eq!(
        host_changes(&store),
        [
            "plugin.add files",
            "plugin.replace files",
            "plugin.add other",
            "plugin.rm files"
        ]
    );
}

#[test]
fn pinned_tools_that_were_tampered_with_are_noticed() {
    let (_directory, store) = store();
    store
        .plugins()
        .add(new_plugin("files", &[]), "os:ada")
        .unwrap();
    database(&store)
        .execute("UPDATE plugins SET tools_json = '[1]'", [])
        .unwrap();
    assert!(matches!(
        store.plugins().get("files"),
        Err(StoreError::Damaged(_))
    ));
}

#[test]
fn trust_is_in_a_digest() {
    let (_directory, store) = store();
    let trust = store.trust();
    trust
        .add("/p/tollgate.toml", "sha256:aa", "os:ada")
        .unwrap();
    trust
        .add("/p/tollgate.toml", "sha256:bb", "os:ada")
        .unwrap();
    let trusted = trust.get("/p/tollgate.toml").unwrap().unwrap();
    assert_eq!(
        (trusted.digest.as_str(), trusted.who.as_str()),
        ("sha256:bb", "os:ada")
    );
    assert_eq!(trust.list().unwrap().len(), 1);
    assert!(trust.rm("/p/tollgate.toml", "os:ada").unwrap());
    assert!(!trust.rm("/p/tollgate.toml", "os:ada").unwrap());
    assert_eq!(host_changes(&store).len(), 3);
}

#[test]
fn one_operator_is_logged_in() {
    let (directory, store) = store();
    assert_eq!(store.operator().current().unwrap(), None);
    store.operator().login("os:ada", "os").unwrap();
    let login = store.operator().login("os:bob", "os").unwrap();
    drop(store);
    let store = Store::open(&directory.path().join("state")).unwrap();
    assert_eq!(store.operator().current().unwrap(), Some(login));
    assert!(store.operator().logout().unwrap());
    assert!(!store.operator().logout().unwrap());
    assert_eq!(
        host_changes(&store),
        [
            "auth.login os:ada",
            "auth.login os:bob",
            "auth.logout os:bob"
        ]
    );
}
