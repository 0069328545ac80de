//! Which contract a component was built against.
//!
//! A component names it twice: in its metadata, and in the version of every interface of ours that it
//! imports or exports. The higher one counts. Patches are compatible both ways; a component of a newer
//! minor version may ask for what this host does not have (CONTRACT.md), so it is refused by name
//! rather than by the linker's words.

use crate::errors::{Done, Failure};
use crate::plugins::Located;
use tollgate_guests::CONTRACT;
use tollgate_sandbox::Inspection;

/// Names of interfaces of ours begin so.
const PREFIX: &str = "tollgate:plugin/";

/// A version in three numbers.
pub(super) type Version = (u64, u64, u64);

/// What a component says of its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// The version.
    pub(super) version: Version,
    /// Where it says so: an interface, or the metadata.
    pub(super) by: String,
}

/// The highest version that the component claims; none if it names none.
pub(super) fn claim(inspection: &Inspection) -> Option<Claim> {
    let interfaces = inspection.imports.iter().chain(&inspection.exports);
    let named = interfaces.filter_map(|name| {
        let (_, version) = name.strip_prefix(PREFIX)?.split_once('@')?;
        Some(Claim {
            version: parse(version)?,
            by: name.clone(),
        })
    });
    let meta = inspection.meta.iter().filter_map(|meta| {
        Some(Claim {
            version: parse(&meta.contract)?,
            by: "its metadata".into(),
        })
    });
    // Of equals the last counts, and an interface says more than the metadata.
    meta.chain(named).max_by_key(|claim| claim.version)
}

/// The version of this host.
pub(super) fn ours() -> Version {
    parse(CONTRACT).unwrap_or_default()
}

/// Whether a component of that version may ask for what this host does not have.
pub(super) fn is_newer(version: Version) -> bool {
    let (major, minor, _) = ours();
    (version.0, version.1) > (major, minor)
}

/// What is wrong with a claim, if anything.
pub(super) fn fault(inspection: &Inspection) -> Option<String> {
    let claim = claim(inspection)?;
    is_newer(claim.version).then(|| {
        let (major, minor, patch) = claim.version;
        format!(
            "it was built against contract tollgate:plugin@{major}.{minor}.{patch} (says {}), and this \
             Tollgate knows {CONTRACT}",
            claim.by
        )
    })
}

/// Refuses a component of a newer contract.
pub(crate) fn judge(located: &Located) -> Done {
    match fault(&located.component.inspection) {
        None => Ok(()),
        Some(what) => Err(Failure::Input {
            what: format!("{} cannot be used: {what}", located.source),
            rule: Some(
                "a host runs components of its own contract's minor version and of older ones"
                    .into(),
            ),
            remedy: Some("install a newer Tollgate, or build the plugin with this one".into()),
        }),
    }
}

fn parse(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(str::parse);
    let version = (
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
    );
    numbers.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sandbox::Meta;

    fn inspection(contract: &str, export: &str) -> Inspection {
        let mut inspection = Inspection::default();
        inspection.meta = Some(Meta {
            contract: contract.into(),
            ..Meta::default()
        });
        inspection.exports.insert(export.to_owned());
        inspection
    }

    #[test]
    fn the_higher_claim_counts_and_only_a_newer_minor_version_is_refused() {
        let fine = inspection("0.1.7", "tollgate:plugin/tool@0.1.2");
        assert_eq!(claim(&fine).unwrap().version, (0, 1, 7));
        assert_eq!(fault(&fine), None);
        let newer = fault(&inspection("0.1.0", "tollgate:plugin/tool@0.2.0")).unwrap();
        assert!(newer.contains("tollgate:plugin/tool@0.2.0"), "{newer}");
        let newer = fault(&inspection("9.0.0", "tollgate:plugin/tool@0.1.2")).unwrap();
        assert!(newer.contains("@9.0.0 (says its metadata)"), "{newer}");
        assert_eq!(claim(&Inspection::default()), None);
    }
}
