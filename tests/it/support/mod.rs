//! What the tests stand on.

pub(crate) mod home;
pub(crate) mod ledger;
pub(crate) mod place;
pub(crate) mod server;
pub(crate) mod template;

pub(crate) use home::{Home, Ran};
