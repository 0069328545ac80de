//! Which component a plugin's name means.
//!
//! A name is looked for where an operator decides, most binding first: the managed policy, the trusted
//! project's policy, the user's policy, the plugins that were added, then the bundled ones. A path names
//! a component directly. Nothing is ever fetched.
//!
//! Invariants:
//! - A name that was added means the component that was added: another digest is refused, wherever the
//!   file was found.
//! - What is handed to the sandbox is pinned to the bytes whose needs were read here.

mod bundled;
mod catalogue;
mod formats;
mod offer;
mod read;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use bundled::Bundled;
pub(crate) use catalogue::{Catalogue, Listed, LocateError, Located, stored};
pub(crate) use formats::{Endpoint, Format, Key};
pub(crate) use offer::{Ungranted, list, offered, spoken_of, tools_of};
pub(crate) use read::World;

/// The plugin of a provider id: `provider_openai` is another way to write `openai`.
pub(crate) fn provider_name(id: &str) -> &str {
    id.strip_prefix("provider_")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_has_an_alias() {
        assert_eq!(provider_name("provider_openai"), "openai");
        assert_eq!(provider_name("openai"), "openai");
        assert_eq!(provider_name("provider_"), "provider_");
    }
}
