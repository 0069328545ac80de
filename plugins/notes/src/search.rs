//! The tool `search`.

use crate::bounds::{EXCERPT_BYTES_MAX, QUERY_BYTES_MAX};
use crate::list::{Page, check, listed};
use crate::note::Note;
use crate::shelf::Shelf;
use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_sdk::{Context, Tool, ToolError};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// Words that must all be in the note: in its title, its text or its tags. Case does not matter.
    query: String,
    /// Only notes with this tag.
    #[serde(default)]
    tag: Option<String>,
    /// Only notes that this session wrote.
    #[serde(default)]
    own: bool,
    /// How many of the newest matches to leave out, to go on after an answer that was cut.
    #[serde(default)]
    skip: usize,
    /// How many notes to name at most; 50 if not given, and never more than 200.
    #[serde(default = "listed")]
    notes_max: usize,
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Search>(
        "search",
        "Finds notes by words and names them as list does, the newest first, each with an excerpt. read gives \
         the text of one.",
        |arguments, context: &Context| {
            check(arguments.notes_max)?;
            let words = words(&arguments.query)?;
            let own = arguments.own.then_some(context.session.as_str());
            let shelf = Shelf::open()?;
            let mut notes = shelf.notes()?;
            let mut page = Page::new(arguments.skip, arguments.notes_max);
            while let Some((id, note)) = notes.next()? {
                if note.is_meant(arguments.tag.as_deref(), own)
                    && matches(&note, &words)
                    && !page.take(|| {
                        let excerpt = excerpt(&note.text, &words);
                        note.into_head(id, Some(excerpt))
                    })
                {
                    break;
                }
            }
            page.answer(notes.unreadable)
        },
    )
    .title("Search notes")
    .read_only()
}

fn words(query: &str) -> Result<Vec<String>, ToolError> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(ToolError::invalid(format!(
            "query: has at most {QUERY_BYTES_MAX} bytes"
        )));
    }
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    match words.is_empty() {
        true => Err(ToolError::invalid("query: is empty; list names all notes")),
        false => Ok(words),
    }
}

fn matches(note: &Note, words: &[String]) -> bool {
    let places = [note.title.to_lowercase(), note.text.to_lowercase()];
    words.iter().all(|word| {
        places.iter().any(|place| place.contains(word))
            || note.tags.iter().any(|tag| tag.contains(word))
    })
}

/// The text around the first word that is in it, else its beginning; on one line.
fn excerpt(text: &str, words: &[String]) -> String {
    let lower = text.to_lowercase();
    let found = words.iter().filter_map(|word| lower.find(word)).min();
    // Lower case may be longer or shorter; the excerpt then begins a little elsewhere.
    let before = found.unwrap_or(0).saturating_sub(EXCERPT_BYTES_MAX / 4);
    let start = text.floor_char_boundary(before);
    let end = text.floor_char_boundary(start.saturating_add(EXCERPT_BYTES_MAX));
    let cut = text.get(start..end).unwrap_or_default();
    let words: Vec<&str> = cut.split_whitespace().collect();
    let mark = |cut: bool| if cut { "…" } else { "" };
    format!(
        "{}{}{}",
        mark(start > 0),
        words.join(" "),
        mark(end < text.len())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{add, call, parts};
    use serde_json::json;

    #[test]
    fn all_words_must_be_somewhere_in_the_note() {
        let id = add("Die Straße", "führt nach Köln", &["reise"]);
        add("other", "nach Bonn", &[]);
        let ids = |query: &str| {
            let (found, _) = parts(&call("search", json!({"query": query})).unwrap());
            let heads = found.as_array().unwrap().iter();
            heads
                .map(|head| head["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids("KÖLN straße Reise"), [id]);
        assert_eq!(ids("nach").len(), 2);
        assert!(ids("nach Rom").is_empty());
        assert!(call("search", json!({"query": " "})).is_err());
        assert!(call("search", json!({"query": "x".repeat(501)})).is_err());
    }

    #[test]
    fn an_excerpt_shows_where() {
        let text = format!("{} needle\n{}", "ä ".repeat(100), "b ".repeat(200));
        let shown = excerpt(&text, &["needle".into()]);
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        assert!(shown.contains("needle b"), "{shown}");
        assert_eq!(excerpt("a  b", &["x".into()]), "a b");
    }
}
