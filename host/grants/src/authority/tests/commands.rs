//! The promise of every command: it is one line, a shell reads it as exactly the words that we mean, and
//! run verbatim it makes the same effect pass, whatever the plugin chose as its target.

use super::*;
use crate::{Direction, FsAccess, FsOp, Protocol};
use proptest::prelude::*;

/// Runs a command as an operator would, and decides the same effect again.
fn rerun(
    needs: Option<&[&str]>,
    grants: &[RuntimeGrant],
    layers: &[PolicyFile],
    effect: &Effect<'_>,
    command: &str,
) -> Decision {
    assert!(!command.chars().any(crate::fault::disturbs), "{command:?}");
    let words = shlex::split(command).unwrap();
    let [tollgate, grant, add, plugin, capability] = words.as_slice() else {
        panic!("{words:?}");
    };
    assert_eq!(
        [tollgate, grant, add, plugin],
        ["tollgate", "grant", "add", "p"]
    );
    let mut more = grants.to_vec();
    let mut added = RuntimeGrant::allow("new", "p", capability.parse().unwrap());
    added.created_us = 1;
    more.push(added);
    Authority::new(AuthorityInput {
        needs: self::needs(needs),
        layers,
        runtime: &more,
        ..AuthorityInput::new("p")
    })
    .unwrap()
    .decide(effect, 0)
}

/// Decides under `grants`; a denial with a command must be cured by it.
fn check(grants: &[&str], effect: &Effect<'_>) -> Option<String> {
    let layers = [file(
        Layer::User,
        "[credentials.k]\nsource = \"env:K\"\ninject = { header = \"a\", value = \"{}\" }",
    )];
    let runtime = runtime(grants);
    let a = Authority::new(AuthorityInput {
        needs: Needs::Any,
        layers: &layers,
        runtime: &runtime,
        ..AuthorityInput::new("p")
    })
    .unwrap();
    let command = denial_command(&a.decide(effect, 0))?;
    let again = rerun(None, &runtime, &layers, effect, &command);
    assert!(again.is_allowed(), "{command}: {again:?}");
    Some(command)
}

fn denial_command(decision: &Decision) -> Option<String> {
    decision.denial().and_then(|d| d.command.clone())
}

const GRANTS: [&str; 6] = [
    "http POST https://a.b/v1/* with k",
    "http GET https://**.b/**",
    "fs.read '/home/it'\\''s \"me\"' at '/my p' except **/.env 'a b/**'",
    "fs.create '/home/it'\\''s \"me\"' at '/my p' except docs/**",
    "env LANG",
    "tcp connect 10.0.0.0/8:80",
];

#[test]
fn every_kind_has_a_command_that_works() {
    let (u, v4, v6) = (
        url("https://x.b/it's/*"),
        "10.1.1.1".parse().unwrap(),
        "fd00::1".parse().unwrap(),
    );
    let socket = |target| Effect::Socket {
        proto: Protocol::Udp,
        direction: Direction::Bind,
        target,
    };
    let effects = [
        (
            Effect::Http {
                method: "DELETE",
                url: &u,
            },
            r"tollgate grant add p 'http DELETE '\''https://x.b/it'\''\'\'''\''s/\*'\'''",
        ),
        (
            Effect::HttpAddress {
                url: &u,
                address: v4,
            },
            "tollgate grant add p 'tcp connect 10.1.1.1:443'",
        ),
        (
            Effect::HttpAddress {
                url: &u,
                address: v6,
            },
            "tollgate grant add p 'tcp connect [fd00::1]:443'",
        ),
        (
            socket("0.0.0.0:0"),
            "tollgate grant add p 'udp bind 0.0.0.0:0'",
        ),
        (
            Effect::Env { name: "PATH" },
            "tollgate grant add p 'env PATH'",
        ),
        (
            Effect::Kv {
                namespace: "n",
                write: true,
            },
            "tollgate grant add p 'kv n'",
        ),
        (
            Effect::Dns { name: "a.b" },
            "tollgate grant add p 'dns a.b'",
        ),
    ];
    for (effect, want) in effects {
        assert_eq!(check(&GRANTS, &effect).as_deref(), Some(want));
    }
}

#[test]
fn what_no_grant_could_name_has_no_command() {
    let u = url("https://x.c/");
    let long = url(&format!("https://x.c/{}", "a".repeat(4000)));
    let deep = url(&format!("https://x.c{}", "/a".repeat(40)));
    for effect in [
        Effect::Http {
            method: "GET\n",
            url: &u,
        },
        Effect::Http {
            method: "*",
            url: &u,
        },
        Effect::Http {
            method: "get",
            url: &u,
        },
        Effect::Http {
            method: "GET",
            url: &long,
        },
        Effect::Http {
            method: "GET",
            url: &deep,
        },
        Effect::Env { name: "A=B" },
        Effect::Env { name: "*" },
        Effect::Env {
            name: "'; rm -rf /; '",
        },
        Effect::Kv {
            namespace: "\u{1b}[2J",
            write: false,
        },
        Effect::Dns { name: "$(x).b" },
        Effect::Socket {
            proto: Protocol::Tcp,
            direction: Direction::Connect,
            target: "1.1.1.1:0",
        },
        Effect::Socket {
            proto: Protocol::Tcp,
            direction: Direction::Connect,
            target: "a.b:80",
        },
    ] {
        assert_eq!(check(&GRANTS, &effect), None, "{effect:?}");
    }
    let odd = Authority::new(AuthorityInput {
        needs: Needs::Any,
        ..AuthorityInput::new("-p; x")
    })
    .unwrap();
    assert_eq!(
        denial_command(&odd.decide(&Effect::Env { name: "A" }, 0)),
        None
    );
}

