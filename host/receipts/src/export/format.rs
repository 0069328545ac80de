//! The file of an export: written, and taken apart again. Nothing is verified here.

use crate::HASH_BYTES;
use crate::log::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const MAGIC: &str = "tollgate-export 1";
const HEAD: &str = "head";
const DIGEST: &str = "sha256 ";
/// What begins the line of a tree head that binds an export's header.
const EXTENSION: &str = "tollgate-export ";

/// What an export was asked to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// The whole chain of a session.
    Session(String),
    /// From the first to the last entry of a run, in its session.
    Run(String),
    /// Every entry of the ledger from the first one at or after this time, microseconds since the Unix epoch.
    Since(i64),
}

/// The part of a session's chain that an export holds, without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// How many entries the session has at this tree size.
    pub chain: u64,
    /// Sequence of the first that is here.
    pub from: u64,
    /// Hash of the last that is here, in hexadecimal.
    pub last: String,
    /// Hash of the entry before the first, in hexadecimal.
    pub prev: String,
    /// The session.
    pub session: String,
    /// Sequence of the last that is here.
    pub to: u64,
}

/// What an export says of itself; its hash is in the signed head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// When it was made, microseconds since the Unix epoch.
    pub created_us: i64,
    /// The leaf from which on every leaf of the ledger is here; none if leaves are left out.
    pub first: Option<u64>,
    /// How many subtree hashes follow.
    pub hashes: u64,
    /// The name of the log.
    pub origin: String,
    /// How many records follow.
    pub records: u64,
    /// What was asked for.
    pub scope: Scope,
    /// The chains, by session.
    pub sessions: Vec<Span>,
    /// Leaves of the tree that the head signs.
    pub size: u64,
}

/// Why a file is no export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct UnreadableExport {
    /// Which line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// What an export is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a, B> {
    /// The header's line.
    pub header: &'a str,
    /// Index and stored bytes of each record, rising.
    pub records: &'a [(u64, B)],
    /// The roots of the subtrees without a record.
    pub hashes: &'a [Hash],
    /// The signed tree head.
    pub head: &'a str,
}

/// A file taken apart.
#[derive(Debug, Clone)]
pub struct Export<'a> {
    /// The header's line as it stands there.
    pub header_line: &'a str,
    /// What it says.
    pub header: Header,
    /// Index and bytes of each record.
    pub records: Vec<(u64, &'a [u8])>,
    /// Subtree hashes.
    pub hashes: Vec<Hash>,
    /// The signed tree head.
    pub head: &'a str,
    /// What the digest at the end is of.
    pub digested: &'a [u8],
    /// The line of that digest.
    pub digest: &'a str,
}

impl Header {
    /// The line of the file.
    ///
    /// # Errors
    ///
    /// Why it cannot be written as JSON, which it always can.
    pub fn line(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|error| error.to_string())
    }
}

/// The line of a tree head that binds this header line.
#[must_use]
pub fn header_extension(line: &str) -> String {
    let hash = Sha256::digest(line.as_bytes());
    format!("{EXTENSION}{}\n", BASE64.encode(hash))
}

impl<B: AsRef<[u8]>> Parts<'_, B> {
    /// The file.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let bytes: usize = self
            .records
            .iter()
            .map(|(_, entry)| entry.as_ref().len() + 22)
            .sum();
        let mut file =
            Vec::with_capacity(bytes + self.header.len() + 64 * self.hashes.len() + 1024);
        let mut line = |text: &[&[u8]]| {
            text.iter().for_each(|part| file.extend_from_slice(part));
            file.push(b'\n');
        };
        line(&[MAGIC.as_bytes()]);
        line(&[self.header.as_bytes()]);
        for (index, entry) in self.records {
            line(&[index.to_string().as_bytes(), b" ", entry.as_ref()]);
        }
        for hash in self.hashes {
            line(&[BASE64.encode(hash).as_bytes()]);
        }
        line(&[HEAD.as_bytes()]);
        file.extend_from_slice(self.head.as_bytes());
        let digest = hex::encode(Sha256::digest(&file));
        file.extend_from_slice(format!("{DIGEST}{digest}\n").as_bytes());
        file
    }
}

