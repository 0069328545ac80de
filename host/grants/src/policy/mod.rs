//! Policy files: `tollgate.toml`.
//!
//! | key | what |
//! |---|---|
//! | `version` | 1 |
//! | `plugins.NAME.component` | path, bundled name or `oci://…` |
//! | `plugins.NAME.digest` | `sha256:…`; rules that allow are void for any other component |
//! | `plugins.NAME.grants` | list of rules: a capability, `{ allow = "…" }`, `{ allow = "…", decision = "ask" }`, `{ deny = "…" }` |
//! | `plugins.NAME.limits` | `memory`, `wall`, `cpu`, `effects`, `output`, `http_body`, `disk`, `disk_files` |
//! | `plugins.NAME.config` | texts that the component may read |
//! | `credentials.NAME.source` | `env:NAME` or `file:PATH` |
//! | `credentials.NAME.inject` | `header` and `value`, with `{}` for the secret; or `query`; or `basic` |
//! | `defaults.limits` | limits of plugins that state none |
//! | `models.PURPOSE` | `"PROVIDER/MODEL"` or `"MODEL"`: the model for `default`, `coding`, … where none is named |
//! | `prices.PATTERN` | `input`, `cached_input`, `output`: texts such as `"2.50"`, for a million tokens |
//! | `prices.currency` | three letters (ISO 4217); `USD` |
//!
//! Every other key is an error with the line shown, and so is a rule that could never match. Layers are
//! managed, user and project; a project file defines neither credentials nor mounts outside its project,
//! and counts only once its operator has trusted it (which is the caller's matter).
//!
//! Not here: reading files, finding them, trust.

mod credential;
mod digest;
mod error;
mod limits;
mod models;
mod parse;
mod prices;
mod reader;
#[cfg(test)]
mod tests;

pub use credential::{CredentialRule, CredentialSource, Inject};
pub use digest::digest;
pub use error::PolicyError;
pub use limits::{
    CPU_US_MAX, CallLimits, DISK_BYTES_MAX, DISK_FILES_MAX, EFFECTS_MAX, HTTP_BODY_BYTES_MAX,
    Limits, MEMORY_SLOT_BYTES_MAX, OUTPUT_BYTES_MAX, WALL_US_MAX, format_bytes, format_duration,
};
pub use models::{ModelChoice, PURPOSE_DEFAULT, model_for};
pub use parse::parse;
pub use prices::{CURRENCY_DEFAULT, MODEL_BYTES_MAX, PRICES_MAX, Price, Prices, price};

use parse::check_name;

use crate::capability::Capability;
use crate::runtime::RuleEffect;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Version of the file format that is read.
pub const POLICY_VERSION: u64 = 1;
/// The most bytes of a policy file.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;
/// The most rules of one plugin in one file.
pub const RULES_MAX: usize = 512;

/// Whose word a policy file is. Ordered: who comes first defines credentials first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// The machine's administrator.
    Managed,
    /// The operator.
    User,
    /// A project that the operator has trusted.
    Project,
}

impl Layer {
    /// `managed`, `user` or `project`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::User => "user",
            Self::Project => "project",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a policy file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, for messages.
    pub path: PathBuf,
    /// Whose word it is.
    pub layer: Layer,
    /// The directory to which its paths are relative; absolute, and for a project its root.
    pub base_dir: PathBuf,
}

/// A policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Version of the format.
    pub version: u64,
    /// Where it comes from.
    pub origin: Origin,
    /// `sha256:` of the file's bytes: what an operator trusts.
    pub source_digest: String,
    /// What each plugin may do.
    pub plugins: BTreeMap<String, PluginPolicy>,
    /// Secrets that the host adds to requests.
    pub credentials: BTreeMap<String, CredentialRule>,
    /// Limits of plugins that state none.
    pub default_limits: Limits,
    /// The model for each purpose.
    pub models: BTreeMap<String, ModelChoice>,
    /// What models cost.
    pub prices: Prices,
}

/// What a file says of one plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginPolicy {
    /// Path (relative to the origin's directory), bundled name or reference.
    pub component: Option<String>,
    /// The pinned digest, `sha256:` and 64 hexadecimal digits.
    pub digest: Option<String>,
    /// The rules, in order. Empty allows nothing.
    pub grants: Vec<Rule>,
    /// Limits.
    pub limits: Limits,
    /// Texts that the component may read.
    pub config: BTreeMap<String, String>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Allow, deny or ask.
    pub effect: RuleEffect,
    /// What; host paths are absolute.
    pub capability: Capability,
    /// What it allowed may be performed again where nobody saw how it ended.
    pub retryable: bool,
    /// The line in the file, from 1.
    pub line: usize,
}
