//! Capabilities: a kind of effect and a pattern of targets, in one grammar.
//!
//! ```text
//! fs.ACCESS HOST-PATH at GUEST-PATH [except GLOB…]      ACCESS = read | create | write | full
//! http METHOD URL-PATTERN [with CREDENTIAL]
//! tcp|udp connect|bind HOST:PORT
//! env NAME        kv NAMESPACE        dns NAME-PATTERN
//! ```
//!
//! Words are a POSIX shell's, without expansion. The same text stands in policy files, on the command
//! line, in denials and in records.
//!
//! Invariant: `Display` writes what `FromStr` reads back as an equal value.

use crate::fault::{CapabilityError, Fault, excerpt};
use crate::fs::{FsAccess, FsCapability};
use crate::http::HttpCapability;
use crate::names::{DnsCapability, EnvCapability, KvCapability};
use crate::socket::{Protocol, SocketCapability};
use crate::words;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A kind of effect and a pattern of targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Capability {
    /// `fs.ACCESS …`
    Fs(FsCapability),
    /// `http …`
    Http(HttpCapability),
    /// `tcp …`, `udp …`
    Socket(SocketCapability),
    /// `env …`
    Env(EnvCapability),
    /// `kv …`
    Kv(KvCapability),
    /// `dns …`
    Dns(DnsCapability),
}

impl Capability {
    /// The same with a host path made absolute from `base`: the policy file's directory, or the
    /// operator's working directory for one typed on the command line.
    pub fn resolved(self, base: &Path) -> Self {
        match self {
            Self::Fs(fs) => Self::Fs(fs.resolved(base)),
            other => other,
        }
    }

    /// Whether the capability may be granted: it names its targets, and could match an effect.
    pub fn grantable(&self) -> Result<(), Fault> {
        match self {
            Self::Fs(c) => c.grantable(),
            Self::Http(c) => c.grantable(),
            Self::Socket(c) => c.grantable(),
            Self::Env(c) => c.grantable(),
            Self::Kv(c) => c.grantable(),
            Self::Dns(c) => c.grantable(),
        }
    }

    /// Whether the capability may stand in a rule that denies: `*` is welcome there.
    pub fn deniable(&self) -> Result<(), Fault> {
        match self {
            Self::Http(c) if c.credential.is_some() => Err(Fault::new(
                "a rule that denies adds no credential",
                "leave `with …` out",
            )),
            Self::Socket(c) => c.host.matchable(),
            _ => Ok(()),
        }
    }

    /// The kind: `fs`, `http`, `tcp`, `udp`, `env`, `kv` or `dns`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Fs(_) => "fs",
            Self::Http(_) => "http",
            Self::Socket(c) => c.protocol.as_str(),
            Self::Env(_) => "env",
            Self::Kv(_) => "kv",
            Self::Dns(_) => "dns",
        }
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = words::split(text)?;
        let end = text.len();
        let Some((kind, rest)) = words.split_first() else {
            return Err(unknown("").at(0..end));
        };
        match kind.text.as_str() {
            "http" => HttpCapability::parse(rest, end).map(Self::Http),
            "tcp" => SocketCapability::parse(Protocol::Tcp, rest, end).map(Self::Socket),
            "udp" => SocketCapability::parse(Protocol::Udp, rest, end).map(Self::Socket),
            "env" => EnvCapability::parse(rest, end).map(Self::Env),
            "kv" => KvCapability::parse(rest, end).map(Self::Kv),
            "dns" => DnsCapability::parse(rest, end).map(Self::Dns),
            other => {
                let access = other
                    .strip_prefix("fs.")
                    .and_then(|a| {
                        FsAccess::ALL
                            .into_iter()
                            .find(|access| access.as_str() == a)
                    })
                    .ok_or_else(|| unknown(other).at(kind.at.clone()))?;
                FsCapability::parse(access, rest, end).map(Self::Fs)
            }
        }
    }
}

