//! An author's way from nothing to a plugin that is built, checked, tested and called, by the binary
//! alone and outside this repository; and what the contract promises to old components.

mod bad;
mod contract;
mod desk;
mod examples;
mod flow;
mod suite;
mod watch;
