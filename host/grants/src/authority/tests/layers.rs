//! Layers, standing and scopes of grants.

use super::*;
use crate::{RuleEffect, Scope};

fn grant(change: impl FnOnce(&mut RuntimeGrant)) -> Vec<RuntimeGrant> {
    let mut grants = runtime(&["env A"]);
    change(&mut grants[0]);
    grants
}

#[test]
fn deny_beats_ask_beats_allow_whatever_the_layer() {
    let rules = ["\"env A\"", "{ allow = \"env A\", decision = \"ask\" }"];
    let layers = [Layer::Managed, Layer::User, Layer::Project];
    for (i, high) in layers.iter().enumerate() {
        for low in layers.iter().skip(i + 1) {
            for (first, second) in [(high, low), (low, high)] {
                let lines = |rule: &str| format!("[plugins.p]\ngrants = [{rule}]");
                let ask = with_layers(&[
                    file(*first, &lines(rules[0])),
                    file(*second, &lines(rules[1])),
                ]);
                assert_eq!(env(&ask, "A"), format!("asked {second}:p:1"));
                let deny = with_layers(&[
                    file(*first, &lines(rules[1])),
                    file(*second, &lines("{ deny = \"env *\" }")),
                ]);
                assert_eq!(env(&deny, "A"), "denied_by_rule");
            }
        }
    }
}

#[test]
fn only_a_grant_for_one_use_answers_an_ask() {
    let ask = file(
        Layer::Managed,
        "[plugins.p]\ngrants = [{ allow = \"env A\", decision = \"ask\" }]",
    );
    let decide = |scope: Scope| {
        let runtime = grant(|g| g.scope = scope);
        let a = Authority::new(AuthorityInput {
            needs: Needs::Any,
            layers: std::slice::from_ref(&ask),
            runtime: &runtime,
            ..AuthorityInput::new("p")
        })
        .unwrap();
        a.decide(&Effect::Env { name: "A" }, 0)
    };
    assert_eq!(word(&decide(Scope::Always)), "asked managed:p:1");
    let Decision::Allowed(allowed) = decide(Scope::Once) else {
        panic!()
    };
    assert!(allowed.counted && allowed.grant.as_str() == "g0");
}

#[test]
fn an_unattended_ask_says_which_rule() {
    let a = policy("grants = [{ allow = \"env A\", decision = \"ask\" }]");
    let Decision::Asked(asked) = a.decide(&Effect::Env { name: "A" }, 0) else {
        panic!()
    };
    let denied = a.unattended(&asked);
    assert_eq!(
        (denied.reason, denied.command),
        (Reason::AskUnattended, None)
    );
    assert_eq!(denied.nearest.unwrap().capability, "env A");
    assert_eq!(
        a.capability_for(&Effect::Env { name: "A" })
            .unwrap()
            .to_string(),
        "env A"
    );
}

#[test]
fn a_void_grant_says_why_and_can_be_given_again() {
    for (grants, reason) in [
        (grant(|g| g.expires_us = Some(5)), Reason::Expired),
        (grant(|g| g.revoked_us = Some(5)), Reason::Revoked),
        (
            grant(|g| (g.uses_max, g.uses) = (Some(2), 2)),
            Reason::UsesExhausted,
        ),
        (
            grant(|g| (g.scope, g.uses) = (Scope::Once, 1)),
            Reason::UsesExhausted,
        ),
        (
            grant(|g| g.plugin_digest = Some("sha256:1".into())),
            Reason::NoGrant,
        ),
    ] {
        let denied = denial(with_runtime(None, &grants).decide(&Effect::Env { name: "A" }, 10));
        assert_eq!(denied.reason, reason);
        assert_eq!(denied.nearest.unwrap().grant.as_str(), "g0");
        assert_eq!(
            denied.command.as_deref(),
            Some("tollgate grant add p 'env A'")
        );
    }
    let a = with_runtime(None, &grant(|g| g.expires_us = Some(5)));
    assert!(a.decide(&Effect::Env { name: "A" }, 4).is_allowed());
    assert!(!a.decide(&Effect::Env { name: "A" }, 5).is_allowed());
}

#[test]
fn scopes_reach_their_session_and_project_only() {
    let decide = |scope: Scope, plugin: &str| {
        let runtime = grant(|g| g.scope = scope);
        Authority::new(AuthorityInput {
            session: "s1",
            project: Some("pr1"),
            needs: Needs::Any,
            runtime: &runtime,
            ..AuthorityInput::new(plugin)
        })
        .map(|a| env(&a, "A"))
        .unwrap()
    };
    assert_eq!(decide(Scope::Session("s1".into()), "p"), "allowed g0");
    assert_eq!(decide(Scope::Session("s2".into()), "p"), "no_grant");
    assert_eq!(decide(Scope::Project("pr1".into()), "p"), "allowed g0");
    assert_eq!(decide(Scope::Project("pr2".into()), "p"), "no_grant");
    assert_eq!(decide(Scope::Always, "q"), "no_grant");
}

