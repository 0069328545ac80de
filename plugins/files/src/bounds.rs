//! How much the tools read and say.

/// Largest file that is edited as a whole, or searched, in bytes.
pub(crate) const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Longest text of one answer, in bytes.
pub(crate) const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Most notes about what was left out.
const NOTES_MAX: usize = 5;

/// What an answer left out, and why. Collapses a flood into a count.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    notes: Vec<String>,
    more: usize,
}

impl Notes {
    /// Adds a note.
    pub(crate) fn add(&mut self, note: impl Into<String>) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(note.into());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// The notes as one text in brackets, if there are any.
    pub(crate) fn into_text(mut self) -> Option<String> {
        if self.more > 0 {
            self.notes.push(format!("and {} more", self.more));
        }
        (!self.notes.is_empty()).then(|| format!("[{}]", self.notes.join("; ")))
    }
}

/// Cuts `text` to at most `bytes_max` bytes, between characters; true if something was cut.
pub(crate) fn cut(text: &mut String, bytes_max: usize) -> bool {
    if text.len() <= bytes_max {
        return false;
    }
    text.truncate(text.floor_char_boundary(bytes_max));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_notes_is_counted() {
        let mut notes = Notes::default();
        assert!(Notes::default().into_text().is_none());
        for n in 0..7 {
            notes.add(n.to_string());
        }
        assert_eq!(
            notes.into_text().as_deref(),
            Some("[0; 1; 2; 3; 4; and 2 more]")
        );
    }

    #[test]
    fn a_cut_is_between_characters() {
        let mut text = "aä".to_owned();
        assert!(!cut(&mut text, 3));
        assert!(cut(&mut text, 2));
        assert_eq!(text, "a");
    }
}