proptest! {
    #[test]
    fn a_request_cannot_break_out(
        method in prop_oneof!["[A-Z]{1,4}", "[ -~\n]{0,6}"],
        host in prop_oneof![Just("a.b"), Just("x.b"), Just("evil.c"), Just("[::1]")],
        path in r#"(/[a-zA-Z0-9*'"$`!;&|()<>#~%25. \n\\]{0,8}){1,3}"#,
        query in prop::option::of("[!-~]{0,8}"),
    ) {
        let target = match query { Some(q) => format!("{path}?{q}"), None => path };
        if let Ok(url) = RequestUrl::parse("https", host, &target) {
            check(&GRANTS, &Effect::Http { method: &method, url: &url });
        }
    }

    #[test]
    fn names_cannot_break_out(name in prop_oneof!["[ -~]{0,12}", "[a-z.'$]{1,8}", any::<String>()]) {
        check(&GRANTS, &Effect::Env { name: &name });
        check(&GRANTS, &Effect::Kv { namespace: &name, write: true });
        check(&GRANTS, &Effect::Dns { name: &name });
        check(&GRANTS, &Effect::Socket { proto: Protocol::Tcp, direction: Direction::Connect, target: &name });
    }

    #[test]
    fn paths_cannot_break_out(op in prop::sample::select(FsOp::ALL.to_vec()), path in prop_oneof!["[a-z./ '\n]{0,12}", "docs/[a-z]{1,3}", any::<String>()]) {
        let effect = Effect::Fs { op, guest_mount: "/my p", path: &path };
        let command = check(&GRANTS, &effect);
        let safe = crate::fs::is_normal(&path) && op.required() >= FsAccess::Write;
        let open = !path.split('/').any(|s| matches!(s, ".env" | "a b"));
        let dotted = path.contains('.');
        prop_assert!(!(safe && open && !dotted) || command.is_some(), "{:?} {:?}", op, path);
        check(&GRANTS, &Effect::FsOutside { op, path: &path });
    }

    #[test]
    fn every_socket_has_a_command(v6 in any::<bool>(), bits in any::<u128>(), port in 1u16..) {
        let ip: std::net::IpAddr = if v6 { std::net::Ipv6Addr::from(bits).into() } else { std::net::Ipv4Addr::from(bits as u32).into() };
        let target = std::net::SocketAddr::new(ip, port).to_string();
        let effect = Effect::Socket { proto: Protocol::Udp, direction: Direction::Connect, target: &target };
        prop_assert!(check(&GRANTS, &effect).is_some());
        let url = RequestUrl::parse("https", &format!("x.b:{port}"), "/").unwrap();
        let grants = ["http GET https://x.b:*/"];
        check(&grants, &Effect::HttpAddress { url: &url, address: ip });
    }

    /// Nothing passes that neither the same rules alone nor the needs alone would let pass.
    #[test]
    fn more_needs_or_fewer_denies_never_take_away(
        grants in prop::collection::vec(prop::sample::select(vec!["env A", "env B", "kv n", "fs.read /h at /p", "fs.full /h at /p except x/**", "http GET https://a.b/*"]), 0..5),
        deny in prop::option::of(prop::sample::select(vec!["env *", "fs.write * at *", "http * https://a.b/**"])),
        needs in prop::collection::vec(prop::sample::select(vec!["env *", "env A", "fs.read * at *", "fs.full * at /p", "http GET *"]), 0..4),
        pick in 0usize..6,
    ) {
        let u = url("https://a.b/x");
        let effects = [
            Effect::Env { name: "A" },
            Effect::Env { name: "B" },
            Effect::Fs { op: FsOp::Read, guest_mount: "/p", path: "x/y" },
            Effect::Fs { op: FsOp::Write, guest_mount: "/p", path: "z" },
            Effect::Http { method: "GET", url: &u },
            Effect::Kv { namespace: "n", write: false },
        ];
        let mut all = runtime(&grants);
        let open = with_runtime(None, &all).decide(&effects[pick], 0);
        if let Some(text) = deny {
            let mut rule = RuntimeGrant::allow("deny", "p", text.parse().unwrap());
            rule.effect = crate::RuleEffect::Deny;
            all.push(rule);
        }
        let bound = with_runtime(Some(&needs), &all).decide(&effects[pick], 0);
        prop_assert!(!bound.is_allowed() || open.is_allowed());
        if let Some(command) = denial_command(&bound) {
            prop_assert!(rerun(Some(&needs), &all, &[], &effects[pick], &command).is_allowed(), "{}", command);
        }
    }
}
