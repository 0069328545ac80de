//! The answer as it grows: from one whole message, or from the lines of a stream.

use crate::wire::{Chunk, ToolCall};
use tollgate_adapter::answer;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{Completion, Message, ProviderError, StopReason, Usage};

/// An answer that is not yet whole.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    out: answer::Answer,
    calls: usize,
    done: bool,
    done_reason: Option<String>,
}

impl Answer {
    /// An answer in a conversation.
    pub(crate) fn after(messages: &[Message]) -> Self {
        Self {
            out: answer::Answer::after(messages),
            ..Self::default()
        }
    }

    /// Whether the server has said that this was all.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Takes one chunk and emits what is new in it.
    pub(crate) fn take(&mut self, chunk: &Chunk, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        let done = chunk.done == Some(true);
        if chunk.message.is_none() && !done {
            return Err(ProviderError::unavailable(
                "a piece of the answer has neither a message nor an end",
            ));
        }
        if self.out.model.is_none() {
            self.out.model = chunk.model.clone().filter(|model| !model.is_empty());
        }
        if let Some(message) = &chunk.message {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            self.out.thinking(&text(&message.thinking), sink)?;
            self.out.text(&text(&message.content), sink)?;
            for call in message.tool_calls.iter().flatten() {
                self.call(call, sink)?;
            }
        }
        if done {
            self.done = true;
            self.done_reason = chunk.done_reason.clone();
            self.out.usage = Some(Usage {
                input: chunk.prompt_eval_count.unwrap_or_default(),
                output: chunk.eval_count.unwrap_or_default(),
                // The server says neither.
                cached_input: 0,
                reasoning: 0,
            });
        }
        Ok(())
    }

    /// A call always comes whole. The number that the server gives it says nothing: some versions give all
    /// of them the same.
    fn call(&mut self, call: &ToolCall, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        let function = call.function.as_ref();
        let name = function.and_then(|function| function.name.as_deref());
        let arguments = function.map(|function| function.arguments_text());
        let arguments = arguments.unwrap_or_default();
        self.out
            .tool(self.calls, call.id.as_deref(), name, &arguments, sink)?;
        self.calls = self.calls.saturating_add(1);
        Ok(())
    }

    /// The whole answer.
    pub(crate) fn finish(self) -> Result<Completion, ProviderError> {
        if !self.done {
            return Err(ProviderError::unavailable("the answer is not whole"));
        }
        let stop = self.stop();
        self.out.finish(stop)
    }

    fn stop(&self) -> StopReason {
        match self.done_reason.as_deref() {
            Some("length") => StopReason::MaxTokens,
            // The format has no reason of its own for it.
            _ if self.out.asks_for_tools() => StopReason::ToolUse,
            // The format does not tell a stop sequence from the end of a turn. Old servers give no reason.
            Some("stop") | None => StopReason::EndTurn,
            // `load`: the model was loaded and nothing was asked of it.
            _ => StopReason::Other,
        }
    }
}

#[cfg(test)]
mod tests;
