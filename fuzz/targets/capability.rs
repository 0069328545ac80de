//! What parses prints as what parses to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_grants::{Capability, Need};

fuzz_target!(|text: &str| {
    if let Ok(capability) = text.parse::<Capability>() {
        let printed = capability.to_string();
        assert_eq!(printed.parse::<Capability>().as_ref(), Ok(&capability), "{printed}");
    }
    if let Ok(need) = text.parse::<Need>() {
        let printed = need.to_string();
        assert_eq!(printed.parse::<Need>().as_ref(), Ok(&need), "{printed}");
    }
});
