//! Requests: matching, credentials, addresses, what a denial says.

use super::*;

const CREDENTIAL: &str = "[credentials.k]\nsource = \"env:K\"\ninject = { header = \"authorization\", value = \"Bearer {}\" }\n";

fn http(a: &Authority, method: &str, text: &str) -> String {
    word(&a.decide(
        &Effect::Http {
            method,
            url: &url(text),
        },
        0,
    ))
}

fn address(a: &Authority, text: &str, ip: &str) -> Decision {
    a.decide(
        &Effect::HttpAddress {
            url: &url(text),
            address: ip.parse().unwrap(),
        },
        0,
    )
}

#[test]
fn a_denial_names_every_part_that_missed_and_the_command() {
    let a = authority(
        None,
        &[
            "http GET https://other.example/**",
            "http GET https://api.example:8443/v1/*",
        ],
    );
    let denied = denial(a.decide(
        &Effect::Http {
            method: "POST",
            url: &url("https://api.example/v1/a/b?q=secret"),
        },
        0,
    ));
    assert_eq!(denied.reason, Reason::NoGrant);
    let near = denied.nearest.unwrap();
    assert_eq!(near.grant.as_str(), "g1");
    assert_eq!(
        near.why,
        "port 443 is not 8443, path /v1/a/b does not match /v1/*, method POST is not GET"
    );
    assert_eq!(
        denied.command.as_deref(),
        Some("tollgate grant add p 'http POST https://api.example/v1/a/b'")
    );
}

#[test]
fn a_credential_stays_with_its_audience() {
    let user = file(
        Layer::User,
        &format!(
            "{CREDENTIAL}[plugins.p]\ngrants = [\"http POST https://api.example/v1/* with k\"]"
        ),
    );
    let a = with_layers(&[user]);
    assert_eq!(
        http(&a, "POST", "https://api.example/v1/x"),
        "allowed user:p:1 with k"
    );
    let command = |method: &str, text: &str| {
        denial(a.decide(
            &Effect::Http {
                method,
                url: &url(text),
            },
            0,
        ))
        .command
        .unwrap()
    };
    assert_eq!(
        command("GET", "https://api.example/v1/x"),
        "tollgate grant add p 'http GET https://api.example/v1/x with k'"
    );
    for other in [
        "https://evil.example/v1/x",
        "https://api.example:8443/v1/x",
        "http://api.example/v1/x",
        "https://x.api.example/v1/x",
    ] {
        assert!(!command("POST", other).contains("with"), "{other}");
    }
}

#[test]
fn a_credential_that_is_not_defined_or_would_travel_plain_is_unavailable() {
    let a = authority(None, &["http GET https://a.b/ with nobody"]);
    let denied = denial(get(&a, "https://a.b/"));
    assert_eq!(
        (denied.reason, denied.command),
        (Reason::CredentialUnavailable, None)
    );
    let user = file(
        Layer::User,
        &format!("{CREDENTIAL}[plugins.p]\ngrants = [\"http GET http://localhost:*/** with k\"]"),
    );
    assert_eq!(
        http(&with_layers(&[user]), "GET", "http://localhost:8080/x"),
        "allowed user:p:1 with k"
    );
    let project = file(
        Layer::Project,
        "[plugins.p]\ngrants = [\"http GET https://a.b/ with k\"]",
    );
    assert_eq!(
        word(&get(
            &with_layers(std::slice::from_ref(&project)),
            "https://a.b/"
        )),
        "credential_unavailable"
    );
    let both = [project, file(Layer::User, CREDENTIAL)];
    assert_eq!(
        word(&get(&with_layers(&both), "https://a.b/")),
        "allowed project:p:1 with k"
    );
}

#[test]
fn a_grant_with_a_credential_is_preferred() {
    let user = file(
        Layer::User,
        &format!(
            "{CREDENTIAL}[plugins.p]\ngrants = [\"http GET https://a.b/**\", \"http GET https://a.b/v1 with k\"]"
        ),
    );
    let a = with_layers(&[user]);
    assert_eq!(word(&get(&a, "https://a.b/v1")), "allowed user:p:2 with k");
    assert_eq!(word(&get(&a, "https://a.b/v2")), "allowed user:p:1");
}