fn unknown(kind: &str) -> Fault {
    let message = match kind {
        "" => "the capability is empty".to_owned(),
        _ => format!("`{}` is not a kind of capability", excerpt(kind)),
    };
    let help = match kind {
        "fs" | "file" | "read" | "write" | "fs.rw" | "fs.all" | "fs.delete" => {
            "write fs.read, fs.create, fs.write or fs.full"
        }
        "https" | "GET" | "POST" | "url" | "net" | "network" => {
            "write `http METHOD URL-PATTERN`, such as `http GET https://example.com/**`"
        }
        _ => "it starts with fs.read, fs.create, fs.write, fs.full, http, tcp, udp, env, kv or dns",
    };
    Fault::new(message, help)
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fs(c) => c.fmt(f),
            Self::Http(c) => c.fmt(f),
            Self::Socket(c) => c.fmt(f),
            Self::Env(c) => c.fmt(f),
            Self::Kv(c) => c.fmt(f),
            Self::Dns(c) => c.fmt(f),
        }
    }
}

impl TryFrom<String> for Capability {
    type Error = CapabilityError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::quote_word;
    use proptest::prelude::*;

    /// Texts that reach every branch of the grammar; `None` where a part happens to be invalid.
    pub(crate) fn texts() -> impl Strategy<Value = String> {
        let path = "[ -~é]{1,12}";
        let fs = (
            prop::sample::select(FsAccess::ALL.to_vec()),
            path,
            "(/[a-z' ]{1,4}){1,3}",
            prop::collection::vec(r"[a-z*?/.'\\]{1,8}", 0..3),
        )
            .prop_map(|(access, host, guest, except)| {
                let mut text = format!(
                    "fs.{access} {} at {}",
                    quote_word(&host),
                    quote_word(&guest)
                );
                for (i, glob) in except.iter().enumerate() {
                    text.push_str(if i == 0 { " except " } else { " " });
                    text.push_str(&quote_word(glob));
                }
                text
            });
        let http = (
            "[A-Z*]{1,5}",
            prop_oneof![
                Just("a.b"),
                Just("*.a.b"),
                Just("**.a"),
                Just("[::1]"),
                Just("127.0.0.1")
            ],
            prop::option::of(prop_oneof![Just("443"), Just("80"), Just("*"), Just("9")]),
            r"(/[a-z*.'%2A:\\]{0,5}){1,3}",
            prop::option::of("[a-z=*&]{0,5}"),
            prop::option::of("[a-z][a-z0-9]{0,5}"),
        )
            .prop_map(|(method, host, port, path, query, with)| {
                let port = port.map_or(String::new(), |p| format!(":{p}"));
                let query = query.map_or(String::new(), |q| format!("?{q}"));
                let with = with.map_or(String::new(), |w| format!(" with {w}"));
                format!(
                    "http {method} {}{with}",
                    quote_word(&format!("https://{host}{port}{path}{query}"))
                )
            });
        let socket = (
            prop_oneof![
                Just("tcp connect"),
                Just("udp bind"),
                Just("tcp bind"),
                Just("udp connect")
            ],
            prop_oneof![
                Just("1.2.3.4"),
                Just("[::1]"),
                Just("10.0.0.0/8"),
                Just("[fd00::/8]"),
                Just("*"),
                Just("localhost"),
                Just("[::ffff:1.2.3.4]")
            ],
            prop_oneof![Just("*"), Just("0"), Just("65535")],
        )
            .prop_map(|(kind, host, port)| format!("{kind} {host}:{port}"));
        let names = (
            prop_oneof![Just("env"), Just("kv"), Just("dns")],
            "[!-~]{1,8}",
        )
            .prop_map(|(kind, name)| format!("{kind} {}", quote_word(&name)));
        prop_oneof![fs, http, socket, names]
    }

