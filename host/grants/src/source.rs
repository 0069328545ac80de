//! Where the gate gets its authority from.

use crate::authority::Authority;
use crate::decision::GrantId;
use crate::policy::PolicyError;
use std::sync::Arc;

/// An authority that cannot be had. The gate then denies (`policy_unreadable`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// A policy file is not valid.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Two policy files mount different directories of the host at one directory of the guest.
    #[error(transparent)]
    MountConflict(Box<MountConflict>),
    /// No such plugin.
    #[error("no plugin is named {0:?}; add it with `tollgate plugin add`")]
    UnknownPlugin(String),
    /// No such session.
    #[error("no session is named {0:?}")]
    UnknownSession(String),
    /// The grants cannot be read.
    #[error("the grants cannot be read: {0}")]
    Unreadable(String),
}

/// Two directories of the host at one directory of the guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "plugin {plugin}: {first_grant} mounts {first} and {second_grant} mounts {second} at the same guest path {guest}; give one of them another guest path"
)]
pub struct MountConflict {
    /// The plugin.
    pub plugin: String,
    /// The directory of the guest.
    pub guest: String,
    /// The grant that came first.
    pub first_grant: GrantId,
    /// Its directory of the host.
    pub first: String,
    /// The other grant.
    pub second_grant: GrantId,
    /// Its directory of the host.
    pub second: String,
}

/// Gives the gate what one plugin may do in one session, and counts uses.
///
/// Guarantees of an implementation: `generation` grows with every change to a grant, a policy file's
/// trust or a plugin, across processes, before the change is confirmed to whoever made it; an authority
/// has the generation at which it was read. A cached `generation` costs about a microsecond.
pub trait AuthoritySource: Send + Sync {
    /// What `plugin` may do in `session`, now.
    fn authority(&self, plugin: &str, session: &str) -> Result<Arc<Authority>, AuthorityError>;

    /// The current generation of grants.
    fn generation(&self) -> Result<u64, AuthorityError>;

    /// Counts one use of a grant whose uses are bounded. False where none was left: then the effect is
    /// denied with [`crate::Reason::UsesExhausted`].
    fn consume_use(&self, grant: &GrantId) -> Result<bool, AuthorityError>;
}
