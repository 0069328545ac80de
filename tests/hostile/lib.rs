//! Guests of the tests. Each folder is one: the guest, its `policy.toml`, its `needs.txt`, and
//! `expected.json` with what must come of it. Most share the component of the folder `many` and are only
//! told apart there; `scene.json` names it, and says what lies around the guest besides the usual.
//!
//! Here is what they share: the scene that the harness hands over, a report of what was seen, and the
//! raw imports, so that a guest can ask for what a libc would refuse by itself.

pub mod files;
pub mod floods;
pub mod http;
pub mod paths;
pub mod report;
pub mod sockets;
#[doc(hidden)]
pub mod wasi;

pub use report::{Report, Scene};

/// Makes a component of a function `fn(&Scene, &mut Report)`: a plugin with the one tool `attempt`.
#[macro_export]
macro_rules! guest {
    ($attempt:path) => {
        /// The plugin.
        #[derive(Debug)]
        pub struct Guest;

        impl tollgate_sdk::Tools for Guest {
            fn tools() -> Vec<tollgate_sdk::Tool> {
                vec![tollgate_sdk::Tool::new::<$crate::Scene>(
                    "attempt",
                    "Attempts it and says what it saw.",
                    |scene, _| $crate::report::of(&scene, $attempt),
                )]
            }
        }

        tollgate_sdk::export_tools!(Guest);
    };
}
