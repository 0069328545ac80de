//! Declared needs: what a component says that it may ask for.
//!
//! A need is a capability in which any target may be `*`. Needs never allow anything; they bound what
//! grants can give: effective authority = declared needs ∩ grants.

use crate::capability::Capability;
use crate::fault::{CapabilityError, Fault};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One declared need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Need(Capability);

impl Need {
    /// The capability that bounds. Its credential, if it names one, is advice to the operator.
    pub fn capability(&self) -> &Capability {
        &self.0
    }
}

impl FromStr for Need {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let capability: Capability = text.parse()?;
        if let Capability::Fs(fs) = &capability
            && fs.host.dir().is_some_and(|dir| !dir.starts_with('/'))
        {
            return Err(Fault::new(
                "a need knows no directory of the host to be relative to",
                "write `*` for the host path; the operator's grant names it",
            )
            .at(0..text.len()));
        }
        Ok(Self(capability))
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Need {
    type Error = CapabilityError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Need> for String {
    fn from(need: Need) -> Self {
        need.to_string()
    }
}

/// The needs of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// What it declared; empty where it declared none, and then nothing is allowed.
    Declared(Vec<Need>),
    /// Bounded by grants alone. For needs that an operator derived from a recording, and for tests; a
    /// component cannot ask for this.
    Any,
}

impl From<Option<Vec<Need>>> for Needs {
    /// A component without the section has declared nothing.
    fn from(needs: Option<Vec<Need>>) -> Self {
        Self::Declared(needs.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_capabilities_with_stars() {
        for text in [
            "fs.read * at /project",
            "http GET *",
            "tcp connect *:443",
            "env *",
            "dns *",
        ] {
            assert_eq!(text.parse::<Need>().unwrap().to_string(), text);
        }
        assert!("fs.read . at /project".parse::<Need>().is_err());
        assert_eq!(Needs::from(None), Needs::Declared(Vec::new()));
    }
}
