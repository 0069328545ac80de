//! What objects say: commits, trees and tags.

use crate::id::{ID_BYTES, Id};
use std::rc::Rc;
use tollgate_sdk::ToolError;

/// The kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Commit,
    Tree,
    Blob,
    Tag,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }

    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"commit" => Self::Commit,
            b"tree" => Self::Tree,
            b"blob" => Self::Blob,
            b"tag" => Self::Tag,
            _ => return None,
        })
    }
}

/// An object as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) data: Rc<Vec<u8>>,
}

/// Who did something when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) seconds: i64,
    /// Minutes east of UTC.
    pub(crate) offset_minutes: i32,
}

/// A commit.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) tree: Id,
    pub(crate) parents: Vec<Id>,
    pub(crate) author: Signature,
    pub(crate) committer: Signature,
    pub(crate) message: String,
}

/// An annotated tag.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(crate) target: Id,
    pub(crate) tagger: Option<Signature>,
    pub(crate) message: String,
}

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) mode: u32,
    pub(crate) name: Vec<u8>,
    pub(crate) id: Id,
}

impl Entry {
    pub(crate) fn is_tree(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// What trees are sorted by: names, those of trees with a slash behind.
    pub(crate) fn key(&self) -> Vec<u8> {
        let mut key = self.name.clone();
        if self.is_tree() {
            key.push(b'/');
        }
        key
    }
}

/// The head of a commit or tag and what follows the empty line.
struct Parts<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    message: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Lines that begin with a space continue the one before; nothing here needs them.
    fn of(data: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        let mut rest = data;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if line.is_empty() {
                break;
            }
            if let Some(space) = line.iter().position(|b| *b == b' ')
                && space > 0
            {
                let (name, value) = line.split_at(space);
                fields.push((name, value.get(1..).unwrap_or_default()));
            }
        }
        Self {
            fields,
            message: rest,
        }
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let of_name =
            |(other, value): &(&'a [u8], &'a [u8])| (*other == name.as_bytes()).then_some(*value);
        let values: Vec<&'a [u8]> = self.fields.iter().filter_map(of_name).collect();
        values.into_iter()
    }

    fn id(&self, name: &str) -> Option<Id> {
        Id::from_hex(self.all(name).next()?)
    }

    fn signature(&self, name: &str) -> Option<Signature> {
        Signature::parse(self.all(name).next()?)
    }

    fn message(&self) -> String {
        String::from_utf8_lossy(self.message).into_owned()
    }
}

impl Signature {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let (name, rest) = text.split_once('<')?;
        let (email, time) = rest.rsplit_once('>')?;
        let mut time = time.split_whitespace();
        let seconds = time.next()?.parse().ok()?;
        let offset: i32 = time.next().and_then(|o| o.parse().ok()).unwrap_or_default();
        Some(Self {
            name: name.trim().to_owned(),
            email: email.to_owned(),
            seconds,
            offset_minutes: (offset / 100)
                .saturating_mul(60)
                .saturating_add(offset % 100),
        })
    }

    /// The time as ISO 8601 has it, in the author's own zone.
    pub(crate) fn time(&self) -> String {
        let seconds = self.offset_minutes.saturating_mul(60);
        let zoned = jiff::tz::Offset::from_seconds(seconds).and_then(|offset| {
            let time = jiff::Timestamp::from_second(self.seconds)?;
            Ok(offset.to_datetime(time))
        });
        match zoned {
            Ok(time) => {
                let sign = if self.offset_minutes < 0 { '-' } else { '+' };
                let minutes = self.offset_minutes.unsigned_abs();
                format!("{time}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            Err(_) => format!("{} s", self.seconds),
        }
    }
}

fn damaged(id: &Id, kind: Kind) -> ToolError {
    ToolError::failed(format!("the {} {id} is damaged", kind.name()))
}

impl Commit {
    pub(crate) fn parse(id: &Id, data: &[u8]) -> Result<Self, ToolError> {
        let parts = Parts::of(data);
        let wrong = || damaged(id, Kind::Commit);
        Ok(Self {
            tree: parts.id("tree").ok_or_else(wrong)?,
            parents: parts
                .all("parent")
                .map(Id::from_hex)
                .collect::<Option<_>>()
                .ok_or_else(wrong)?,
            author: parts.signature("author").unwrap_or_default(),
            committer: parts.signature("committer").unwrap_or_default(),
            message: parts.message(),
        })
    }

    /// The first line of the message.
    pub(crate) fn subject(&self) -> &str {
        self.message.trim_start().lines().next().unwrap_or_default()
    }
}

impl Tag {
    pub(crate) fn parse(id: &Id, data: &[u8]) -> Result<Self, ToolError> {
        let parts = Parts::of(data);
        Ok(Self {
            target: parts.id("object").ok_or_else(|| damaged(id, Kind::Tag))?,
            tagger: parts.signature("tagger"),
            message: parts.message(),
        })
    }
}

/// The entries of a tree.
pub(crate) fn tree(id: &Id, data: &[u8]) -> Result<Vec<Entry>, ToolError> {
    let mut entries = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (entry, after) = entry(rest).ok_or_else(|| damaged(id, Kind::Tree))?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

fn entry(data: &[u8]) -> Option<(Entry, &[u8])> {
    let end = data.iter().position(|b| *b == 0)?;
    let (head, rest) = data.split_at(end);
    let space = head.iter().position(|b| *b == b' ')?;
    let (mode, name) = head.split_at(space);
    let mode = u32::from_str_radix(std::str::from_utf8(mode).ok()?, 8).ok()?;
    let rest = rest.get(1..)?;
    let id = Id::from_bytes(rest.get(..ID_BYTES)?)?;
    let entry = Entry {
        mode,
        name: name.get(1..)?.to_vec(),
        id,
    };
    Some((entry, rest.get(ID_BYTES..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_past_its_signature() {
        let hex = "1".repeat(40);
        let text = format!(
            "tree {hex}\nparent {hex}\nauthor A <a@x> 1764212104 +0130\ncommitter B <b@x> 0 -0500\n\
             gpgsig -----BEGIN\n \n parent x\n\nSubject\n\nBody\n"
        );
        let id = Id::from_hex(hex.as_bytes()).unwrap();
        let commit = Commit::parse(&id, text.as_bytes()).unwrap();
        assert_eq!((commit.parents.len(), commit.subject()), (1, "Subject"));
        assert_eq!(commit.author.time(), "2025-11-27T04:25:04+01:30");
        assert_eq!(commit.committer.time(), "1969-12-31T19:00:00-05:00");
        assert!(Commit::parse(&id, b"tree x\n\n").is_err());
    }

    #[test]
    fn a_tree_is_read_or_refused() {
        let id = Id::from_bytes(&[7; 20]).unwrap();
        let mut data = b"40000 dir\0".to_vec();
        data.extend([7; 20]);
        let entries = tree(&id, &data).unwrap();
        assert!(entries[0].is_tree() && entries[0].key() == b"dir/");
        data.pop();
        assert!(tree(&id, &data).is_err());
    }
}
