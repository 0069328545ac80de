//! JSON Pointer (RFC 6901) over values.

use jaq_json::{Rc, Val};
use tollgate_sdk::ToolError;

/// Most reference tokens of a pointer.
const TOKENS_MAX: usize = 256;

/// A pointer in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    text: String,
    tokens: Vec<String>,
}

/// A place in an array: an element, or behind the last one (`-`).
enum Index {
    At(usize),
    End,
}

impl Pointer {
    /// Reads a pointer; the empty one is the whole document.
    pub(crate) fn parse(text: &str) -> Result<Self, ToolError> {
        let invalid = |what: &str| ToolError::invalid(format!("pointer {text:?} {what}"));
        let tokens = match text.strip_prefix('/') {
            None if text.is_empty() => Vec::new(),
            None => return Err(invalid("does not begin with /")),
            Some(rest) => rest
                .split('/')
                .map(unescape)
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| invalid("has a ~ that is not ~0 or ~1"))?,
        };
        if tokens.len() > TOKENS_MAX {
            return Err(ToolError::invalid(format!(
                "a pointer has at most {TOKENS_MAX} parts"
            )));
        }
        Ok(Self {
            text: text.to_owned(),
            tokens,
        })
    }

    /// Whether `other` lies below this place.
    pub(crate) fn is_above(&self, other: &Self) -> bool {
        self.tokens.len() < other.tokens.len() && other.tokens.starts_with(&self.tokens)
    }

    /// What is there.
    pub(crate) fn get<'a>(&self, document: &'a Val) -> Result<&'a Val, ToolError> {
        self.tokens.iter().try_fold(document, |value, token| {
            self.child(value, token)?.ok_or_else(|| self.missing())
        })
    }

    /// Puts a value there; in an array before what is there (RFC 6902, section 4.1).
    pub(crate) fn add(&self, document: &mut Val, value: Val) -> Result<(), ToolError> {
        let Some((last, parent)) = self.parent(document)? else {
            *document = value;
            return Ok(());
        };
        match parent {
            Val::Obj(members) => {
                Rc::make_mut(members).insert(key(last), value);
                Ok(())
            }
            Val::Arr(items) => {
                let at = match self.index(last)? {
                    Index::At(at) => at,
                    Index::End => items.len(),
                };
                if at > items.len() {
                    return Err(self.missing());
                }
                Rc::make_mut(items).insert(at, value);
                Ok(())
            }
            _ => Err(self.missing()),
        }
    }

    /// Takes what is there out of the document.
    pub(crate) fn remove(&self, document: &mut Val) -> Result<Val, ToolError> {
        let Some((last, parent)) = self.parent(document)? else {
            return Ok(std::mem::take(document));
        };
        match parent {
            Val::Obj(members) => Rc::make_mut(members)
                .shift_remove(&key(last))
                .ok_or_else(|| self.missing()),
            Val::Arr(items) => match self.index(last)? {
                Index::At(at) if at < items.len() => Ok(Rc::make_mut(items).remove(at)),
                _ => Err(self.missing()),
            },
            _ => Err(self.missing()),
        }
    }

    /// Replaces what is there, in its place.
    pub(crate) fn replace(&self, document: &mut Val, value: Val) -> Result<(), ToolError> {
        let place = self
            .tokens
            .iter()
            .try_fold(document, |place, token| self.child_mut(place, token))?;
        *place = value;
        Ok(())
    }

    /// The last token, and what holds the place; none for the whole document.
    fn parent<'a>(&self, document: &'a mut Val) -> Result<Option<(&str, &'a mut Val)>, ToolError> {
        let Some((last, above)) = self.tokens.split_last() else {
            return Ok(None);
        };
        let parent = above
            .iter()
            .try_fold(document, |place, token| self.child_mut(place, token))?;
        Ok(Some((last, parent)))
    }

    fn child<'a>(&self, value: &'a Val, token: &str) -> Result<Option<&'a Val>, ToolError> {
        match value {
            Val::Obj(members) => Ok(members.get(&key(token))),
            Val::Arr(items) => match self.index(token)? {
                Index::At(at) => Ok(items.get(at)),
                Index::End => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn child_mut<'a>(&self, value: &'a mut Val, token: &str) -> Result<&'a mut Val, ToolError> {
        let child = match value {
            Val::Obj(members) => Rc::make_mut(members).get_mut(&key(token)),
            Val::Arr(items) => match self.index(token)? {
                Index::At(at) => Rc::make_mut(items).get_mut(at),
                Index::End => None,
            },
            _ => None,
        };
        child.ok_or_else(|| self.missing())
    }

    fn index(&self, token: &str) -> Result<Index, ToolError> {
        if token == "-" {
            return Ok(Index::End);
        }
        let plain =
            token == "0" || !token.starts_with('0') && token.bytes().all(|b| b.is_ascii_digit());
        match token.parse() {
            Ok(at) if plain => Ok(Index::At(at)),
            _ => Err(ToolError::failed(format!(
                "{:?}: {token:?} is no index of an array",
                self.text
            ))),
        }
    }

    fn missing(&self) -> ToolError {
        ToolError::failed(format!("there is nothing at {:?}", self.text))
    }
}

fn key(token: &str) -> Val {
    Val::utf8_str(token.as_bytes().to_vec())
}

fn unescape(token: &str) -> Option<String> {
    let mut text = String::with_capacity(token.len());
    let mut rest = token.chars();
    while let Some(c) = rest.next() {
        text.push(match c {
            '~' => match rest.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaq_json::read::parse_single;

    fn at(pointer: &str) -> Option<String> {
        // RFC 6901, section 5.
        let text = br#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4,
            "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}"#;
        let document = parse_single(text).unwrap();
        let found = Pointer::parse(pointer).ok()?.get(&document).ok()?;
        Some(found.to_string())
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        for (pointer, value) in [
            ("/foo", "[\"bar\",\"baz\"]"),
            ("/foo/0", "\"bar\""),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ] {
            assert_eq!(at(pointer).as_deref(), Some(value), "{pointer}");
        }
        assert!(at("").unwrap().starts_with('{'));
    }

    #[test]
    fn what_is_not_there_or_no_pointer_is_refused() {
        for bad in [
            "foo", "/x", "/foo/2", "/foo/-", "/foo/00", "/foo/+1", "/~2", "/~", "/a~1b/c",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
        assert!(Pointer::parse(&"/a".repeat(257)).is_err());
    }
}
