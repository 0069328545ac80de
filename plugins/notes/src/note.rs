//! One note, and how it is kept.

use crate::bounds::{TAG_BYTES_MAX, TAGS_MAX, TEXT_BYTES_MAX, TITLE_BYTES_MAX};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tollgate_sdk::ToolError;

/// The version of the stored form.
const VERSION: u32 = 1;

/// A note as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    version: u32,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) tags: Vec<String>,
    pub(crate) created_us: u64,
    /// The session that wrote it.
    pub(crate) session: String,
}

/// What an answer says of a note.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Head {
    /// Its identifier, for read and remove.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// Its tags.
    pub(crate) tags: Vec<String>,
    /// When it was written (RFC 3339).
    pub(crate) created: String,
    /// How long its text is.
    pub(crate) text_bytes: usize,
    /// The session that wrote it.
    pub(crate) session: String,
    /// Where a search found something in its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) excerpt: Option<String>,
}

/// Only as much of a stored note as tells its version.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Note {
    /// A new note, within bounds.
    pub(crate) fn new(
        title: String,
        text: String,
        tags: Vec<String>,
        session: &str,
        created_us: u64,
    ) -> Result<Self, ToolError> {
        within("title", title.trim(), TITLE_BYTES_MAX)?;
        if title.contains(['\n', '\r']) {
            return Err(ToolError::invalid("title: is one line"));
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(ToolError::invalid(format!(
                "text: has {} bytes, more than {TEXT_BYTES_MAX}; split it into several notes",
                text.len()
            )));
        }
        if tags.len() > TAGS_MAX {
            return Err(ToolError::invalid(format!("tags: are at most {TAGS_MAX}")));
        }
        let mut tags: Vec<String> = tags.iter().map(|tag| tag.trim().to_lowercase()).collect();
        for tag in &tags {
            within("tags", tag, TAG_BYTES_MAX)?;
        }
        tags.sort();
        tags.dedup();
        Ok(Self {
            version: VERSION,
            title: title.trim().to_owned(),
            text,
            tags,
            created_us,
            session: session.to_owned(),
        })
    }

    /// The stored form.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, ToolError> {
        serde_json::to_vec(self)
            .map_err(|error| ToolError::failed(format!("cannot write the note: {error}")))
    }

    /// Reads the stored form; the error says what is there instead.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice::<Versioned>(bytes) {
            Ok(Versioned { version: VERSION }) => {
                serde_json::from_slice(bytes).map_err(|error| format!("it is damaged: {error}"))
            }
            Ok(Versioned { version }) => Err(format!(
                "it has version {version}, and this plugin reads {VERSION}"
            )),
            Err(_) => Err("it is no note".into()),
        }
    }

    /// Whether it has the tag, if one is asked for, and is of the session, if only that one's are.
    pub(crate) fn is_meant(&self, tag: Option<&str>, session: Option<&str>) -> bool {
        let tagged = tag.is_none_or(|tag| {
            let tag = tag.trim().to_lowercase();
            self.tags.contains(&tag)
        });
        tagged && session.is_none_or(|session| self.session == session)
    }

    /// What an answer says of it.
    pub(crate) fn into_head(self, id: String, excerpt: Option<String>) -> Head {
        Head {
            id,
            title: self.title,
            tags: self.tags,
            created: rfc3339(self.created_us),
            text_bytes: self.text.len(),
            session: self.session,
            excerpt,
        }
    }
}

fn within(what: &str, text: &str, bytes_max: usize) -> Result<(), ToolError> {
    if (1..=bytes_max).contains(&text.len()) {
        return Ok(());
    }
    Err(ToolError::invalid(format!(
        "{what}: has 1 to {bytes_max} bytes, this one {}",
        text.len()
    )))
}

/// A time to the second, in UTC.
pub(crate) fn rfc3339(us: u64) -> String {
    let seconds = i64::try_from(us / 1_000_000).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{us} us"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(title: &str, text: &str, tags: &[&str]) -> Result<Note, ToolError> {
        let tags = tags.iter().map(|tag| (*tag).into()).collect();
        Note::new(title.into(), text.into(), tags, "s", 1_764_212_104_999_999)
    }

    #[test]
    fn a_note_comes_back_as_it_was_kept() {
        let note = note(" T ", "text\n", &["B", "a ", "b"]).unwrap();
        assert_eq!(
            (note.title.as_str(), note.tags.join(",")),
            ("T", "a,b".into())
        );
        let bytes = note.to_bytes().unwrap();
        assert_eq!(Note::from_bytes(&bytes).unwrap(), note);
        assert_eq!(rfc3339(note.created_us), "2025-11-27T02:55:04Z");
    }

    #[test]
    fn what_is_no_note_of_this_version_says_so() {
        let of = |text: &str| Note::from_bytes(text.as_bytes()).unwrap_err();
        assert_eq!(of("x"), "it is no note");
        assert!(of(r#"{"version":2,"more":1}"#).contains("version 2"));
        assert!(of(r#"{"version":1,"title":1}"#).contains("damaged"));
    }

    #[test]
    fn notes_are_bounded() {
        assert!(note("", "", &[]).is_err());
        assert!(note("a\nb", "", &[]).is_err());
        assert!(note(&"x".repeat(201), "", &[]).is_err());
        assert!(note("a", &"x".repeat(TEXT_BYTES_MAX + 1), &[]).is_err());
        assert!(note("a", "", &["t"; 17]).is_err());
        assert!(note("a", "", &[" "]).is_err());
        assert!(note("a", &"x".repeat(TEXT_BYTES_MAX), &["t"; 16]).is_ok());
    }

    #[test]
    fn tags_and_sessions_choose() {
        let note = note("a", "", &["Work"]).unwrap();
        assert!(note.is_meant(None, None) && note.is_meant(Some("WORK "), Some("s")));
        assert!(!note.is_meant(Some("wor"), None) && !note.is_meant(None, Some("other")));
    }
}
