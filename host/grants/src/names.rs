//! The capabilities `env NAME`, `kv NAMESPACE` and `dns NAME-PATTERN`.

use crate::fault::{CapabilityError, Fault, excerpt};
use crate::host::HostPattern;
use crate::words::{Word, quote_word};
use std::fmt;

/// The most bytes of a name of a variable, namespace, plugin or credential.
pub const NAME_BYTES_MAX: usize = 128;

/// A name, or `*` for any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NamePattern {
    /// `*`: any. In needs and in rules that deny, never in a grant.
    Any,
    /// Exactly this one.
    Exact(String),
}

impl NamePattern {
    /// Whether `name` is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(own) => own == name,
        }
    }

    /// Reads a name: visible ASCII without `=`, `*` and quotes.
    pub(crate) fn parse(text: &str, what: &str) -> Result<Self, Fault> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let valid = (1..=NAME_BYTES_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b'=' | b'*' | b'\'' | b'"' | b'\\'));
        if valid {
            return Ok(Self::Exact(text.to_owned()));
        }
        Err(Fault::new(
            format!("`{}` is not a {what}", excerpt(text)),
            format!(
                "write one exact name of at most {NAME_BYTES_MAX} visible characters without `=`, `*` and quotes"
            ),
        ))
    }

    fn grantable(&self, what: &str) -> Result<(), Fault> {
        match self {
            Self::Any => Err(Fault::new(
                format!("`*` for a {what} is only for needs and rules that deny"),
                "write one grant per name",
            )),
            Self::Exact(_) => Ok(()),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(name) => f.write_str(&quote_word(name)),
        }
    }
}

/// Whether `text` may name a plugin or a credential: letters, digits and `. _ : -`, a letter or digit first.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

fn only<'w>(
    words: &'w [Word],
    kind: &str,
    example: &str,
    end: usize,
) -> Result<&'w Word, CapabilityError> {
    let usage = || {
        Fault::new(
            format!("`{kind}` takes exactly one word"),
            format!("write it such as `{kind} {example}`"),
        )
    };
    match words {
        [word] => Ok(word),
        [] => Err(usage().at(0..end)),
        [_, more, ..] => Err(usage().at(more.at.start..end)),
    }
}

/// One variable of the host's environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnvCapability {
    /// Its name.
    pub name: NamePattern,
}

impl EnvCapability {
    pub(crate) fn parse(words: &[Word], end: usize) -> Result<Self, CapabilityError> {
        let word = only(words, "env", "LANG", end)?;
        let name =
            NamePattern::parse(&word.text, "variable's name").map_err(|f| f.at(word.at.clone()))?;
        Ok(Self { name })
    }

    pub(crate) fn grantable(&self) -> Result<(), Fault> {
        self.name.grantable("variable")
    }
}

impl fmt::Display for EnvCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "env {}", self.name)
    }
}

/// One namespace of the key-value store, for reading and writing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KvCapability {
    /// Its name.
    pub namespace: NamePattern,
}

impl KvCapability {
    pub(crate) fn parse(words: &[Word], end: usize) -> Result<Self, CapabilityError> {
        let word = only(words, "kv", "notes", end)?;
        let namespace =
            NamePattern::parse(&word.text, "namespace").map_err(|f| f.at(word.at.clone()))?;
        Ok(Self { namespace })
    }

    pub(crate) fn grantable(&self) -> Result<(), Fault> {
        self.namespace.grantable("namespace")
    }
}

impl fmt::Display for KvCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kv {}", self.namespace)
    }
}

/// Names that may be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DnsCapability {
    /// The names.
    pub name: HostPattern,
}

impl DnsCapability {
    pub(crate) fn parse(words: &[Word], end: usize) -> Result<Self, CapabilityError> {
        let word = only(words, "dns", "**.example.com", end)?;
        if word.text == "*" {
            return Ok(Self {
                name: HostPattern::Any,
            });
        }
        let name = HostPattern::parse(&word.text).map_err(|f| f.at(word.at.clone()))?;
        Ok(Self { name })
    }

    pub(crate) fn grantable(&self) -> Result<(), Fault> {
        if self.name == HostPattern::Any {
            return Err(Fault::new(
                "`*` for a name is only for needs and rules that deny: data can leave in a lookup",
                "write `dns example.com` or `dns **.example.com`",
            ));
        }
        Ok(())
    }
}

impl fmt::Display for DnsCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dns {}", self.name)
    }
}
