//! One block of the answer while it grows, and what goes back of it.

use crate::fields::Fields;
use crate::wire;
use serde_json::value::{RawValue, to_raw_value};
use tollgate_adapter::answer::Answer;
use tollgate_sdk::ProviderError;
use tollgate_sdk::sink::Emit;

/// A block that has begun.
#[derive(Debug)]
pub(crate) struct Block {
    /// The server's number of it in this answer.
    pub(crate) index: u64,
    kind: Kind,
    /// How the server began it, as it was written.
    start: Box<RawValue>,
    /// What was added to it, by the name of its field.
    text: String,
    thinking: String,
    signature: String,
    input: String,
    /// Whether pieces came at all: else the beginning is the whole.
    grown: bool,
    /// Whether a piece came of which nothing is known, so that the whole is not known either.
    unknown: bool,
}

#[derive(Debug)]
enum Kind {
    Text,
    Thinking,
    /// With the number that the answer knows it by, and the arguments that came with the beginning.
    ToolUse(usize, Option<Box<RawValue>>),
    /// Nothing for a reader: reasoning that is not shown, or the work of a tool of the server's own.
    Other,
}

impl Block {
    /// Begins a block; what is already in it goes to `answer`.
    pub(crate) fn begin(
        index: u64,
        start: Box<RawValue>,
        answer: &mut Answer,
        sink: &mut dyn Emit,
    ) -> Result<Self, ProviderError> {
        let read: wire::Block = serde_json::from_str(start.get()).map_err(unreadable)?;
        answer.begin_block();
        let kind = match read.kind.as_deref() {
            Some("text") => Kind::Text,
            Some("thinking") => Kind::Thinking,
            Some("tool_use") => {
                let number =
                    usize::try_from(index).map_err(|_| broken("its number is too large"))?;
                let named = |field: Option<String>| field.filter(|text| !text.is_empty());
                let (Some(id), Some(name)) = (named(read.id), named(read.name)) else {
                    return Err(broken("it asks for a tool without an id or a name"));
                };
                answer.tool(number, Some(&id), Some(&name), "", sink)?;
                Kind::ToolUse(number, read.input)
            }
            Some(_) => Kind::Other,
            None => return Err(broken("it has no type")),
        };
        let mut block = Self {
            index,
            kind,
            start,
            text: String::new(),
            thinking: String::new(),
            signature: read.signature.unwrap_or_default(),
            input: String::new(),
            grown: false,
            unknown: false,
        };
        block.add_text(read.text, answer, sink)?;
        block.add_thinking(read.thinking, answer, sink)?;
        Ok(block)
    }

    /// Takes one more piece.
    pub(crate) fn grow(
        &mut self,
        piece: wire::Delta,
        answer: &mut Answer,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        self.grown = true;
        let Some(kind) = piece.kind.as_deref() else {
            return Err(broken("a piece of it has no type"));
        };
        match (kind, &self.kind) {
            ("text_delta", Kind::Text | Kind::Other) => self.add_text(piece.text, answer, sink)?,
            ("thinking_delta", Kind::Thinking | Kind::Other) => {
                self.add_thinking(piece.thinking, answer, sink)?;
            }
            // It comes whole; a later one takes its place.
            ("signature_delta", Kind::Thinking | Kind::Other) => {
                self.signature = piece.signature.unwrap_or_default();
            }
            ("input_json_delta", Kind::ToolUse(..) | Kind::Other) => {
                self.input.push_str(&piece.partial_json.unwrap_or_default());
            }
            // The contract has no place for what a text rests on.
            ("citations_delta", Kind::Text) => {}
            ("text_delta" | "thinking_delta" | "signature_delta" | "input_json_delta", _) => {
                return Err(broken("a piece of it is of another kind"));
            }
            _ => self.unknown = true,
        }
        Ok(())
    }

    fn add_text(
        &mut self,
        text: Option<String>,
        answer: &mut Answer,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        let text = text.unwrap_or_default();
        match self.kind {
            Kind::Text => answer.text(&text, sink)?,
            _ => self.text.push_str(&text),
        }
        Ok(())
    }

    fn add_thinking(
        &mut self,
        thinking: Option<String>,
        answer: &mut Answer,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        let thinking = thinking.unwrap_or_default();
        if let Kind::Thinking = self.kind {
            answer.thinking(&thinking, sink)?;
        }
        self.thinking.push_str(&thinking);
        Ok(())
    }

    /// Ends the block: what is only known now goes to `answer`.
    pub(crate) fn end(self, answer: &mut Answer, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        match &self.kind {
            Kind::Text => Ok(()),
            Kind::ToolUse(number, whole) => {
                let arguments = match (self.input.as_str(), whole) {
                    ("", Some(whole)) => whole.get(),
                    (pieces, _) => pieces,
                };
                answer.tool(*number, None, None, arguments, sink)
            }
            // Reasoning that was cut off has no signature, and would be refused if it were sent back.
            Kind::Thinking if self.signature.is_empty() => Ok(()),
            Kind::Thinking | Kind::Other if self.unknown => Ok(()),
            Kind::Thinking | Kind::Other => answer.opaque(crate::NAME, self.exact()?),
        }
    }

    /// The block as it goes back: as it came, or its beginning with what the pieces have added.
    fn exact(&self) -> Result<Vec<u8>, ProviderError> {
        if !self.grown {
            return Ok(self.start.get().into());
        }
        let mut fields: Fields = serde_json::from_str(self.start.get()).map_err(unreadable)?;
        for (name, text) in [
            ("text", &self.text),
            ("thinking", &self.thinking),
            ("signature", &self.signature),
        ] {
            if !text.is_empty() {
                fields.set(name, to_raw_value(text).map_err(unreadable)?);
            }
        }
        if !self.input.is_empty() {
            let input = RawValue::from_string(self.input.clone()).map_err(unreadable)?;
            fields.set("input", input);
        }
        serde_json::to_vec(&fields).map_err(unreadable)
    }
}

fn unreadable(error: serde_json::Error) -> ProviderError {
    broken(&format!("it cannot be read ({error})"))
}

fn broken(why: &str) -> ProviderError {
    ProviderError::unavailable(format!("a block of the answer is broken: {why}"))
}
