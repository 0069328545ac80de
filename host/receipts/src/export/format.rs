//! The file of an export: written, and taken apart again. Nothing is verified here.

use crate::HASH_BYTES;
use crate::cores::{self, joined};
use crate::log::{Hash, leaf_hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const MAGIC: &str = "tollgate-export 2";
const MAGIC_1: &str = "tollgate-export 1";
const HEAD: &str = "head";
/// Fewer bytes than this are read on one core.
const SHARE_MIN: usize = 1 << 20;
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
    /// Leaf hash of the last that is here, in hexadecimal; in version 1, SHA-256 of its bytes.
    pub last: String,
    /// The hash by which the first names the entry before it, in hexadecimal.
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

/// What the digest at the end is of.
#[derive(Debug, Clone, Copy)]
enum Digested<'a> {
    /// All of it, as it is (version 1).
    Whole(&'a [u8]),
    /// What is behind the records, after the two lines, and the records by their leaf hashes.
    Behind(&'a [u8]),
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
    digested: Digested<'a>,
    /// The line of the digest at the end.
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
        let behind = file.len();
        let mut line = |text: &[&[u8]]| {
            text.iter().for_each(|part| file.extend_from_slice(part));
            file.push(b'\n');
        };
        for hash in self.hashes {
            line(&[BASE64.encode(hash).as_bytes()]);
        }
        line(&[HEAD.as_bytes()]);
        file.extend_from_slice(self.head.as_bytes());
        let behind = file.get(behind..).unwrap_or_default();
        let leaves = self.records.iter();
        let leaves = leaves.map(|(index, entry)| (*index, leaf_hash(entry.as_ref())));
        let digest = digest_line(self.header, leaves, behind);
        file.extend_from_slice(digest.as_bytes());
        file
    }
}

/// The line of the digest of what has this header, these leaves, and that behind them.
fn digest_line(header: &str, leaves: impl Iterator<Item = (u64, Hash)>, behind: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update(MAGIC);
    digest.update("\n");
    digest.update(header);
    digest.update("\n");
    let mut line = Vec::new();
    for (index, leaf) in leaves {
        line.clear();
        line.extend_from_slice(index.to_string().as_bytes());
        line.push(b' ');
        line.extend_from_slice(&leaf);
        line.push(b'\n');
        digest.update(&line);
    }
    digest.update(behind);
    format!("{DIGEST}{}\n", hex::encode(digest.finalize()))
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
        let magic = lines.next()?;
        if ![MAGIC, MAGIC_1].map(str::as_bytes).contains(&magic) {
            return Err(lines.bad(format!(
                "it is neither {MAGIC:?} nor {MAGIC_1:?}: this is no export that this version reads"
            )));
        }
        let header_line = lines.text()?;
        let header: Header = serde_json::from_str(header_line)
            .map_err(|error| lines.bad(format!("it is no header: {error}")))?;
        let share = lines.rest.len().div_ceil(cores::available());
        let records = match all_records(lines.rest, header.records, share.max(SHARE_MIN)) {
            Some((records, rest)) => {
                lines.line += header.records;
                lines.rest = rest;
                records
            }
            // One after the other, to tell which line is not as it must be.
            None => {
                let records = (0..header.records).map(|_| {
                    let line = lines.next()?;
                    let why = "it is no record: INDEX ENTRY was expected";
                    record(line).ok_or_else(|| lines.bad(why))
                });
                records.collect::<Result<Vec<_>, _>>()?
            }
        };
        let behind = file.len() - lines.rest.len();
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
        let digested = match magic == MAGIC.as_bytes() {
            true => Digested::Behind(file.get(behind..before).unwrap_or_default()),
            false => Digested::Whole(file.get(..before).unwrap_or_default()),
        };
        Ok(Self {
            header_line,
            header,
            records,
            hashes,
            head,
            digested,
            digest,
        })
    }

    /// Whether it is of version 1, which named entries by SHA-256 of their bytes.
    #[must_use]
    pub fn is_first_version(&self) -> bool {
        matches!(self.digested, Digested::Whole(_))
    }

    /// Whether the digest at the end is that of the file, whose records have these leaf hashes.
    pub(super) fn intact(&self, leaves: &[(u64, Hash)]) -> bool {
        let line = match self.digested {
            Digested::Whole(bytes) => format!("{DIGEST}{}\n", hex::encode(Sha256::digest(bytes))),
            Digested::Behind(behind) => {
                digest_line(self.header_line, leaves.iter().copied(), behind)
            }
        };
        self.digest == line
    }
}

