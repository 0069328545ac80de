//! What a component's WIT says of its functions: the custom section `package-docs`, which holds a
//! version byte and JSON (see `wit-parser`'s metadata).
//!
//! The words are the plugin's own. A section that does not parse, or is too large, says nothing.

use serde_json::Value;
use std::collections::BTreeMap;

/// The custom section.
pub(crate) const DOCS_SECTION: &str = "package-docs";
/// The most bytes of the section.
const SECTION_BYTES_MAX: usize = 1024 * 1024;
/// Characters of the words about one function.
const WORDS_CHARS_MAX: usize = 2000;
/// The versions of the format.
const VERSIONS: [u8; 2] = [0, 1];

/// Words about functions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Docs(BTreeMap<(String, String), String>);

impl Docs {
    /// Reads a section.
    pub(crate) fn read(section: &[u8]) -> Self {
        let json = section
            .split_first()
            .filter(|(version, _)| VERSIONS.contains(version) && section.len() <= SECTION_BYTES_MAX)
            .and_then(|(_, json)| serde_json::from_slice::<Value>(json).ok());
        let mut docs = Self::default();
        let Some(json) = json else { return docs };
        for (name, interface) in entries(&json, "interfaces") {
            docs.take(name, interface, "funcs");
        }
        for (_, world) in entries(&json, "worlds") {
            for kind in ["interfaces", "interface_exports"] {
                for (name, interface) in entries(world, kind) {
                    docs.take(name, interface, "funcs");
                }
            }
            for kind in ["funcs", "func_exports"] {
                docs.take("", world, kind);
            }
        }
        docs
    }

    fn take(&mut self, interface: &str, holder: &Value, kind: &str) {
        for (function, said) in entries(holder, kind) {
            let said = said.as_str().or_else(|| said.get("docs")?.as_str());
            if let Some(said) = said {
                let words = said.trim().chars().take(WORDS_CHARS_MAX).collect();
                self.0
                    .insert((interface.to_owned(), function.clone()), words);
            }
        }
    }

    /// The words about a function; the interface is named without package and version.
    pub(crate) fn of(&self, interface: Option<&str>, function: &str) -> Option<&str> {
        let key = (
            interface.unwrap_or_default().to_owned(),
            function.to_owned(),
        );
        self.0.get(&key).map(String::as_str)
    }

    /// The words about all functions.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

fn entries<'a>(holder: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    holder
        .get(name)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_interface_and_function() {
        let mut section = vec![1];
        section.extend(
            br#"{"worlds":{"w":{"funcs":{"top":"Top."}}},
                "interfaces":{"ops":{"funcs":{"add":" Adds.\n","sub":{"docs":"Subtracts."}}}}}"#,
        );
        let docs = Docs::read(&section);
        assert_eq!(docs.of(None, "top"), Some("Top."));
        assert_eq!(docs.of(Some("ops"), "add"), Some("Adds."));
        assert_eq!(docs.of(Some("ops"), "sub"), Some("Subtracts."));
        assert_eq!(docs.of(None, "add"), None);
        for broken in [&b""[..], b"\x02{}", b"\x01{", b"\x01[]"] {
            assert_eq!(Docs::read(broken), Docs::default());
        }
    }
}
