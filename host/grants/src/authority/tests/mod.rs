//! The decision, as tables and as properties.

mod commands;
mod files;
mod layers;
mod monotone;
mod requests;

use super::*;
use crate::policy::{Layer, Origin, PolicyFile, parse};
use crate::{Denial, Reason, RequestUrl, RuntimeGrant};

/// An authority over needs (`None` for any) and run-time grants of the plugin `p`.
fn authority(needs: Option<&[&str]>, grants: &[&str]) -> Authority {
    with_runtime(needs, &runtime(grants))
}

fn runtime(grants: &[&str]) -> Vec<RuntimeGrant> {
    grants
        .iter()
        .enumerate()
        .map(|(i, text)| RuntimeGrant::allow(format!("g{i}"), "p", text.parse().unwrap()))
        .collect()
}

fn with_runtime(needs: Option<&[&str]>, runtime: &[RuntimeGrant]) -> Authority {
    Authority::new(AuthorityInput {
        needs: self::needs(needs),
        runtime,
        ..AuthorityInput::new("p")
    })
    .unwrap()
}

fn needs(needs: Option<&[&str]>) -> Needs {
    match needs {
        None => Needs::Any,
        Some(list) => Needs::Declared(list.iter().map(|n| n.parse().unwrap()).collect()),
    }
}

fn file(layer: Layer, text: &str) -> PolicyFile {
    let origin = Origin {
        path: "tollgate.toml".into(),
        layer,
        base_dir: "/home/me/p".into(),
    };
    parse(&format!("version = 1\n{text}"), &origin).unwrap()
}

/// An authority over a user's file with these lines for the plugin `p`.
fn policy(lines: &str) -> Authority {
    with_layers(&[file(Layer::User, &format!("[plugins.p]\n{lines}"))])
}

fn with_layers(layers: &[PolicyFile]) -> Authority {
    Authority::new(AuthorityInput {
        needs: Needs::Any,
        layers,
        ..AuthorityInput::new("p")
    })
    .unwrap()
}

fn url(text: &str) -> RequestUrl {
    RequestUrl::parse_str(text).unwrap()
}

/// `allowed ID [with CREDENTIAL]`, `asked ID` or the reason's label.
fn word(decision: &Decision) -> String {
    match decision {
        Decision::Allowed(a) => match &a.credential {
            Some(name) => format!("allowed {} with {name}", a.grant),
            None => format!("allowed {}", a.grant),
        },
        Decision::Asked(a) => format!("asked {}", a.grant),
        Decision::Denied(d) => d.reason.label().to_owned(),
    }
}

fn denial(decision: Decision) -> Denial {
    match decision {
        Decision::Denied(denial) => denial,
        other => panic!("{other:?}"),
    }
}

fn get(authority: &Authority, text: &str) -> Decision {
    authority.decide(
        &Effect::Http {
            method: "GET",
            url: &url(text),
        },
        0,
    )
}

fn env(authority: &Authority, name: &str) -> String {
    word(&authority.decide(&Effect::Env { name }, 0))
}

#[test]
fn nothing_is_allowed_without_a_grant_and_a_need() {
    let effects = |a: &Authority| {
        let url = url("https://a.b/");
        [
            Effect::Fs {
                op: crate::FsOp::Read,
                guest_mount: "/p",
                path: "x",
            },
            Effect::Http {
                method: "GET",
                url: &url,
            },
            Effect::HttpAddress {
                url: &url,
                address: "1.1.1.1".parse().unwrap(),
            },
            Effect::Socket {
                proto: crate::Protocol::Tcp,
                direction: crate::Direction::Connect,
                target: "1.1.1.1:80",
            },
            Effect::Env { name: "A" },
            Effect::Kv {
                namespace: "n",
                write: false,
            },
            Effect::Dns { name: "a.b" },
        ]
        .map(|e| word(&a.decide(&e, 0)))
    };
    let all = [
        "fs.read /h at /p",
        "http GET https://a.b/",
        "tcp connect 1.1.1.1:80",
        "env A",
        "kv n",
        "dns a.b",
    ];
    assert_eq!(
        effects(&authority(None, &all)),
        [
            "allowed g0",
            "allowed g1",
            "allowed g1",
            "allowed g2",
            "allowed g3",
            "allowed g4",
            "allowed g5"
        ]
    );
    assert_eq!(effects(&authority(Some(&[]), &all)), ["undeclared_need"; 7]);
    assert_eq!(
        effects(&authority(None, &[])),
        [
            "outside_mounts",
            "no_grant",
            "no_grant",
            "no_grant",
            "no_grant",
            "no_grant",
            "no_grant"
        ]
    );
}