/// Lines of a file, counted.
struct Lines<'a> {
    rest: &'a [u8],
    line: u64,
}

impl<'a> Lines<'a> {
    fn bad(&self, why: impl Into<String>) -> UnreadableExport {
        UnreadableExport {
            line: self.line,
            why: why.into(),
        }
    }

    fn next(&mut self) -> Result<&'a [u8], UnreadableExport> {
        self.line += 1;
        let end = memchr::memchr(b'\n', self.rest);
        let Some((line, rest)) = end.and_then(|end| self.rest.split_at_checked(end)) else {
            return Err(self.bad("the file ends here and should not"));
        };
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(line)
    }

    fn text(&mut self) -> Result<&'a str, UnreadableExport> {
        let line = self.next()?;
        std::str::from_utf8(line).map_err(|_| self.bad("it is no text"))
    }
}

impl<'a> Export<'a> {
    /// Takes a file apart.
    ///
    /// # Errors
    ///
    /// [`UnreadableExport`]: which line is not as it must be.
    pub fn read(file: &'a [u8]) -> Result<Self, UnreadableExport> {
        let mut lines = Lines {
            rest: file,
            line: 0,
        };
        if lines.next()? != MAGIC.as_bytes() {
            return Err(lines.bad(format!(
                "it is not {MAGIC:?}: this is no export of this version"
            )));
        }
        let header_line = lines.text()?;
        let header: Header = serde_json::from_str(header_line)
            .map_err(|error| lines.bad(format!("it is no header: {error}")))?;
        let records = (0..header.records).map(|_| {
            let line = lines.next()?;
            record(line).ok_or_else(|| lines.bad("it is no record: INDEX ENTRY was expected"))
        });
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let hashes = (0..header.hashes).map(|_| {
            let line = lines.next()?;
            hash(line).ok_or_else(|| lines.bad("it is no hash: 32 bytes in base64 were expected"))
        });
        let hashes = hashes.collect::<Result<Vec<_>, _>>()?;
        if lines.next()? != HEAD.as_bytes() {
            return Err(lines.bad(format!("{HEAD:?} was expected")));
        }
        let begin = file.len() - lines.rest.len();
        let (head, digest) =
            tail(file, begin).ok_or_else(|| lines.bad("the end of the file is not there"))?;
        let before = begin + head.len();
        Ok(Self {
            header_line,
            header,
            records,
            hashes,
            head,
            digested: file.get(..before).unwrap_or_default(),
            digest,
        })
    }

    /// Whether the digest at the end is that of the file.
    #[must_use]
    pub fn intact(&self) -> bool {
        let whole = hex::encode(Sha256::digest(self.digested));
        self.digest == format!("{DIGEST}{whole}\n")
    }
}

fn record(line: &[u8]) -> Option<(u64, &[u8])> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (index, entry) = line.split_at_checked(space)?;
    // One spelling only.
    let one = match index {
        [b'0'] => true,
        [first, ..] => (b'1'..=b'9').contains(first),
        [] => false,
    };
    let number: u64 = std::str::from_utf8(index).ok()?.parse().ok()?;
    one.then_some((number, entry.get(1..)?))
}

fn hash(line: &[u8]) -> Option<Hash> {
    let bytes = BASE64.decode(line).ok()?;
    <[u8; HASH_BYTES]>::try_from(bytes).ok()
}

/// The signed head and the line after it.
fn tail(file: &[u8], begin: usize) -> Option<(&str, &str)> {
    let rest = std::str::from_utf8(file.get(begin..)?).ok()?;
    let at = rest.rfind(DIGEST)?;
    let (head, digest) = rest.split_at_checked(at)?;
    head.ends_with('\n').then_some((head, digest))
}
