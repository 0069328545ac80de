//! Files: access by operation, excludes, unions, protected paths.

use super::*;
use crate::{FsAccess, FsOp};

fn fs(a: &Authority, op: FsOp, path: &str) -> String {
    word(&a.decide(
        &Effect::Fs {
            op,
            guest_mount: "/p",
            path,
        },
        0,
    ))
}

fn fs_denial(a: &Authority, op: FsOp, path: &str) -> Denial {
    denial(a.decide(
        &Effect::Fs {
            op,
            guest_mount: "/p",
            path,
        },
        0,
    ))
}

#[test]
fn the_matrix_of_access_and_operation() {
    let mut lines = Vec::new();
    for access in FsAccess::ALL {
        let a = authority(None, &[&format!("fs.{access} /h at /p")]);
        let allowed: Vec<String> = FsOp::ALL
            .iter()
            .filter(|op| fs(&a, **op, "x") == "allowed g0")
            .map(|op| format!("{op:?}"))
            .collect();
        lines.push(format!("{access}: {}", allowed.join(" ")));
        for op in FsOp::ALL {
            let word = fs(&a, op, "x");
            assert!(
                word == "allowed g0" || word == "access_too_low",
                "{access} {op:?} {word}"
            );
        }
    }
    assert_eq!(
        lines,
        [
            "read: Read List Stat ReadLink",
            "create: Read List Stat Create CreateDir RenameTo { replaces: false } LinkTo Symlink ReadLink",
            "write: Read List Stat Create CreateDir Write SetTimes RenameTo { replaces: false } LinkTo Symlink ReadLink",
            "full: Read List Stat Create CreateDir Write SetTimes Delete RenameFrom RenameTo { replaces: false } RenameTo { replaces: true } LinkFrom LinkTo Symlink ReadLink",
        ]
    );
}

#[test]
fn too_little_access_has_a_command_and_an_excluded_path_has_none() {
    let a = authority(None, &["fs.read '/home/a b' at /p except **/.env"]);
    let denied = fs_denial(&a, FsOp::Write, "src/x");
    assert_eq!(denied.reason, Reason::AccessTooLow);
    assert_eq!(
        denied.command.as_deref(),
        Some(r"tollgate grant add p 'fs.write '\''/home/a b'\'' at /p except **/.env'")
    );
    assert_eq!(
        denied.nearest.unwrap().why,
        "it gives fs.read, and this needs fs.write"
    );
    for (op, path) in [
        (FsOp::Read, "a/.env"),
        (FsOp::Write, ".env"),
        (FsOp::Stat, "a/.env/b"),
    ] {
        let denied = fs_denial(&a, op, path);
        assert_eq!(
            (denied.reason, denied.command),
            (Reason::Excluded, None),
            "{path}"
        );
        assert!(denied.nearest.is_some());
    }
    assert_eq!(fs(&a, FsOp::List, ""), "allowed g0");
}

#[test]
fn grants_on_one_mount_unite() {
    let a = authority(
        None,
        &["fs.read /h at /p", "fs.full /h at /p except src/**"],
    );
    assert_eq!(fs(&a, FsOp::Read, "src/x"), "allowed g0");
    assert_eq!(fs(&a, FsOp::Delete, "y"), "allowed g1");
    assert_eq!(fs(&a, FsOp::Delete, "src/x"), "excluded");
    assert_eq!(a.mounts().len(), 1);
    assert_eq!(
        (a.mounts()[0].access, a.mounts()[0].has_except),
        (FsAccess::Full, true)
    );
    // The nearest grant is one that does not leave the path out, and its command works.
    let a = authority(
        None,
        &["fs.read /h at /p", "fs.create /h at /p except src/**"],
    );
    assert_eq!(
        fs_denial(&a, FsOp::Write, "src/x").command.as_deref(),
        Some("tollgate grant add p 'fs.write /h at /p'")
    );
}

