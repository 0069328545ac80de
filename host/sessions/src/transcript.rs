//! The transcript: the words of a session, private to its owner, apart from events and ledger.
//!
//! An entry is JSON with schema [`TRANSCRIPT_SCHEMA`]. The conversation that a provider sees is built
//! from the entries of one generation: neighbouring messages of one role become one, and what is not a
//! message (handoffs) is left out.

use crate::handoff::Handoff;
use crate::ports::{FIRST_ENTRY, TranscriptEntry};
use serde::{Deserialize, Serialize};
use tollgate_contract::{ContentBlock, Message, Role};

/// Schema of the entries that this version writes.
pub const TRANSCRIPT_SCHEMA: &str = "tollgate.transcript/1";

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// [`TRANSCRIPT_SCHEMA`].
    pub schema: String,
    /// The run that wrote it.
    pub run: String,
    /// When, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The adapter that made it; none for what no provider said, and in entries of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// What it holds.
    pub item: Item,
}

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Item {
    /// A part of the conversation.
    Message {
        /// The message.
        message: Message,
    },
    /// What a run left for whoever continues.
    Handoff {
        /// The document.
        document: Box<Handoff>,
    },
}

/// A transcript entry that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("transcript entry {n} cannot be read: {message}")]
pub struct TranscriptError {
    /// Its number.
    pub n: u64,
    /// What is wrong.
    pub message: String,
}

/// Reads a stored entry.
pub fn parse(entry: &TranscriptEntry) -> Result<Entry, TranscriptError> {
    let refuse = |message: String| TranscriptError {
        n: entry.n,
        message,
    };
    let parsed: Entry = serde_json::from_str(&entry.json).map_err(|e| refuse(e.to_string()))?;
    if parsed.schema == TRANSCRIPT_SCHEMA {
        Ok(parsed)
    } else {
        Err(refuse(format!(
            "its schema is not {TRANSCRIPT_SCHEMA}; use a newer tollgate"
        )))
    }
}

/// A tool that the model asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolUse {
    /// The provider's id of the request.
    pub id: String,
    /// The tool's name as the provider was told.
    pub name: String,
    /// The arguments in JSON.
    pub arguments_json: String,
}

/// The conversation of one generation, and where its transcript ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    messages: Vec<Message>,
    /// For each message, who made each of its blocks.
    makers: Vec<Vec<Option<String>>>,
    /// The run that wrote the last message.
    last_run: Option<String>,
    next_n: u64,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            messages: Vec::new(),
            makers: Vec::new(),
            last_run: None,
            next_n: FIRST_ENTRY,
        }
    }
}

impl Conversation {
    /// Adds a stored entry.
    pub fn push(&mut self, entry: &Entry) {
        self.next_n = self.next_n.saturating_add(1);
        let Item::Message { message } = &entry.item else {
            return;
        };
        self.last_run = Some(entry.run.clone());
        let makers = message.content.iter().map(|_| entry.made_by.clone());
        match (self.messages.last_mut(), self.makers.last_mut()) {
            (Some(last), Some(last_makers)) if last.role == message.role => {
                last.content.extend(message.content.iter().cloned());
                last_makers.extend(makers);
            }
            _ => {
                self.makers.push(makers.collect());
                self.messages.push(message.clone());
            }
        }
    }

    /// The messages, each with who made its blocks.
    pub(crate) fn with_makers(&self) -> impl Iterator<Item = (&Message, &[Option<String>])> {
        self.messages
            .iter()
            .zip(self.makers.iter().map(Vec::as_slice))
    }

    /// The messages, in order; no two neighbours have one role.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The number of the next entry.
    pub fn next_n(&self) -> u64 {
        self.next_n
    }

