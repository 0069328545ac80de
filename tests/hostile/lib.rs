//! Guests of the tests. Each folder is one: `guest.rs`, `policy.toml`, `expected.json`.
