//! The tools `list` and `read`.

use crate::bounds::{LISTED, LISTED_MAX};
use crate::note::Head;
use crate::shelf::Shelf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tollgate_sdk::{Context, OutputBlock, Tool, ToolError, ToolOutput};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    /// Only notes with this tag.
    #[serde(default)]
    tag: Option<String>,
    /// Only notes that this session wrote.
    #[serde(default)]
    own: bool,
    /// How many of the newest to leave out, to go on after an answer that was cut.
    #[serde(default)]
    skip: usize,
    /// How many notes to name at most; 50 if not given, and never more than 200.
    #[serde(default = "listed")]
    notes_max: usize,
}

pub(crate) fn listed() -> usize {
    LISTED
}

/// Refuses a number of notes that is out of bounds.
pub(crate) fn check(notes_max: usize) -> Result<(), ToolError> {
    if (1..=LISTED_MAX).contains(&notes_max) {
        return Ok(());
    }
    Err(ToolError::invalid(format!(
        "notes_max: is from 1 to {LISTED_MAX}"
    )))
}

pub(crate) fn list() -> Tool {
    Tool::new::<List>(
        "list",
        "Names the notes, the newest first, with identifier, title, tags and time. read gives the text of one.",
        |arguments, context: &Context| {
            check(arguments.notes_max)?;
            let own = arguments.own.then_some(context.session.as_str());
            let shelf = Shelf::open()?;
            let mut notes = shelf.notes()?;
            let mut page = Page::new(arguments.skip, arguments.notes_max);
            while let Some((id, note)) = notes.next()? {
                if note.is_meant(arguments.tag.as_deref(), own)
                    && !page.take(|| note.into_head(id, None))
                {
                    break;
                }
            }
            page.answer(notes.unreadable)
        },
    )
    .title("List notes")
    .read_only()
}

/// Some of the notes that were found.
pub(crate) struct Page {
    skip: usize,
    notes_max: usize,
    found: usize,
    heads: Vec<Head>,
}

impl Page {
    pub(crate) fn new(skip: usize, notes_max: usize) -> Self {
        Self {
            skip,
            notes_max,
            found: 0,
            heads: Vec::new(),
        }
    }

    /// Takes a note that was found; false if there is no room for it.
    pub(crate) fn take(&mut self, head: impl FnOnce() -> Head) -> bool {
        if self.heads.len() >= self.notes_max {
            self.found = self.found.saturating_add(1);
            return false;
        }
        self.found = self.found.saturating_add(1);
        if self.found > self.skip {
            self.heads.push(head());
        }
        true
    }

    pub(crate) fn answer(self, unreadable: usize) -> Result<ToolOutput, ToolError> {
        let shown = self.skip.min(self.found).saturating_add(self.heads.len());
        let mut remarks = Vec::new();
        if self.heads.is_empty() {
            remarks.push("no notes".to_owned());
        }
        if self.found > shown {
            remarks.push(format!("there are more; go on with skip {shown}"));
        }
        if unreadable > 0 {
            remarks.push(format!("{unreadable} keys hold no note that can be read"));
        }
        let output = ToolOutput::json(&self.heads)?;
        Ok(match remarks.is_empty() {
            true => output,
            false => output.and_text(format!("[{}]", remarks.join("; "))),
        })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Read {
    /// The note's identifier, as list and search give it.
    id: String,
}

pub(crate) fn read() -> Tool {
    Tool::new::<Read>(
        "read",
        "Gives one note: what list says of it, and its whole text.",
        |arguments, _| {
            let note = Shelf::open()?.get(&arguments.id)?;
            let text = note.text.clone();
            let head = note.into_head(arguments.id, None);
            Ok(ToolOutput {
                content: vec![json_block(&head)?, OutputBlock::Text(text)],
                is_error: false,
            })
        },
    )
    .title("Read a note")
    .read_only()
}

fn json_block(value: &impl Serialize) -> Result<OutputBlock, ToolError> {
    serde_json::to_string(value)
        .map(OutputBlock::Json)
        .map_err(|error| ToolError::failed(format!("cannot write the answer as JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use crate::testing::{add, call, call_in, parts};
    use serde_json::{Value, json};

    fn titles(answer: &Value) -> Vec<&str> {
        let heads = answer.as_array().unwrap().iter();
        heads.map(|head| head["title"].as_str().unwrap()).collect()
    }

    fn pause() {
        // Identifiers sort by the millisecond.
        std::thread::sleep(std::time::Duration::from_millis(2));
    }

    #[test]
    fn the_newest_come_first_and_a_cut_says_how_to_go_on() {
        assert!(call("list", json!({})).unwrap().ends_with("[no notes]"));
        for (title, tags) in [("a", &["x"][..]), ("b", &[]), ("c", &["x", "y"])] {
            add(title, "", tags);
            pause();
        }
        let (all, note) = parts(&call("list", json!({})).unwrap());
        assert_eq!((titles(&all), note.as_str()), (vec!["c", "b", "a"], ""));
        let (some, note) = parts(&call("list", json!({"notes_max": 2})).unwrap());
        assert_eq!(titles(&some), ["c", "b"]);
        assert_eq!(note, "[there are more; go on with skip 2]");
        let (rest, note) = parts(&call("list", json!({"notes_max": 2, "skip": 2})).unwrap());
        assert_eq!((titles(&rest), note.as_str()), (vec!["a"], ""));
        let (tagged, _) = parts(&call("list", json!({"tag": "X"})).unwrap());
        assert_eq!(titles(&tagged), ["c", "a"]);
        let (beyond, note) = parts(&call("list", json!({"skip": 9})).unwrap());
        assert_eq!((titles(&beyond).len(), note.as_str()), (0, "[no notes]"));
        assert!(call("list", json!({"notes_max": 201})).is_err());
    }

    #[test]
    fn a_session_can_ask_for_its_own() {
        add("mine", "", &[]);
        call_in("other", "add", json!({"title": "theirs", "text": ""})).unwrap();
        let (own, _) = parts(&call("list", json!({"own": true})).unwrap());
        assert_eq!(titles(&own), ["mine"]);
        let (all, _) = parts(&call("list", json!({})).unwrap());
        assert_eq!(titles(&all).len(), 2);
    }
}