    #[test]
    fn the_designs_examples_are_read_and_written_alike() {
        for text in [
            "fs.read . at /project except **/.env .git/**",
            "fs.create out at /out",
            "fs.full 'my dir' at /d",
            "http POST https://api.openai.com/v1/* with openai",
            "http GET https://*.wikipedia.org/**",
            "http * http://localhost:*/**",
            "http GET *",
            "fs.read * at *",
            "tcp connect [::1]:443",
            "udp bind 0.0.0.0:*",
            "env LANG",
            "kv notes",
            "dns **.example.com",
        ] {
            assert_eq!(text.parse::<Capability>().unwrap().to_string(), text);
        }
        let capability: Capability = "http GET https://a.b:443/x".parse().unwrap();
        assert_eq!(capability.to_string(), "http GET https://a.b/x");
        let json = serde_json::to_string(&capability).unwrap();
        assert_eq!(
            serde_json::from_str::<Capability>(&json).unwrap(),
            capability
        );
    }

    #[test]
    fn errors_say_where_and_what_instead() {
        for (text, at, advice) in [
            ("", 0..0, "starts with fs.read"),
            ("fs.reed . at /p", 0..7, "starts with fs.read"),
            ("https GET https://a.b/", 0..5, "http METHOD URL-PATTERN"),
            ("fs.read .", 0..9, "fs.read HOST-PATH at GUEST-PATH"),
            ("fs.read . to /p", 10..12, "at GUEST-PATH"),
            ("fs.read . at p", 13..14, "/project"),
            ("fs.read . at /p without x", 16..25, "except GLOB"),
            ("fs.read src/** at /p", 8..14, "write the directory"),
            ("fs.read ~/x at /p", 8..11, "whole path"),
            ("fs.read . at /p except a/ b", 23..25, "a/**"),
            ("http get https://a.b/", 5..8, "upper case"),
            ("http GET localhost:8080", 9..23, "http://localhost:8080"),
            ("http GET https://a.b/ as x", 22..26, "with CREDENTIAL"),
            ("http GET https://a.b/ with ../x", 27..31, "[credentials]"),
            ("tcp listen 1.2.3.4:1", 4..10, "tcp bind"),
            ("env A B", 6..7, "env LANG"),
            ("env A=B", 4..7, "without `=`"),
            ("env LC_*", 4..8, "exact name"),
        ] {
            let error = text.parse::<Capability>().unwrap_err();
            assert_eq!(error.at(), at, "{text}: {error}");
            assert!(error.to_string().contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn a_grant_names_its_targets() {
        for bad in [
            "fs.read * at /p",
            "fs.read /p at *",
            "http GET *",
            "tcp connect *:80",
            "tcp connect example.com:80",
            "env *",
            "kv *",
            "dns *",
            "http GET http://a.b/ with k",
        ] {
            assert!(
                bad.parse::<Capability>().unwrap().grantable().is_err(),
                "{bad}"
            );
        }
        assert!(
            "http GET http://localhost/ with k"
                .parse::<Capability>()
                .unwrap()
                .grantable()
                .is_ok()
        );
        assert!(
            "http GET * with k"
                .parse::<Capability>()
                .unwrap()
                .deniable()
                .is_err()
        );
        assert!("env *".parse::<Capability>().unwrap().deniable().is_ok());
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_and_read_again(text in texts()) {
            if let Ok(capability) = text.parse::<Capability>() {
                let written = capability.to_string();
                prop_assert_eq!(written.parse::<Capability>(), Ok(capability), "{}", written);
            }
        }

        #[test]
        fn strangers_text_never_panics(text in any::<String>(), kind in prop_oneof![Just("fs.read "), Just("http GET "), Just("tcp connect "), Just("dns ")]) {
            for text in [text.clone(), format!("{kind}{text}")] {
                match text.parse::<Capability>() {
                    Ok(capability) => prop_assert_eq!(capability.to_string().parse::<Capability>(), Ok(capability)),
                    Err(error) => prop_assert!(text.get(error.at()).is_some()),
                }
            }
        }
    }
}
