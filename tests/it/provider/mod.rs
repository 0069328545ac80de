//! The adapters to models as what they are: components behind the gate, beside what nobody here wrote.
//!
//! - [`request`]: what they send is what the official SDKs send.
//! - [`response`]: what they understand, however it is cut on the wire, is what the official SDKs understand.
//! - [`limits`]: answers that are none, and answers without end.
//! - [`aimock`]: sessions of the built binary with a server that speaks all formats.
//! - [`verbs`]: what `tollgate provider` says of them, and what it records.
//!
//! The answers that go wrong are recorded ones, changed ([`frames`]). `oracle/` has the SDKs' side, and says in its README what is compared.

mod aimock;
mod frames;
mod kit;
mod limits;
mod request;
mod response;
mod verbs;
