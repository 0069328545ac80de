//! What adapters to providers of models have in common, so that each holds only its own format.
//!
//! An adapter reads its [`settings`] and the request's options in its `lib.rs`; everything else is pure. It
//! writes the body from [`message`], [`arguments`], [`schema`], [`image`] and [`ids`], sends it with [`exchange`], reads what
//! comes with [`stream`], collects it in an [`answer`], and tells what went wrong with [`error`].
//!
//! Not here: any provider's format, credentials and retries (both are the host's).

pub mod answer;
pub mod arguments;
pub mod error;
pub mod exchange;
pub mod ids;
pub mod image;
pub mod message;
pub mod schema;
pub mod settings;
pub mod stream;
