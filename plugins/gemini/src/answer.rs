//! The answer as it grows: from one whole response, or from the frames of a stream.

use crate::signed::{PROVIDER, Signed};
use crate::wire::{Candidate, Chunk, FunctionCall, InlineData, Part, PromptFeedback, Usage};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tollgate_adapter::{answer, image};
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{Completion, Image, Message, ProviderError, StopReason};

/// An answer that is not yet whole.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    out: answer::Answer,
    /// The text or reasoning that goes on.
    run: Option<Run>,
    calls: usize,
    usage: Usage,
    finish_reason: Option<String>,
    finish_message: Option<String>,
    /// Whether there was any candidate at all.
    begun: bool,
}

/// Text or reasoning that came in parts, as far as they have to be kept.
#[derive(Debug)]
struct Run {
    thought: bool,
    pieces: Vec<Piece>,
}

/// A part that was signed, as it came, or unsigned ones together.
#[derive(Debug)]
struct Piece {
    text: String,
    raw: Option<Box<RawValue>>,
}

impl Answer {
    /// An answer in a conversation.
    pub(crate) fn after(messages: &[Message]) -> Self {
        Self {
            out: answer::Answer::after(messages),
            ..Self::default()
        }
    }

    /// Whether the server has said why it stopped.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Takes one chunk and emits what is new in it.
    pub(crate) fn take(&mut self, chunk: Chunk, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        if self.out.response_id.is_none() {
            self.out.response_id = chunk.response_id.filter(|id| !id.is_empty());
        }
        if self.out.model.is_none() {
            self.out.model = chunk.model_version.filter(|model| !model.is_empty());
        }
        if let Some(usage) = chunk.usage_metadata {
            self.usage.take(usage);
        }
        let candidates = chunk.candidates.unwrap_or_default();
        if candidates.is_empty() {
            blocked(&chunk.prompt_feedback.unwrap_or_default())?;
        }
        // Only one candidate is asked for; of others nothing is known.
        let ours = |candidate: &Candidate| candidate.index.unwrap_or(0) == 0;
        for candidate in candidates.into_iter().filter(ours) {
            self.begun = true;
            for raw in candidate.content.and_then(|c| c.parts).unwrap_or_default() {
                self.part(raw, sink)?;
            }
            if let Some(reason) = candidate.finish_reason.filter(|reason| !reason.is_empty()) {
                self.finish_reason = Some(reason);
                self.finish_message = candidate.finish_message;
            }
        }
        Ok(())
    }

    fn part(&mut self, raw: Box<RawValue>, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        let part: Part = serde_json::from_str(raw.get()).map_err(|e| {
            ProviderError::unavailable(format!("a part of the answer cannot be read: {e}"))
        })?;
        let signed = part.is_signed();
        let thought = part.is_thought();
        if let Some(call) = part.function_call {
            self.end_run()?;
            // A block has no place for a signature; and its id is another where the server gave none, or
            // gave one twice.
            let id = call.id.as_deref().filter(|id| !id.is_empty());
            let keep = signed || id.is_none() || self.out.calls().any(|(_, given)| given == id);
            self.call(&call, sink)?;
            return if keep { self.keep(vec![raw]) } else { Ok(()) };
        }
        if let Some(text) = part.text {
            return self.text(text, thought, signed.then_some(raw), sink);
        }
        self.end_run()?;
        let shown = part.inline_data.filter(InlineData::is_image);
        if let Some(data) = &shown {
            self.image(data)?;
        }
        // What is not understood was not asked for; whatever it is, it goes back as it came.
        if signed || shown.is_none() {
            self.keep(vec![raw])?;
        }
        Ok(())
    }

    fn text(
        &mut self,
        text: String,
        thought: bool,
        raw: Option<Box<RawValue>>,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        if text.is_empty() && raw.is_none() {
            return Ok(());
        }
        if self.run.as_ref().is_some_and(|run| run.thought != thought) {
            self.end_run()?;
        }
        if thought {
            self.out.thinking(&text, sink)?;
        } else {
            self.out.text(&text, sink)?;
        }
        let run = self.run.get_or_insert_with(|| Run {
            thought,
            pieces: Vec::new(),
        });
        run.push(text, raw);
        Ok(())
    }

    fn call(&mut self, call: &FunctionCall, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        let (id, name) = (call.id.as_deref(), call.name.as_deref());
        let arguments = call.args.as_ref().map_or("", |args| args.get());
        self.out.tool(self.calls, id, name, arguments, sink)?;
        self.calls = self.calls.saturating_add(1);
        Ok(())
    }

