//! From files and the store to authority.
//!
//! - [`layers`] reads the managed, the user's and the trusted project's file.
//! - [`source`] joins them with the run-time grants and the plugin's needs, and tells the gate when
//!   something has changed.
//! - [`effects`] reads an effect as an operator types it, for `grant explain`.

pub(crate) mod effects;
pub(crate) mod layers;
pub(crate) mod source;

pub(crate) use layers::{Layers, PolicyPaths, ProjectStanding};
pub(crate) use source::Authorities;
