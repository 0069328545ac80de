//! What the fuzz targets of `fuzz/` hold to be so, one function for each target: it takes any bytes, and panics
//! where something is not so.
//!
//! They are apart from the targets so that the ordinary tests, with the ordinary compiler, hold every seed in
//! `fuzz/seeds` to them.

#[cfg(feature = "sandbox")]
mod arguments;
mod capability;
mod path;
mod policy;
#[cfg(feature = "sandbox")]
mod sections;
mod streams;
mod url;
#[cfg(feature = "sandbox")]
mod values;
#[cfg(feature = "sandbox")]
mod wit_json;

#[cfg(feature = "sandbox")]
pub use arguments::arguments;
pub use capability::capability;
pub use path::path;
pub use policy::policy;
#[cfg(feature = "sandbox")]
pub use sections::sections;
pub use streams::{ndjson, sse};
pub use url::url;
#[cfg(feature = "sandbox")]
pub use wit_json::wit_json;

/// The text at the beginning of some bytes.
fn text(bytes: &[u8]) -> &str {
    bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

/// What must have come out well.
#[track_caller]
#[expect(clippy::panic, reason = "a check fails by panicking")]
fn must<T, E: std::fmt::Display>(result: Result<T, E>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}"),
    }
}
