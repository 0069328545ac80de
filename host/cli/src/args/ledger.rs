//! `tollgate ledger`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Verbs of the ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum Ledger {
    /// Say how large the ledger is, what was signed of it and with which key
    #[command(after_help = "Examples:\n  tollgate ledger status --json")]
    Status,
    /// Sign the tree of this moment and print its head
    #[command(after_help = "Examples:\n  tollgate ledger head")]
    Head,
    /// Print the public key, to be given to whoever verifies
    #[command(after_help = "Examples:\n  tollgate ledger key > ledger.pub")]
    Key,
    /// Sign the tree of this moment and put its head where this machine cannot take it back
    Publish(Publish),
    /// Check the whole ledger against everything that was signed of it
    Consistency(Consistency),
    /// Sign with another key from now on
    #[command(
        name = "rotate-key",
        after_help = "\
The head of this moment is signed with both keys, so that whoever has the old one can take the new one. Heads that
are older stay valid under the old key. Where the old key's file is lost, --lost goes on with a new key alone: whoever
checks must then be given it anew.

Examples:
  tollgate ledger rotate-key
  tollgate ledger rotate-key --lost"
    )]
    RotateKey(RotateKey),
    /// Remove the bodies of old entries; their hashes and every proof stay
    Prune(Prune),
    /// Copy what can be read of a damaged store into a new one, and record what was lost
    #[command(after_help = "\
Nothing is done to a store in which nothing is wrong. The damaged files are kept beside the new ones. Entries behind the
first one that cannot be read are not taken over; if they were signed, the ledger goes on under another name and key.

Examples:
  tollgate ledger repair")]
    Repair,
}

/// `ledger rotate-key`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RotateKey {
    /// The old key's private part is nowhere; refused where it is there
    #[arg(long)]
    pub(crate) lost: bool,
}

/// `ledger publish`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Until a head is somewhere else, whoever has this machine's disk and key can write its history anew. Give the file to
somebody else, a ticket, a mailing list, another machine: the more heads are out, the less can be changed.

Examples:
  tollgate ledger publish --to /mnt/elsewhere/heads
  tollgate ledger publish --to heads && git -C heads commit -a -m head && git -C heads push")]
pub(crate) struct Publish {
    /// A directory outside this machine's state; the head is added to it as a file of its own
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
}

/// `ledger consistency`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Without a head everything is checked that this machine has. With one that was published it is checked that the
ledger still begins as it did then, and the proof is printed (RFC 6962, section 2.1.2).

Examples:
  tollgate ledger consistency
  tollgate ledger consistency --head /mnt/elsewhere/heads/1042.head --json")]
pub(crate) struct Consistency {
    /// A head that was published
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Option<PathBuf>,
}

/// `ledger prune`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Removes whole tiles of 256 entries, and stops before the first effect whose outcome is not known. Export first what
you may need: nothing brings a body back.

Examples:
  tollgate ledger prune --before 90d
  tollgate ledger prune --before 2026-01-01T00:00:00Z")]
pub(crate) struct Prune {
    /// A duration such as `90d`, or a time such as `2026-01-01T00:00:00Z`
    #[arg(long, value_name = "WHEN")]
    pub(crate) before: String,
}
