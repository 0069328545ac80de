//! The answer as it grows: from one whole message, or from the chunks of a stream.

use super::calls::Calls;
use super::wire::{Choice, Chunk, Part, ToolCall};
use tollgate_adapter::answer::Answer as Blocks;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{Completion, Message, ProviderError, StopReason};

/// An answer that is not yet whole.
#[derive(Debug, Default)]
pub(super) struct Answer {
    blocks: Blocks,
    calls: Calls,
    refused: bool,
    finish_reason: Option<String>,
    /// Whether there was any choice at all.
    begun: bool,
}

impl Answer {
    /// An answer to these messages.
    pub(super) fn after(messages: &[Message]) -> Self {
        Self {
            blocks: Blocks::after(messages),
            ..Self::default()
        }
    }

    /// Whether the server has said why it stopped.
    pub(super) fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Takes one chunk and emits what is new in it.
    pub(super) fn take(&mut self, chunk: Chunk, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        let blocks = &mut self.blocks;
        blocks.response_id = blocks.response_id.take().or(chunk.id);
        blocks.response_id = blocks.response_id.take().filter(|id| !id.is_empty());
        blocks.model = blocks.model.take().or(chunk.model);
        blocks.model = blocks.model.take().filter(|model| !model.is_empty());
        if let Some(usage) = chunk.usage {
            blocks.usage = Some(usage.into());
        }
        // Only one choice is asked for; of others nothing is known.
        let choices = chunk.choices.unwrap_or_default();
        for choice in choices.into_iter().filter(|c| c.index.unwrap_or(0) == 0) {
            self.begun = true;
            self.choice(choice, sink)?;
        }
        Ok(())
    }

    fn choice(&mut self, choice: Choice, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        if let Some(message) = choice.message {
            self.part(message, true, sink)?;
        }
        if let Some(delta) = choice.delta {
            self.part(delta, false, sink)?;
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.finish_reason = Some(reason);
        }
        Ok(())
    }

    fn part(&mut self, part: Part, whole: bool, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        self.blocks.thinking(part.thinking(), sink)?;
        self.blocks.text(&part.text(), sink)?;
        if let Some(refusal) = part.refusal.filter(|text| !text.is_empty()) {
            self.refused = true;
            self.blocks.text(&refusal, sink)?;
        }
        for (at, call) in part.tool_calls.unwrap_or_default().into_iter().enumerate() {
            self.call(call, whole.then_some(at), sink)?;
        }
        Ok(())
    }

    /// Takes a call, or a piece of one; of a whole message, its place there.
    fn call(
        &mut self,
        piece: ToolCall,
        at: Option<usize>,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        let function = piece.function.unwrap_or_default();
        let name = function.name.as_deref().filter(|name| !name.is_empty());
        let id = piece.id.as_deref().filter(|id| !id.is_empty());
        let (index, id) = match at {
            Some(at) => (at, id),
            None => self.calls.place(piece.index, id, name.is_some()),
        };
        let arguments = function.arguments_text();
        self.blocks.tool(index, id, name, &arguments, sink)
    }

    /// The whole answer.
    pub(super) fn finish(self) -> Result<Completion, ProviderError> {
        if !self.begun {
            return Err(ProviderError::unavailable("the answer has no choices"));
        }
        let stop = self.stop();
        self.blocks.finish(stop)
    }

    fn stop(&self) -> StopReason {
        match self.finish_reason.as_deref() {
            Some("content_filter") => StopReason::Refused,
            Some("length") => StopReason::MaxTokens,
            _ if self.refused => StopReason::Refused,
            // Some servers say `stop` after asking for a tool; a tool that was asked for counts.
            _ if self.blocks.asks_for_tools() => StopReason::ToolUse,
            // The format does not tell a stop sequence from the end of a turn.
            Some("stop") => StopReason::EndTurn,
            _ => StopReason::Other,
        }
    }
}

#[cfg(test)]
mod tests;
