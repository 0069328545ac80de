//! Taking a grant away never allows more, and adding a denial never allows more.
//!
//! Under three conditions, which are what the words mean. A grant is a rule that allows: taking an `ask` away
//! can turn a question into a yes. One guest path has one directory: taking one of two conflicting mounts away
//! lets the other be seen. And no grant names a credential that nobody has defined: such a one is preferred,
//! and denies.

use super::*;
use crate::socket::{Direction, Protocol};
use crate::{FsOp, RuleEffect, RuntimeGrant};
use proptest::prelude::*;
use std::net::IpAddr;

const GRANTS: [&str; 20] = [
    "env A",
    "env *",
    "kv n",
    "kv nm",
    "fs.read /h at /p",
    "fs.create /h at /p except x/**",
    "fs.write /h at /p except **/.env",
    "fs.full /h at /p except x/** **/.env",
    "fs.full /o at /q",
    "fs.read /h/.git/hooks at /hooks",
    "http GET https://a.b/*",
    "http * https://**.b/**",
    "http POST https://a.b:8443/v1/**",
    "http GET http://10.0.0.1/**",
    "tcp connect 10.0.0.0/8:443",
    "tcp connect 0.0.0.0/0:*",
    "udp connect 192.0.2.1:53",
    "tcp bind 127.0.0.1:0",
    "dns a.b",
    "dns **.b",
];
const DENIALS: [&str; 10] = [
    "env A",
    "kv *",
    "fs.write * at *",
    "fs.full * at /p except y/**",
    "http * https://a.b/**",
    "http POST *",
    "tcp connect *:*",
    "udp connect *:53",
    "tcp bind *:*",
    "dns *",
];

/// What is attempted. Requests are kept as texts, so that effects can borrow them.
fn attempts(authority: &Authority) -> Vec<bool> {
    let urls = [
        "https://a.b/x",
        "https://c.a.b/v1/y",
        "https://a.b:8443/v1/z",
        "http://10.0.0.1/",
    ];
    let urls = urls.map(url);
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let mut effects = vec![
        Effect::Env { name: "A" },
        Effect::Env { name: "B" },
        Effect::Kv {
            namespace: "n",
            write: false,
        },
        Effect::Kv {
            namespace: "nm",
            write: true,
        },
        Effect::Dns { name: "a.b" },
        Effect::Dns { name: "c.a.b" },
    ];
    for (mount, path) in [
        ("/p", "z"),
        ("/p", "x/y"),
        ("/p", ".env"),
        ("/p", "y/.git/hooks/c"),
        ("/q", "z"),
        ("/hooks", "c"),
    ] {
        for op in [
            FsOp::Read,
            FsOp::List,
            FsOp::Create,
            FsOp::Write,
            FsOp::Delete,
        ] {
            effects.push(Effect::Fs {
                op,
                guest_mount: mount,
                path,
            });
        }
    }
    for url in &urls {
        for method in ["GET", "POST"] {
            effects.push(Effect::Http { method, url });
        }
        for to in ["10.0.0.1", "93.184.216.34", "169.254.169.254", "127.0.0.1"] {
            effects.push(Effect::HttpAddress {
                url,
                address: address(to),
            });
        }
    }
    for (proto, direction) in [
        (Protocol::Tcp, Direction::Connect),
        (Protocol::Udp, Direction::Connect),
        (Protocol::Tcp, Direction::Bind),
    ] {
        for target in [
            "10.0.0.1:443",
            "169.254.169.254:80",
            "93.184.216.34:443",
            "192.0.2.1:53",
            "127.0.0.1:0",
        ] {
            effects.push(Effect::Socket {
                proto,
                direction,
                target,
            });
        }
    }
    effects
        .iter()
        .map(|effect| authority.decide(effect, 0).is_allowed())
        .collect()
}

fn rules(grants: &[&str], denials: &[&str]) -> Vec<RuntimeGrant> {
    let mut all = runtime(grants);
    all.extend(denials.iter().enumerate().map(|(i, text)| {
        let mut rule = RuntimeGrant::allow(format!("d{i}"), "p", text.parse().unwrap());
        rule.effect = RuleEffect::Deny;
        rule
    }));
    all
}

proptest! {
    #[test]
    fn a_grant_less_or_a_denial_more_never_allows_more(
        grants in prop::sample::subsequence(GRANTS.to_vec(), 0..=GRANTS.len()),
        denials in prop::sample::subsequence(DENIALS.to_vec(), 0..3),
        gone in any::<prop::sample::Index>(),
        more in prop::sample::select(DENIALS.to_vec()),
    ) {
        let before = attempts(&with_runtime(None, &rules(&grants, &denials)));
        if !grants.is_empty() {
            let mut fewer = grants.clone();
            let gone = fewer.remove(gone.index(fewer.len()));
            let after = attempts(&with_runtime(None, &rules(&fewer, &denials)));
            for (at, (before, after)) in before.iter().zip(&after).enumerate() {
                prop_assert!(*before || !*after, "without {gone}, effect {at} is allowed");
            }
        }
        let mut stricter = denials.clone();
        stricter.push(more);
        let after = attempts(&with_runtime(None, &rules(&grants, &stricter)));
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            prop_assert!(*before || !*after, "with {more} denied, effect {at} is allowed");
        }
    }
}

#[test]
fn the_property_has_something_to_say() {
    let all = attempts(&with_runtime(None, &rules(&GRANTS, &[])));
    let allowed = all.iter().filter(|allowed| **allowed).count();
    assert!(
        allowed >= 30 && allowed < all.len(),
        "{allowed} of {}",
        all.len()
    );
}
