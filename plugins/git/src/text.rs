//! Answers as text, bounded.

use crate::bounds::OUTPUT_BYTES_MAX;
use crate::id::Id;
use crate::object::Commit;
use tollgate_sdk::ToolOutput;

/// An answer that grows.
#[derive(Debug, Default)]
pub(crate) struct Text {
    text: String,
    notes: Vec<String>,
    cut: bool,
}

impl Text {
    /// Adds a part; false once there is no room.
    pub(crate) fn add(&mut self, part: &str) -> bool {
        if self.cut {
            return false;
        }
        let room = OUTPUT_BYTES_MAX.saturating_sub(self.text.len());
        if part.len() > room {
            let end = part.floor_char_boundary(room);
            self.text.push_str(part.get(..end).unwrap_or_default());
            self.cut = true;
            return false;
        }
        self.text.push_str(part);
        true
    }

    /// Adds what is said behind the text.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn into_output(mut self) -> ToolOutput {
        if self.cut {
            self.notes.push(format!(
                "cut after {OUTPUT_BYTES_MAX} bytes; ask for less, by path or range"
            ));
        }
        let output = ToolOutput::text(self.text);
        match self.notes.is_empty() {
            true => output,
            false => output.and_text(format!("[{}]", self.notes.join("; "))),
        }
    }
}

/// A commit as `git log --date=iso-strict` shows it.
pub(crate) fn commit(id: &Id, commit: &Commit) -> String {
    let mut text = format!("commit {id}\n");
    if let [_, _, ..] = commit.parents.as_slice() {
        let parents: Vec<String> = commit.parents.iter().map(Id::short).collect();
        text.push_str(&format!("Merge: {}\n", parents.join(" ")));
    }
    text.push_str(&format!(
        "Author: {} <{}>\nDate:   {}\n\n",
        commit.author.name,
        commit.author.email,
        commit.author.time()
    ));
    for line in commit.message.trim_end().lines() {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_is_cut_between_characters() {
        let mut text = Text::default();
        assert!(text.add("a"));
        assert!(!text.add(&"ä".repeat(OUTPUT_BYTES_MAX)) && !text.add("b"));
        assert!(text.text.len() <= OUTPUT_BYTES_MAX && text.text.ends_with('ä'));
        assert_eq!(text.into_output().content.len(), 2);
    }
}
