//! Identifiers, each its own type so that one cannot be passed for another.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest identifier or name, in bytes.
pub const ID_BYTES_MAX: usize = 128;

/// A name or identifier that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{kind} {value:?} is not valid: use 1 to {ID_BYTES_MAX} of a-z A-Z 0-9 . _ : -, starting with a letter or digit"
)]
pub struct IdError {
    kind: &'static str,
    value: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes `value` if it is a valid identifier.
            pub fn new(value: impl Into<String>) -> Result<Self, IdError> {
                let value = value.into();
                if valid(&value) {
                    Ok(Self(value))
                } else {
                    Err(IdError { kind: $kind, value: value.chars().take(ID_BYTES_MAX).collect() })
                }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(value: String) -> Result<Self, IdError> {
                Self::new(value)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(value: &str) -> Result<Self, IdError> {
                Self::new(value)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// Names a session.
    SessionId,
    "session id"
);
id!(
    /// Names one run of a session.
    RunId,
    "run id"
);
id!(
    /// Names one call of one export of one plugin.
    CallId,
    "call id"
);
id!(
    /// The name under which a plugin was added.
    PluginName,
    "plugin name"
);
id!(
    /// A content digest, written `sha256:` and 64 hexadecimal digits.
    Digest,
    "digest"
);

fn valid(value: &str) -> bool {
    let mut bytes = value.bytes();
    value.len() <= ID_BYTES_MAX
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_could_be_a_path_or_an_option() {
        for bad in ["", "-x", "a/b", "../a", "a b", "a\nb", &"x".repeat(129)] {
            assert!(SessionId::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(SessionId::new("agent_docs").unwrap().as_str(), "agent_docs");
        assert!(Digest::new(format!("sha256:{}", "0".repeat(64))).is_ok());
    }
}