    /// What the model asked for last and has no answer to, in its order.
    pub fn unanswered(&self) -> Vec<ToolUse> {
        let Some(at) = self
            .messages
            .iter()
            .rposition(|m| m.role == Role::Assistant)
        else {
            return Vec::new();
        };
        let mut answered: Vec<&str> = self
            .messages
            .iter()
            .skip(at + 1)
            .flat_map(|message| &message.content)
            .filter_map(|block| match block {
                ContentBlock::ToolResult { id, .. } => Some(id.as_str()),
                _ => None,
            })
            .collect();
        // Ids are the provider's; one used twice needs two answers.
        let uses = self
            .messages
            .get(at)
            .map_or(&[][..], |m| m.content.as_slice());
        uses.iter()
            .filter_map(as_tool_use)
            .filter(
                |wanted| match answered.iter().position(|id| *id == wanted.id) {
                    Some(found) => {
                        answered.swap_remove(found);
                        false
                    }
                    None => true,
                },
            )
            .collect()
    }

    /// The last text that the user said; empty if there is none.
    pub fn last_prompt(&self) -> &str {
        self.messages
            .iter()
            .rev()
            .filter(|message| message.role == Role::User)
            .flat_map(|message| message.content.iter().rev())
            .find_map(|block| match block {
                ContentBlock::Text { text } => Some(text.as_str()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The text of the last message if the model said it in `run` and asks for nothing.
    pub fn answer_of(&self, run: &str) -> Option<String> {
        let last = self.messages.last()?;
        let done = last.role == Role::Assistant
            && self.last_run.as_deref() == Some(run)
            && !last
                .content
                .iter()
                .any(|block| as_tool_use(block).is_some());
        done.then(|| text_of(&last.content))
    }
}

/// The block as a request for a tool, if it is one.
pub fn as_tool_use(block: &ContentBlock) -> Option<ToolUse> {
    match block {
        ContentBlock::ToolUse {
            id,
            name,
            arguments_json,
        } => Some(ToolUse {
            id: id.clone(),
            name: name.clone(),
            arguments_json: arguments_json.clone(),
        }),
        _ => None,
    }
}

/// The text blocks, joined by empty lines.
pub fn text_of(content: &[ContentBlock]) -> String {
    let texts: Vec<&str> = content
        .iter()
        .filter_map(|block| match block {
            ContentBlock::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(role: Role, content: Vec<ContentBlock>) -> Entry {
        Entry {
            schema: TRANSCRIPT_SCHEMA.into(),
            run: "run_1".into(),
            time_us: 1,
            made_by: None,
            item: Item::Message {
                message: Message { role, content },
            },
        }
    }

    fn text(text: &str) -> ContentBlock {
        ContentBlock::Text { text: text.into() }
    }

    fn wants(id: &str) -> ContentBlock {
        ContentBlock::ToolUse {
            id: id.into(),
            name: "files__read".into(),
            arguments_json: "{}".into(),
        }
    }

    fn result(id: &str) -> ContentBlock {
        ContentBlock::ToolResult {
            id: id.into(),
            name: "files__read".into(),
            text: "x".into(),
            is_error: false,
        }
    }

    #[test]
    fn results_join_and_what_has_none_is_unanswered() {
        let mut conversation = Conversation::default();
        conversation.push(&entry(Role::User, vec![text("go")]));
        conversation.push(&entry(
            Role::Assistant,
            vec![text("ok"), wants("a"), wants("b"), wants("b")],
        ));
        assert_eq!(conversation.unanswered().len(), 3);
        conversation.push(&entry(Role::User, vec![result("a")]));
        conversation.push(&entry(Role::User, vec![result("b")]));
        let left = conversation.unanswered();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].id, "b");
        assert_eq!(conversation.messages().len(), 3);
        assert_eq!(conversation.next_n(), 5);
        assert_eq!(conversation.answer_of("run_1"), None);
        conversation.push(&entry(Role::Assistant, vec![text("done")]));
        assert!(conversation.unanswered().is_empty());
        assert_eq!(conversation.answer_of("run_1").as_deref(), Some("done"));
        assert_eq!(conversation.answer_of("run_2"), None);
    }

    #[test]
    fn an_entry_of_another_schema_is_refused() {
        let mut odd = entry(Role::User, vec![text("x")]);
        odd.schema = "tollgate.transcript/9".into();
        let stored = TranscriptEntry {
            generation: 1,
            n: 4,
            json: serde_json::to_string(&odd).unwrap(),
        };
        assert!(
            parse(&stored)
                .unwrap_err()
                .to_string()
                .starts_with("transcript entry 4")
        );
    }
}
