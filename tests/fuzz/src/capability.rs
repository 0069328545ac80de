use crate::text;
use tollgate_grants::{Capability, Need};

/// What parses prints as what parses to the same.
pub fn capability(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(capability) = text.parse::<Capability>() {
        let printed = capability.to_string();
        assert_eq!(
            printed.parse::<Capability>().as_ref(),
            Ok(&capability),
            "{printed}"
        );
    }
    need(text);
}

/// The same of a need. Whether it is one.
pub(crate) fn need(text: &str) -> bool {
    let Ok(need) = text.parse::<Need>() else {
        return false;
    };
    let printed = need.to_string();
    assert_eq!(printed.parse::<Need>().as_ref(), Ok(&need), "{printed}");
    true
}
