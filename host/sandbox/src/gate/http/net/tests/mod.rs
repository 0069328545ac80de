//! The client against real servers on loopback.

mod fixtures;
mod messages;
mod recorded;
mod reuse;
mod routes;
mod secrets;
mod support;
mod trust;