#[test]
fn a_denied_path_cannot_be_spelled_around() {
    let a = policy(
        "grants = [\"http * https://a.b/**\", { deny = \"http * https://a.b/x:delete\" }, { deny = \"http * https://a.b/caf%C3%A9/**\" }]",
    );
    assert_eq!(http(&a, "POST", "https://a.b/x:delete"), "denied_by_rule");
    assert_eq!(http(&a, "POST", "https://a.b/x%3Adelete"), "denied_by_rule");
    assert_eq!(
        http(&a, "POST", "https://a.b/caf%C3%A9/y"),
        "denied_by_rule"
    );
    assert_eq!(http(&a, "POST", "https://a.b/x"), "allowed user:p:1");
}

#[test]
fn addresses_must_be_public_or_named() {
    let a = authority(
        None,
        &[
            "http GET https://name.example/**",
            "http GET http://localhost:*/**",
            "http GET http://10.0.0.1/**",
            "http GET http://[::1]/**",
            "http GET http://*.local.example/**",
        ],
    );
    for (text, ip, want) in [
        ("https://name.example/x", "93.184.216.34", "allowed g0"),
        ("https://name.example/x", "10.0.0.1", "address_forbidden"),
        (
            "https://name.example/x",
            "::ffff:127.0.0.1",
            "address_forbidden",
        ),
        (
            "https://name.example/x",
            "169.254.169.254",
            "address_forbidden",
        ),
        ("http://localhost:8080/x", "127.0.0.1", "allowed g1"),
        ("http://localhost:8080/x", "::1", "allowed g1"),
        ("http://localhost:8080/x", "10.0.0.1", "address_forbidden"),
        ("http://10.0.0.1/x", "10.0.0.1", "allowed g2"),
        ("http://10.0.0.1/x", "::ffff:10.0.0.1", "allowed g2"),
        ("http://10.0.0.1/x", "10.0.0.2", "address_forbidden"),
        ("http://[::1]/x", "::1", "allowed g3"),
        (
            "http://a.local.example/",
            "192.168.0.1",
            "address_forbidden",
        ),
        ("https://nobody.example/x", "93.184.216.34", "no_grant"),
    ] {
        assert_eq!(word(&address(&a, text, ip)), want, "{text} {ip}");
    }
    let denied = denial(address(&a, "https://name.example/x", "10.0.0.1"));
    assert_eq!(
        denied.command.as_deref(),
        Some("tollgate grant add p 'tcp connect 10.0.0.1:443'")
    );
    assert_eq!(
        denied.nearest.unwrap().why,
        "name.example leads to 10.0.0.1, which is private"
    );
}

#[test]
fn a_socket_rule_opens_and_closes_addresses() {
    let a = authority(
        None,
        &[
            "http GET https://name.example/**",
            "tcp connect 10.0.0.0/8:443",
        ],
    );
    assert_eq!(
        word(&address(&a, "https://name.example/x", "10.0.0.1")),
        "allowed g1"
    );
    assert_eq!(
        word(&address(&a, "https://name.example/x", "192.168.0.1")),
        "address_forbidden"
    );
    let wide = authority(
        None,
        &[
            "http GET https://name.example/**",
            "tcp connect 0.0.0.0/0:443",
        ],
    );
    for forbidden in ["10.0.0.1", "127.0.0.1", "169.254.169.254"] {
        assert_eq!(
            word(&address(&wide, "https://name.example/x", forbidden)),
            "address_forbidden"
        );
    }
    let a = policy(
        "grants = [\"http GET https://name.example/**\", { deny = \"tcp connect 93.184.0.0/16:*\" }]",
    );
    assert_eq!(
        word(&address(&a, "https://name.example/x", "93.184.216.34")),
        "denied_by_rule"
    );
    let bound = authority(
        Some(&["http GET https://name.example/**"]),
        &[
            "http GET https://name.example/**",
            "tcp connect 10.0.0.1:443",
        ],
    );
    assert_eq!(
        word(&address(&bound, "https://name.example/x", "10.0.0.1")),
        "allowed g1"
    );
}
