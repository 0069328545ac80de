//! Credentials: where the host finds a secret, and where it puts it.
//!
//! No secret is ever held here. A component never reads one: the host adds it to requests that a grant
//! `with NAME` allows, over TLS or to this machine itself.

use super::reader::{Reader, Value};
use super::{Layer, PolicyError};
use crate::fault::excerpt;
use crate::fs::absolute;
use crate::names::NamePattern;
use std::fmt;
use std::path::PathBuf;

/// Header fields that frame or route a request; no credential may set them.
const RESERVED_HEADERS: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];
/// The most bytes of a header's name or of an injected value's text.
const HEADER_BYTES_MAX: usize = 256;

/// Where a secret is, and how it is added to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRule {
    /// Where the host finds it.
    pub source: CredentialSource,
    /// Where it goes.
    pub inject: Inject,
}

/// Where the host finds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// A variable of the host's environment; never delivered to a component, whatever is granted.
    Env(String),
    /// A file; absolute. Never readable by a component, whatever is granted.
    File(PathBuf),
    /// An entry of the operator's keyring, by its name.
    Keyring(String),
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Keyring(name) => write!(f, "keyring:{name}"),
        }
    }
}

/// Where a secret goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inject {
    /// Into a header field.
    Header {
        /// Its name, lower case.
        name: String,
        /// Its value, with `{}` once for the secret.
        value: String,
    },
    /// Into a parameter of the query, behind what the component sends.
    Query {
        /// Its name, in characters that need no encoding.
        name: String,
    },
    /// Into `authorization`, as the password of this user (RFC 7617).
    Basic {
        /// The user.
        user: String,
    },
}

impl fmt::Display for Inject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { name, .. } => write!(f, "the header {name}"),
            Self::Query { name } => write!(f, "the query parameter {name}"),
            Self::Basic { user } => write!(f, "basic authentication as {user}"),
        }
    }
}

pub(super) fn read(reader: &Reader<'_>, value: &Value<'_>) -> Result<CredentialRule, PolicyError> {
    const EXAMPLE: &str = "{ source = \"env:API_KEY\", inject = { header = \"authorization\", value = \"Bearer {}\" } }";
    let table = reader.table(value, EXAMPLE)?;
    reader.only(table, &["source", "inject"])?;
    let missing = |key: &str| {
        reader.error(
            value.span(),
            format!("the credential has no `{key}`"),
            format!("write it such as {EXAMPLE}"),
        )
    };
    let source = table.get("source").ok_or_else(|| missing("source"))?;
    let inject = table.get("inject").ok_or_else(|| missing("inject"))?;
    Ok(CredentialRule {
        source: read_source(reader, source)?,
        inject: read_inject(reader, inject)?,
    })
}

fn read_source(reader: &Reader<'_>, value: &Value<'_>) -> Result<CredentialSource, PolicyError> {
    let text = reader.string(value, "\"env:API_KEY\"")?;
    let refuse = |message: String| {
        Err(reader.error(
            value.span(),
            message,
            "write `env:NAME`, `file:PATH` or `keyring:NAME`",
        ))
    };
    match text.split_once(':') {
        Some(("env", name)) => match NamePattern::parse(name, "variable's name") {
            Ok(NamePattern::Exact(name)) => Ok(CredentialSource::Env(name)),
            _ => refuse(format!("`{}` is not a variable's name", excerpt(name))),
        },
        Some(("file", path)) if !path.is_empty() && !path.starts_with('~') => {
            let path = absolute(&reader.origin.base_dir, path);
            Ok(CredentialSource::File(path.into()))
        }
        Some(("keyring", name)) if is_entry(name) => Ok(CredentialSource::Keyring(name.to_owned())),
        _ => refuse(format!(
            "source `{}` is not one that the host can read",
            excerpt(text)
        )),
    }
}

/// Whether a keyring's entry may have this name.
fn is_entry(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=HEADER_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
}

fn read_inject(reader: &Reader<'_>, value: &Value<'_>) -> Result<Inject, PolicyError> {
    const EXAMPLE: &str = "{ header = \"authorization\", value = \"Bearer {}\" }";
    let table = reader.table(value, EXAMPLE)?;
    reader.only(table, &["header", "value", "query", "basic"])?;
    let part = |key: &str| table.get(key);
    match (part("header"), part("value"), part("query"), part("basic")) {
        (Some(header), Some(template), None, None) => read_header(reader, header, template),
        (None, None, Some(query), None) => read_query(reader, query),
        (None, None, None, Some(basic)) => read_basic(reader, basic),
        _ => Err(reader
            .error(
                value.span(),
                "`inject` needs `header` and `value`, or `query`, or `basic`, and nothing else",
                format!("write it such as {EXAMPLE}"),
            )
            .help("`{ query = \"key\" }` and `{ basic = \"USER\" }` are the other ways")),
    }
}

fn read_header(
    reader: &Reader<'_>,
    header: &Value<'_>,
    template: &Value<'_>,
) -> Result<Inject, PolicyError> {
    let name = reader.string(header, "\"authorization\"")?;
    let token = (1..=HEADER_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    if !token || RESERVED_HEADERS.contains(&name) {
        return Err(reader.error(
            header.span(),
            format!(
                "`{}` is not a header that a credential may set",
                excerpt(name)
            ),
            "write a header's name in lower case, such as \"authorization\" or \"x-api-key\"",
        ));
    }
    let text = reader.string(template, "\"Bearer {}\"")?;
    let visible = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if text.matches("{}").count() != 1 || !visible || text.len() > HEADER_BYTES_MAX {
        return Err(reader.error(
            template.span(),
            "the value has no single `{}` where the secret goes",
            "write it such as \"Bearer {}\", in visible ASCII",
        ));
    }
    Ok(Inject::Header {
        name: name.to_owned(),
        value: text.to_owned(),
    })
}

fn read_query(reader: &Reader<'_>, value: &Value<'_>) -> Result<Inject, PolicyError> {
    let name = reader.string(value, "\"key\"")?;
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    if !(1..=HEADER_BYTES_MAX).contains(&name.len()) || !name.bytes().all(unreserved) {
        return Err(reader.error(
            value.span(),
            format!("`{}` is not a parameter's name", excerpt(name)),
            "write it in letters, digits and `-._~`, such as \"key\"",
        ));
    }
    Ok(Inject::Query {
        name: name.to_owned(),
    })
}

fn read_basic(reader: &Reader<'_>, value: &Value<'_>) -> Result<Inject, PolicyError> {
    let user = reader.string(value, "\"USER\"")?;
    let fits = |c: char| !c.is_control() && c != ':';
    if !(1..=HEADER_BYTES_MAX).contains(&user.len()) || !user.chars().all(fits) {
        return Err(reader.error(
            value.span(),
            format!("`{}` is not a user of basic authentication", excerpt(user)),
            "a user has neither `:` nor control characters (RFC 7617 section 2)",
        ));
    }
    Ok(Inject::Basic {
        user: user.to_owned(),
    })
}

/// Refuses credentials in a project's file.
pub(super) fn check_layer(
    reader: &Reader<'_>,
    at: std::ops::Range<usize>,
) -> Result<(), PolicyError> {
    if reader.origin.layer != Layer::Project {
        return Ok(());
    }
    Err(reader
        .error(
            at,
            "a project's file cannot define credentials",
            "whoever wrote the project would choose which secret goes where",
        )
        .help("move it to the user's tollgate.toml; grants here may still say `with NAME`"))
}