#[test]
fn a_runtime_deny_wins_until_it_ends() {
    let mut grants = runtime(&["env A", "env *"]);
    grants[1].effect = RuleEffect::Deny;
    grants[1].expires_us = Some(5);
    let a = with_runtime(None, &grants);
    assert_eq!(
        word(&a.decide(&Effect::Env { name: "A" }, 0)),
        "denied_by_rule"
    );
    assert_eq!(word(&a.decide(&Effect::Env { name: "A" }, 5)), "allowed g0");
    grants[1].effect = RuleEffect::Allow;
    let a = with_runtime(None, &grants);
    assert!(
        a.refused()[0].reason.contains("rules that deny"),
        "{:?}",
        a.refused()
    );
}

#[test]
fn an_expired_mount_frees_its_guest_path() {
    let mut grants = runtime(&["fs.read /a at /p", "fs.read /b at /p"]);
    grants[0].expires_us = Some(5);
    grants[1].created_us = 6;
    let build = |now_us: i64| {
        Authority::new(AuthorityInput {
            needs: Needs::Any,
            runtime: &grants,
            now_us,
            ..AuthorityInput::new("p")
        })
        .unwrap()
    };
    assert_eq!(build(4).mounts()[0].host.to_str(), Some("/a"));
    assert_eq!(build(10).mounts()[0].host.to_str(), Some("/b"));
    let alone = Authority::new(AuthorityInput {
        needs: Needs::Any,
        runtime: &grants[..1],
        now_us: 10,
        ..AuthorityInput::new("p")
    })
    .unwrap();
    let denied = denial(alone.decide(
        &Effect::FsOutside {
            op: crate::FsOp::Read,
            path: "/p/x",
        },
        10,
    ));
    assert_eq!(denied.reason, Reason::Expired);
    assert_eq!(
        denied.command.as_deref(),
        Some("tollgate grant add p 'fs.read /a at /p'")
    );
}

#[test]
fn a_pinned_digest_voids_what_allows_and_keeps_what_denies() {
    let pin = format!("digest = \"sha256:{}\"\n", "0".repeat(64));
    let layers = [file(
        Layer::User,
        &format!("[plugins.p]\n{pin}grants = [\"env A\", {{ deny = \"env B\" }}]"),
    )];
    let with = |plugin_digest: &str| {
        Authority::new(AuthorityInput {
            plugin_digest,
            needs: Needs::Any,
            layers: &layers,
            ..AuthorityInput::new("p")
        })
        .unwrap()
    };
    let right = with(&format!("sha256:{}", "0".repeat(64)));
    assert_eq!(
        (env(&right, "A"), env(&right, "B")),
        ("allowed user:p:1".into(), "denied_by_rule".into())
    );
    let wrong = with("sha256:1");
    assert_eq!(
        (env(&wrong, "A"), env(&wrong, "B")),
        ("no_grant".into(), "denied_by_rule".into())
    );
    assert!(
        denial(wrong.decide(&Effect::Env { name: "A" }, 0))
            .nearest
            .unwrap()
            .why
            .contains("another")
    );
}

#[test]
fn limits_only_narrow() {
    let managed = file(
        Layer::Managed,
        "[defaults]\nlimits = { wall = \"20s\" }\n[plugins.p]\nlimits = { memory = \"32MiB\" }",
    );
    let user = file(
        Layer::User,
        "[defaults]\nlimits = { wall = \"25s\", effects = 5 }\n[plugins.p]\nlimits = { memory = \"64MiB\", effects = 7 }",
    );
    let limits = *with_layers(&[user, managed]).limits();
    assert_eq!(
        (limits.memory_bytes, limits.wall_us, limits.effects),
        (32 << 20, 20_000_000, 7)
    );
    assert_eq!(*with_layers(&[]).limits(), crate::CallLimits::default());
}

#[test]
fn only_a_grant_in_force_says_that_its_effects_may_be_repeated() {
    let policy = file(
        Layer::User,
        "[plugins.p]\ngrants = [{ allow = \"env A\", retryable = true }, \"env B\"]",
    );
    let says = |grant: &str, now_us: i64, change: fn(&mut RuntimeGrant)| {
        let authority = Authority::new(AuthorityInput {
            needs: Needs::Any,
            layers: std::slice::from_ref(&policy),
            runtime: &self::grant(|g| {
                g.retryable = true;
                change(g);
            }),
            ..AuthorityInput::new("p")
        });
        authority.unwrap().retryable(grant, now_us)
    };
    assert!(says("user:p:1", 0, |_| {}) && says("g0", 0, |_| {}));
    assert!(!says("user:p:2", 0, |_| {}) && !says("g1", 0, |_| {}));
    assert!(!says("g0", 0, |g| g.retryable = false));
    assert!(!says("g0", 0, |g| g.revoked_us = Some(1)));
    assert!(!says("g0", 0, |g| g.effect = RuleEffect::Deny));
    assert!(!says("g0", 9, |g| g.expires_us = Some(9)));
    assert!(says("g0", 8, |g| g.expires_us = Some(9)));
}
