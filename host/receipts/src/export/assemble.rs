//! From records to the file of an export.

use super::format::{Header, Parts, header_extension};
use crate::log::{HeadError, Nodes, SigningKey, TreeError, TreeHead, cover, root};

/// Why an export cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// The tree cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The head cannot be signed.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The header cannot be written.
    #[error("the header cannot be written: {0}")]
    Header(String),
}

/// The file of an export of `records`, index and stored bytes, rising. What the header says of their number
/// and of the hashes is filled in.
///
/// # Errors
///
/// [`AssembleError`].
pub fn assemble<B: AsRef<[u8]>>(
    mut header: Header,
    records: &[(u64, B)],
    nodes: &impl Nodes,
    key: &SigningKey,
) -> Result<Vec<u8>, AssembleError> {
    let indexes: Vec<u64> = records.iter().map(|(index, _)| *index).collect();
    let hashes = cover(header.size, &indexes).hashes(nodes)?;
    header.records = count(records.len());
    header.hashes = count(hashes.len());
    let line = header.line().map_err(AssembleError::Header)?;
    let head = TreeHead {
        origin: header.origin.clone(),
        size: header.size,
        root: root(header.size, nodes)?,
        extension: header_extension(&line),
    };
    let head = key.sign(&head, None)?;
    let parts = Parts {
        header: &line,
        records,
        hashes: &hashes,
        head: &head,
    };
    Ok(parts.write())
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