#[test]
fn one_guest_path_is_one_directory() {
    let a = authority(None, &["fs.read /h at /p", "fs.full /other at /p"]);
    assert_eq!(a.mounts().len(), 1);
    assert_eq!(fs(&a, FsOp::Write, "x"), "access_too_low");
    assert_eq!(a.refused()[0].grant.as_str(), "g1");
    assert!(a.refused()[0].reason.contains("choose another guest path"));
    assert!(a.conflict(&"fs.read /x at /p".parse().unwrap()).is_some());
    assert!(a.conflict(&"fs.read /h at /p".parse().unwrap()).is_none());
    let layers = [
        file(Layer::User, "[plugins.p]\ngrants = [\"fs.read /a at /p\"]"),
        file(
            Layer::Managed,
            "[plugins.p]\ngrants = [\"fs.read /b at /p\"]",
        ),
    ];
    let error = Authority::new(AuthorityInput {
        layers: &layers,
        ..AuthorityInput::new("p")
    })
    .unwrap_err();
    assert!(error.to_string().contains("same guest path /p"), "{error}");
}

#[test]
fn outside_and_odd_paths_are_refused_without_a_command() {
    let a = authority(None, &["fs.full /h at /p"]);
    for path in ["../x", "a/../b", "/etc/passwd", "a//b", "./a", "a/"] {
        let denied = fs_denial(&a, FsOp::Read, path);
        assert_eq!(
            (denied.reason, denied.command),
            (Reason::OutsideMounts, None),
            "{path}"
        );
    }
    for path in ["/etc/passwd", "/p/escape", "/pp"] {
        let denied = denial(a.decide(
            &Effect::FsOutside {
                op: FsOp::Read,
                path,
            },
            0,
        ));
        assert_eq!(denied, Denial::because(Reason::OutsideMounts), "{path}");
    }
}

#[test]
fn needs_bound_mounts_and_operations() {
    let a = authority(
        Some(&["fs.create * at /p/out", "fs.read * at /p except secret/**"]),
        &["fs.full /h at /p", "fs.full /q at /q"],
    );
    assert_eq!(a.mounts().len(), 1);
    assert_eq!(
        (a.mounts()[0].access, a.mounts()[0].has_except),
        (FsAccess::Create, true)
    );
    assert_eq!(fs(&a, FsOp::Create, "out/x"), "allowed g0");
    assert_eq!(fs(&a, FsOp::Create, "x"), "undeclared_need");
    assert_eq!(fs(&a, FsOp::Delete, "out/x"), "undeclared_need");
    assert_eq!(fs(&a, FsOp::Read, "secret/x"), "undeclared_need");
    let outside = denial(a.decide(
        &Effect::FsOutside {
            op: FsOp::Read,
            path: "/q/x",
        },
        0,
    ));
    assert_eq!(outside.reason, Reason::UndeclaredNeed);
    assert_eq!(outside.nearest.unwrap().grant.as_str(), "g1");
    let a = authority(Some(&["fs.read /h/in at *"]), &["fs.read /h at /p"]);
    assert_eq!(fs(&a, FsOp::Read, "in/x"), "allowed g0");
    assert_eq!(fs(&a, FsOp::Read, "inx"), "undeclared_need");
}

#[test]
fn a_rule_that_denies_reaches_by_host_path_and_from_its_access_on() {
    let a = policy(
        "grants = [\"fs.full . at /p\", \"fs.full /home/me at /q\", { deny = \"fs.write /home/me/p/keys at *\" }, { deny = \"fs.read * at /p/dark except lamp\" }]",
    );
    assert_eq!(fs(&a, FsOp::Read, "keys/a"), "allowed user:p:1");
    assert_eq!(fs(&a, FsOp::Create, "keys/a"), "allowed user:p:1");
    assert_eq!(fs(&a, FsOp::Write, "keys/a"), "denied_by_rule");
    assert_eq!(fs(&a, FsOp::Delete, "keys"), "denied_by_rule");
    assert_eq!(fs(&a, FsOp::Write, "keysx"), "allowed user:p:1");
    let by_other_mount = Effect::Fs {
        op: FsOp::Write,
        guest_mount: "/q",
        path: "p/keys/a",
    };
    assert_eq!(word(&a.decide(&by_other_mount, 0)), "denied_by_rule");
    assert_eq!(fs(&a, FsOp::Read, "dark/x"), "denied_by_rule");
    assert_eq!(fs(&a, FsOp::Read, "dark/lamp"), "allowed user:p:1");
    let denied = fs_denial(&a, FsOp::Write, "keys/a");
    assert_eq!(
        (denied.nearest.unwrap().grant.as_str(), denied.command),
        ("user:p:3", None)
    );
    assert!(a.hides("/p", "dark/x", 0) && !a.hides("/p", "keys/a", 0));
    assert!(a.mounts().iter().all(|m| m.has_except));
}

