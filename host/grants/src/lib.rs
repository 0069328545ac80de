//! What may be done: capabilities, patterns, the policy file, and the one function that decides.
//!
//! Pure: no I/O, no clock, no threads, no wasmtime, so that a reviewer can audit it alone. The gate asks
//! [`Authority::decide`] before every effect; the store and the command line read and write
//! [`Capability`] in its one grammar; an operator's files are read by [`policy::parse`].
//!
//! Invariants:
//! - Deny by default; deny wins over ask, ask over allow; declared needs bound all grants.
//! - There is one grammar for capabilities. What is written is read back equal.
//! - What is matched is what is sent: a URL, host or path that could be read in two ways is refused, not
//!   normalised.
//! - A command that we print runs verbatim, makes the same effect pass, and cannot be broken out of by
//!   whoever chose the effect's target.
//!
//! Not here: reading files, opening paths, resolving names, keeping grants, counting uses.

mod addresses;
mod authority;
mod capability;
mod decision;
mod effect;
mod fault;
mod fs;
mod glob;
mod host;
mod http;
mod names;
mod need;
mod pattern;
pub mod policy;
mod protected;
mod runtime;
mod socket;
mod source;
mod url;
mod url_path;
mod words;

pub use addresses::forbidden_range;
pub use authority::{Authority, AuthorityInput, Mount, RefusedGrant};
pub use capability::Capability;
pub use decision::{Allowed, Asked, Decision, Denial, GrantId, Nearest, Reason};
pub use effect::Effect;
pub use fault::{CapabilityError, Fault};
pub use fs::{ExceptGlob, FsAccess, FsCapability, FsOp, PathPattern};
pub use glob::GLOB_SEGMENTS_MAX;
pub use host::{HOST_BYTES_MAX, Host, HostError, HostPattern, LABEL_BYTES_MAX};
pub use http::{HttpCapability, METHOD_BYTES_MAX, MethodPattern};
pub use names::{DnsCapability, EnvCapability, KvCapability, NAME_BYTES_MAX, NamePattern};
pub use need::{Need, Needs};
pub use pattern::{PortPattern, UrlParts, UrlPattern};
pub use policy::{
    CallLimits, CredentialRule, CredentialSource, Inject, Layer, Limits, Origin, PluginPolicy,
    PolicyError, PolicyFile, Rule,
};
pub use runtime::{RuleEffect, RuntimeGrant, Scope};
pub use socket::{Direction, Protocol, SocketCapability, SocketHost};
pub use source::{AuthorityError, AuthoritySource, MountConflict};
pub use url::{RequestUrl, Scheme, URL_BYTES_MAX, UrlError};
pub use url_path::PathError;
pub use words::{CAPABILITY_BYTES_MAX, shell_quote};
