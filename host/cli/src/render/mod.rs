//! Records as people read them. Pure: a record in, text out; the printer does the rest.

pub(crate) mod diff;
pub(crate) mod events;
pub(crate) mod receipts;
pub(crate) mod sessions;
pub(crate) mod words;