/// Index and bytes of each record.
type Records<'a> = Vec<(u64, &'a [u8])>;

/// As many records as there should be, and what comes behind them; each thread reads lines of so many bytes.
fn all_records(bytes: &[u8], count: u64, share: usize) -> Option<(Records<'_>, &[u8])> {
    let mut shares = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        // Up to the end of a line.
        let end = rest
            .get(share..)
            .and_then(|rest| memchr::memchr(b'\n', rest));
        let end = end.map_or(rest.len(), |end| share + end + 1);
        shares.push((rest, end));
        rest = rest.get(end..)?;
    }
    let found: Vec<_> = match shares.as_slice() {
        [(rest, end)] => vec![some_records(rest, *end)],
        shares => std::thread::scope(|scope| {
            let looks = shares.iter();
            let looks = looks.map(|(rest, end)| scope.spawn(move || some_records(rest, *end)));
            let looks: Vec<_> = looks.collect();
            looks.into_iter().map(|look| joined(look.join())).collect()
        }),
    };
    let (mut records, mut end) = (Records::new(), 0);
    for ((share, length), (mine, rest)) in shares.iter().zip(found) {
        end = bytes.len() - rest.len();
        match records.is_empty() {
            true => records = mine,
            false => records.extend(mine),
        }
        // Something that is no record ends them, though a thread that began behind it has found others.
        if share.len() - rest.len() < *length || u64::try_from(records.len()) == Ok(count) {
            break;
        }
    }
    let all = u64::try_from(records.len()) == Ok(count);
    all.then_some((records, bytes.get(end..)?))
}

/// The records that `bytes` begin with, up to `end` bytes of it, and what comes behind them.
fn some_records(bytes: &[u8], end: usize) -> (Records<'_>, &[u8]) {
    let (mut records, mut rest) = (Records::new(), bytes);
    while bytes.len() - rest.len() < end
        && let Some(length) = memchr::memchr(b'\n', rest)
        && let Some((line, behind)) = rest.split_at_checked(length)
        && let Some(one) = record(line)
    {
        records.push(one);
        rest = behind.get(1..).unwrap_or_default();
    }
    (records, rest)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// However lines fall to threads, the records are those that stand there one after the other.
    #[test]
    fn a_line_that_is_no_record_ends_them_wherever_it_stands() {
        let lines: Vec<String> = (0..12)
            .map(|n| format!("{n} {{\"entry\":{n}}}\n"))
            .collect();
        let behind = "hash\nhead\n";
        let honest = lines.concat() + behind;
        let count = lines.len() as u64;
        for share in 1..honest.len() {
            let (records, rest) = all_records(honest.as_bytes(), count, share).unwrap();
            let indexes: Vec<u64> = records.iter().map(|(index, _)| *index).collect();
            assert_eq!(indexes, (0..count).collect::<Vec<_>>());
            assert_eq!(rest, behind.as_bytes());
            for at in 0..lines.len() {
                for strange in ["strange\n", "\n", "01 x\n"] {
                    let (before, after) = lines.split_at(at);
                    let file = before.concat() + strange + &after.concat() + behind;
                    let found = all_records(file.as_bytes(), count, share);
                    assert!(found.is_none(), "share {share}, line {at}: {found:?}");
                }
            }
        }
    }
}