#[test]
fn needs_bound_grants() {
    let a = authority(
        Some(&[
            "env A",
            "kv *",
            "dns **.b",
            "tcp connect *:80",
            "http GET https://**.b/**",
        ]),
        &["env A", "env B", "kv n"],
    );
    assert_eq!(env(&a, "A"), "allowed g0");
    assert_eq!(env(&a, "B"), "undeclared_need");
    let undeclared = denial(a.decide(&Effect::Env { name: "B" }, 0));
    assert_eq!(undeclared.nearest.unwrap().grant.as_str(), "g1");
    assert_eq!(undeclared.command, None);
    assert_eq!(word(&get(&a, "https://a.b/x")), "no_grant");
    assert_eq!(word(&get(&a, "https://a.c/x")), "undeclared_need");
    assert_eq!(a.unasked(), [(GrantId::new("g1"), "env B".to_owned())]);
}

#[test]
fn an_empty_list_and_another_plugin_give_nothing() {
    assert_eq!(env(&policy("grants = []"), "A"), "no_grant");
    assert_eq!(
        env(
            &with_layers(&[file(Layer::User, "[plugins.q]\ngrants = [\"env A\"]")]),
            "A"
        ),
        "no_grant"
    );
}

#[test]
fn a_variable_that_is_a_secret_is_never_delivered() {
    let credentials =
        "[credentials.k]\nsource = \"env:K\"\ninject = { header = \"a\", value = \"{}\" }";
    let layers = [
        file(Layer::Managed, credentials),
        file(Layer::User, "[plugins.p]\ngrants = [\"env K\"]"),
    ];
    let a = with_layers(&layers);
    let denied = denial(a.decide(&Effect::Env { name: "K" }, 0));
    assert_eq!((denied.reason, denied.command), (Reason::Excluded, None));
}

#[test]
fn the_environment_lists_each_name_once() {
    let names: Vec<String> = authority(None, &["env B", "env A", "env B"])
        .environment()
        .into_iter()
        .map(|(name, id)| format!("{name} {id}"))
        .collect();
    assert_eq!(names, ["A g1", "B g0"]);
}

#[test]
fn can_it_is_answered_for_one_target() {
    let a = authority(
        None,
        &["http GET https://a.b/*", "fs.create /h at /p", "env A"],
    );
    let can = |text: &str| a.can(&text.parse().unwrap(), 0).map(|d| word(&d));
    assert_eq!(can("http GET https://a.b/x").as_deref(), Some("allowed g0"));
    assert_eq!(can("http GET https://a.b/*"), None);
    assert_eq!(can("fs.create /h at /p").as_deref(), Some("allowed g1"));
    assert_eq!(can("fs.full /h at /p").as_deref(), Some("access_too_low"));
    assert_eq!(can("fs.read /other at /p").as_deref(), Some("no_grant"));
    assert_eq!(can("env B").as_deref(), Some("no_grant"));
}

#[test]
fn sockets_and_names_have_their_nearest_miss() {
    let a = authority(
        None,
        &["tcp connect 10.0.0.1:80", "dns **.example.com", "kv Notes"],
    );
    let denied = denial(a.decide(
        &Effect::Socket {
            proto: crate::Protocol::Tcp,
            direction: crate::Direction::Connect,
            target: "[::ffff:10.0.0.1]:81",
        },
        0,
    ));
    assert_eq!(
        denied.command.as_deref(),
        Some("tollgate grant add p 'tcp connect 10.0.0.1:81'")
    );
    assert_eq!(
        denied.nearest.unwrap().capability,
        "tcp connect 10.0.0.1:80"
    );
    let denied = denial(a.decide(
        &Effect::Dns {
            name: "example.org",
        },
        0,
    ));
    assert_eq!(
        denied.command.as_deref(),
        Some("tollgate grant add p 'dns example.org'")
    );
    let denied = denial(a.decide(
        &Effect::Kv {
            namespace: "notes",
            write: true,
        },
        0,
    ));
    assert!(denied.nearest.unwrap().why.contains("case"));
    assert_eq!(
        word(&a.decide(
            &Effect::Dns {
                name: "x.EXAMPLE.com"
            },
            0
        )),
        "no_grant"
    );
    assert_eq!(
        word(&a.decide(
            &Effect::Dns {
                name: "x.example.com"
            },
            0
        )),
        "allowed g1"
    );
}

/// The promise of microseconds, with a wide margin for a busy machine and an unoptimised build.
#[test]
fn deciding_is_quick() {
    let mut grants: Vec<String> = (0..20)
        .map(|i| format!("http GET https://h{i}.example.com/v1/**/x*"))
        .collect();
    grants.push(
        "fs.write /home/me/p at /project except **/.env .git/** **/node_modules/** *.pem"
            .to_owned(),
    );
    let texts: Vec<&str> = grants.iter().map(String::as_str).collect();
    let a = authority(Some(&["http * *", "fs.full * at *"]), &texts);
    let url = url("https://h19.example.com/v1/a/b/c/d/xyz");
    let rounds = 1000;
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        assert!(
            a.decide(
                &Effect::Http {
                    method: "GET",
                    url: &url
                },
                0
            )
            .is_allowed()
        );
        let file = Effect::Fs {
            op: crate::FsOp::Read,
            guest_mount: "/project",
            path: "src/a/b/c.rs",
        };
        assert!(a.decide(&file, 0).is_allowed());
    }
    let each = start.elapsed() / (2 * rounds);
    assert!(each.as_micros() < 200, "{each:?}");
}