#[test]
fn a_directory_with_something_hidden_below_keeps_its_name() {
    let a = authority(None, &["fs.full /h at /p except a/b/secret *.pem"]);
    assert!(a.hides_below("/p", "a", 0) && a.hides_below("/p", "a/b", 0));
    assert!(!a.hides_below("/p", "src", 0) && !a.hides_below("/p", "a/c", 0));
    assert!(
        a.hides_below("/p", ".git", 0),
        "a directory renamed to .git would bring hooks"
    );
    assert!(a.hides_below("/p", "x/../y", 0) && a.hides_below("/none", "x", 0));
    let any_depth = authority(None, &["fs.full /h at /p except **/.env"]);
    assert!(any_depth.hides_below("/p", "src", 0));
    let free_by_another = authority(
        None,
        &["fs.full /h at /p except **/.env", "fs.full /h at /p"],
    );
    assert!(!free_by_another.hides_below("/p", "src", 0));
    let denied = policy("grants = [\"fs.full . at /p\", { deny = \"fs.read keys/inner at *\" }]");
    assert!(denied.hides_below("/p", "keys", 0) && !denied.hides_below("/p", "src", 0));
    let need = authority(Some(&["fs.full * at /p except a/b"]), &["fs.full /h at /p"]);
    assert!(need.hides_below("/p", "a", 0) && !need.hides_below("/p", "c", 0));
}

#[test]
fn what_runs_on_the_host_later_needs_a_grant_that_names_it() {
    let a = authority(
        None,
        &["fs.full /h at /p", "fs.full /h/.git/hooks at /hooks"],
    );
    assert_eq!(fs(&a, FsOp::Read, ".git/hooks/pre-commit"), "allowed g0");
    for op in [
        FsOp::Create,
        FsOp::Write,
        FsOp::RenameTo { replaces: false },
        FsOp::Delete,
    ] {
        assert_eq!(fs(&a, op, ".git/hooks/pre-commit"), "excluded", "{op:?}");
    }
    assert_eq!(fs_denial(&a, FsOp::Write, "sub/.git/config").command, None);
    for op in [FsOp::Create, FsOp::Symlink, FsOp::LinkTo] {
        assert_eq!(
            fs(&a, op, "new/.git"),
            "excluded",
            "{op:?}: its hooks would have another name"
        );
    }
    assert_eq!(fs(&a, FsOp::CreateDir, "new/.git"), "allowed g0");
    assert_eq!(fs(&a, FsOp::Create, ".git/index.lock"), "allowed g0");
    let named = Effect::Fs {
        op: FsOp::Create,
        guest_mount: "/hooks",
        path: "pre-commit",
    };
    assert_eq!(word(&a.decide(&named, 0)), "allowed g1");
}

#[test]
fn asking_for_writes_leaves_granted_reads_alone_in_the_same_file() {
    let lines =
        "grants = [\"fs.read . at /p\", { allow = \"fs.write . at /p\", decision = \"ask\" }]";
    let a = policy(lines);
    assert_eq!(fs(&a, FsOp::Read, "x"), "allowed user:p:1");
    assert_eq!(fs(&a, FsOp::Write, "x"), "asked user:p:2");
    assert_eq!(fs(&a, FsOp::Delete, "x"), "access_too_low");
    let layers = [
        file(
            Layer::Managed,
            "[plugins.p]\ngrants = [{ allow = \"fs.write . at /p\", decision = \"ask\" }]",
        ),
        file(Layer::User, "[plugins.p]\ngrants = [\"fs.read . at /p\"]"),
    ];
    assert_eq!(
        fs(&with_layers(&layers), FsOp::Read, "x"),
        "asked managed:p:1"
    );
}

#[test]
fn a_projects_mount_is_confined_to_it() {
    let project = file(
        Layer::Project,
        "[plugins.p]\ngrants = [\"fs.read src at /p\"]",
    );
    let a = with_layers(std::slice::from_ref(&project));
    assert_eq!(
        a.mounts()[0].confined_to.as_deref(),
        Some(std::path::Path::new("/home/me/p"))
    );
    let user = file(Layer::User, "[plugins.p]\ngrants = [\"fs.read src at /p\"]");
    assert_eq!(with_layers(&[user, project]).mounts()[0].confined_to, None);
}