    fn image(&mut self, data: &InlineData) -> Result<(), ProviderError> {
        let bytes = image::from_base64(&data.data)
            .ok_or_else(|| ProviderError::unavailable("an image in the answer is not base64"))?;
        self.out.image(Image {
            media_type: data.mime_type.clone(),
            data: bytes,
        })
    }

    /// Ends the text or reasoning that went on; what was signed in it is kept.
    fn end_run(&mut self) -> Result<(), ProviderError> {
        match self.run.take() {
            Some(run) if run.is_signed() => self.keep(run.parts()?),
            _ => Ok(()),
        }
    }

    /// Keeps parts as they came, after the block that shows them.
    fn keep(&mut self, parts: Vec<Box<RawValue>>) -> Result<(), ProviderError> {
        let data = serde_json::to_vec(&Signed::new(parts)).map_err(|e| kept(&e))?;
        self.out.opaque(PROVIDER, data)
    }

    /// The whole answer.
    pub(crate) fn finish(mut self) -> Result<Completion, ProviderError> {
        if !self.begun {
            return Err(ProviderError::unavailable("the answer has no candidates"));
        }
        self.failed()?;
        self.end_run()?;
        self.out.usage = Some(self.usage.into());
        let stop = self.stop();
        self.out.finish(stop)
    }

    /// The reasons to stop that leave no answer.
    fn failed(&self) -> Result<(), ProviderError> {
        let more = self.finish_message.as_deref().unwrap_or("no message");
        match self.finish_reason.as_deref() {
            // The model slipped; asked once more it mostly does not.
            Some(
                reason @ ("MALFORMED_FUNCTION_CALL"
                | "MALFORMED_RESPONSE"
                | "UNEXPECTED_TOOL_CALL"
                | "TOO_MANY_TOOL_CALLS"),
            ) => Err(ProviderError::unavailable(format!(
                "the model did not ask for a tool as it should ({reason}): {more}"
            ))),
            Some(reason @ "MISSING_THOUGHT_SIGNATURE") => Err(ProviderError::invalid(format!(
                "the conversation lacks a signature ({reason}): {more}"
            ))),
            _ => Ok(()),
        }
    }

    fn stop(&self) -> StopReason {
        match self.finish_reason.as_deref() {
            Some("MAX_TOKENS") => StopReason::MaxTokens,
            Some(
                "SAFETY"
                | "RECITATION"
                | "LANGUAGE"
                | "BLOCKLIST"
                | "PROHIBITED_CONTENT"
                | "SPII"
                | "IMAGE_SAFETY"
                | "IMAGE_PROHIBITED_CONTENT"
                | "IMAGE_RECITATION"
                | "ESCALATION"
                | "PUP_LIMITED_DISABLED",
            ) => StopReason::Refused,
            // The format has no reason of its own for it.
            _ if self.out.asks_for_tools() => StopReason::ToolUse,
            // The format does not tell a stop sequence from the end of a turn.
            Some("STOP") => StopReason::EndTurn,
            _ => StopReason::Other,
        }
    }
}

impl Run {
    fn is_signed(&self) -> bool {
        self.pieces.iter().any(|piece| piece.raw.is_some())
    }

    fn push(&mut self, text: String, raw: Option<Box<RawValue>>) {
        match (self.pieces.last_mut(), raw) {
            (Some(last), None) if last.raw.is_none() => last.text.push_str(&text),
            (_, raw) => self.pieces.push(Piece { text, raw }),
        }
    }

    fn parts(self) -> Result<Vec<Box<RawValue>>, ProviderError> {
        let part = |piece: Piece| match (piece.raw, self.thought) {
            (Some(raw), _) => Ok(raw),
            (None, true) => to_raw_value(&json!({"text": piece.text, "thought": true})),
            (None, false) => to_raw_value(&json!({"text": piece.text})),
        };
        let parts: Result<_, _> = self.pieces.into_iter().map(part).collect();
        parts.map_err(|e| kept(&e))
    }
}

fn kept(error: &serde_json::Error) -> ProviderError {
    ProviderError::unavailable(format!("a part of the answer cannot be kept: {error}"))
}

fn blocked(feedback: &PromptFeedback) -> Result<(), ProviderError> {
    let Some(reason) = &feedback.block_reason else {
        return Ok(());
    };
    let more = feedback.block_reason_message.as_deref().unwrap_or_default();
    let colon = if more.is_empty() { "" } else { ": " };
    Err(ProviderError::Refused(format!(
        "the prompt was blocked ({reason}){colon}{more}"
    )))
}

#[cfg(test)]
mod tests;
