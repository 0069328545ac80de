//! What belongs to Tollgate stays its own in a mount that contains it.

use super::*;

/// `m/.tollgate/store` is a protected tree, `m/tollgate.toml` and `m/d/absent.toml` are files.
fn world() -> World {
    World::with(|base| {
        fs::create_dir_all(base.join("m/.tollgate/store/deep")).unwrap();
        fs::write(base.join("m/.tollgate/store/deep/db"), SECRET).unwrap();
        fs::write(base.join("m/tollgate.toml"), SECRET).unwrap();
        let mut own = ProtectedRoots::new();
        for path in ["m/.tollgate/store", "m/tollgate.toml", "m/d/absent.toml"] {
            own.add(&base.join(path)).unwrap();
        }
        own
    })
}

#[test]
fn nothing_protected_is_found_by_any_path() {
    let w = world();
    host_symlink(".tollgate/store", w.host("m/link")).unwrap();
    for path in [
        ".tollgate/store",
        ".tollgate/store/",
        ".tollgate/store/deep",
        ".tollgate/store/deep/db",
        "d/../.tollgate/store/deep/db",
        "link",
        "link/deep/db",
        "tollgate.toml",
    ] {
        refused(w.find(path), Class::Protected);
    }
    assert_eq!(w.rel(".tollgate"), ".tollgate");
    assert_eq!(w.read("f").unwrap(), "inside");
}

#[test]
fn nothing_protected_is_made_replaced_or_removed() {
    let w = world();
    let target = |path: &str| resolve_parent(&w.mount.dir(), path);
    for path in [
        "d/absent.toml",
        "d/e/../absent.toml",
        "tollgate.toml",
        ".tollgate/store",
        ".tollgate/store/new",
        ".tollgate/store/deep/db",
    ] {
        refused(target(path), Class::Protected);
    }
    assert_eq!(target("d/other.toml").unwrap().rel(), "d/other.toml");
    assert_eq!(target("absent.toml").unwrap().rel(), "absent.toml");
}

#[test]
fn a_directory_that_holds_something_protected_stays_where_it_is() {
    let w = world();
    for path in [".tollgate", "d"] {
        let from = w.target(path);
        let checked = from.look().unwrap();
        refused(
            rename(&from, &checked, &w.target("moved"), Replace::Never),
            Class::Protected,
        );
        refused(rmdir(&from), Class::Protected);
    }
    // Nor is another put in its place after the host removed it.
    fs::remove_dir_all(w.host("m/d")).unwrap();
    mkdir(&w.target("evil"), DIRECTORY_MODE).unwrap();
    create(&w.target("evil/absent.toml"), FILE_MODE, false).unwrap();
    let from = w.target("evil");
    let checked = from.look().unwrap();
    refused(
        rename(&from, &checked, &w.target("d"), Replace::Never),
        Class::Protected,
    );
    assert_eq!(w.rel("evil"), "evil");
}

#[test]
fn other_names_of_a_protected_file_are_protected() {
    let w = world();
    fs::hard_link(w.host("m/tollgate.toml"), w.host("m/innocent")).unwrap();
    refused(w.find("innocent"), Class::Protected);
    // Also when an editor replaced the file, and its old content is only a file.
    fs::write(w.host("m/new"), "2").unwrap();
    fs::rename(w.host("m/new"), w.host("m/tollgate.toml")).unwrap();
    refused(w.find("tollgate.toml"), Class::Protected);
    assert_eq!(w.read("innocent").unwrap(), SECRET);
    fs::hard_link(w.host("m/tollgate.toml"), w.host("m/again")).unwrap();
    refused(w.find("again"), Class::Protected);
}

#[test]
fn a_linked_policy_file_protects_what_it_links_to() {
    let w = World::with(|base| {
        fs::write(base.join("m/real.toml"), SECRET).unwrap();
        host_symlink("real.toml", base.join("m/tollgate.toml")).unwrap();
        let mut own = ProtectedRoots::new();
        own.add_file(&base.join("m/tollgate.toml")).unwrap();
        own
    });
    for path in ["tollgate.toml", "real.toml"] {
        refused(w.find(path), Class::Protected);
        refused(w.itself(path), Class::Protected);
        refused(resolve_parent(&w.mount.dir(), path), Class::Protected);
    }
}

#[test]
fn protection_follows_a_tree_that_the_host_moved() {
    let w = world();
    fs::rename(w.host("m/.tollgate"), w.host("m/moved")).unwrap();
    refused(w.find("moved/store/deep/db"), Class::Protected);
    // The old name stays protected, too: the host may open it by name.
    fs::create_dir_all(w.host("m/.tollgate/store")).unwrap();
    refused(w.find(".tollgate/store"), Class::Protected);
}

#[test]
fn a_mount_inside_something_protected_is_not_opened() {
    let w = world();
    let mut own = ProtectedRoots::new();
    own.add_tree(&w.host("m/.tollgate/store")).unwrap();
    let own = Arc::new(own);
    for path in ["m/.tollgate/store", "m/.tollgate/store/deep"] {
        refused(
            MountRoot::open(&w.host(path), Arc::clone(&own)),
            Class::Protected,
        );
    }
    host_symlink(w.host("m/.tollgate/store/deep"), w.host("shortcut")).unwrap();
    refused(
        MountRoot::open(&w.host("shortcut"), Arc::clone(&own)),
        Class::Protected,
    );
    MountRoot::open(&w.host("m/.tollgate"), own).unwrap();
}

#[test]
fn the_memory_and_environment_of_this_process_are_protected() {
    let own = Arc::new(ProtectedRoots::new());
    for path in ["/proc", "/proc/self", "/proc/self/fd"] {
        refused(
            MountRoot::open(Path::new(path), Arc::clone(&own)),
            Class::Protected,
        );
    }
    let root = MountRoot::open(Path::new("/"), own).unwrap();
    for path in ["proc", "proc/self/environ", "proc/self/mem", "proc/version"] {
        refused(resolve(&root.dir(), path, true), Class::Protected);
    }
}

/// Needs the right to mount; where there is none the test says nothing.
#[test]
fn a_bind_mount_above_or_of_a_protected_tree_is_seen() {
    let w = world();
    fs::create_dir(w.host("m/bound")).unwrap();
    fs::create_dir(w.host("m/whole")).unwrap();
    let bind = |from: &str, at: &str| {
        std::process::Command::new("mount")
            .args(["--bind".into(), w.host(from), w.host(at)])
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !bind("m/.tollgate", "m/bound") {
        return;
    }
    let whole = bind("m/.tollgate/store", "m/whole");
    let seen: Vec<_> = [
        "bound",
        "bound/store",
        "bound/store/deep/db",
        "whole",
        "whole/deep/db",
    ]
    .iter()
    .map(|path| w.find(path).map(|_| ()).map_err(|error| error.class()))
    .collect();
    let from = w.target("bound");
    let moved = from
        .look()
        .and_then(|checked| rename(&from, &checked, &w.target("bound2"), Replace::Never));
    for at in ["m/bound", "m/whole"] {
        let _ = std::process::Command::new("umount")
            .arg(w.host(at))
            .status();
    }
    assert!(whole);
    let no = Err(Class::Protected);
    assert_eq!(seen, [Ok(()), no, no, no, no]);
    refused(moved, Class::Protected);
}
