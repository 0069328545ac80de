//! The answer as it grows: from one whole message, or from the chunks of a stream.

use crate::wire::{Choice, Chunk, Part, ToolCall};
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{
    Completion, ContentBlock, Delta, ProviderError, StopReason, ToolUse, ToolUseStart, Usage,
};

/// Most tools that one answer asks for.
const TOOL_CALLS_MAX: usize = 128;

/// An answer that is not yet whole.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    id: Option<String>,
    model: Option<String>,
    text: String,
    thinking: String,
    refusal: String,
    calls: Vec<Call>,
    finish_reason: Option<String>,
    usage: Option<Usage>,
    /// Whether there was any choice at all.
    begun: bool,
}

/// A tool that is being asked for.
#[derive(Debug, Default)]
struct Call {
    /// The server's number of it in this answer.
    index: usize,
    id: Option<String>,
    name: Option<String>,
    arguments: String,
}

impl Answer {
    /// Whether the server has said why it stopped.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Takes one chunk and emits what is new in it.
    pub(crate) fn take(&mut self, chunk: Chunk, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        self.id = self.id.take().or(chunk.id).filter(|id| !id.is_empty());
        self.model = self
            .model
            .take()
            .or(chunk.model)
            .filter(|model| !model.is_empty());
        if let Some(usage) = chunk.usage {
            self.usage = Some(usage.into());
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
        let text = part.text();
        if !text.is_empty() {
            self.text.push_str(&text);
            sink.emit(Delta::Text(text));
        }
        if let Some(thinking) = part.reasoning_content.filter(|text| !text.is_empty()) {
            self.thinking.push_str(&thinking);
            sink.emit(Delta::Thinking(thinking));
        }
        if let Some(refusal) = part.refusal.filter(|text| !text.is_empty()) {
            self.refusal.push_str(&refusal);
            sink.emit(Delta::Text(refusal));
        }
        for (at, call) in part.tool_calls.unwrap_or_default().into_iter().enumerate() {
            let index = match call.index {
                Some(index) => index,
                None if whole => at,
                None => self.index_of(call.id.as_deref()),
            };
            self.call(index, call, sink)?;
        }
        Ok(())
    }

    /// The number of a piece that carries none: a new id begins a new call, else the last goes on.
    fn index_of(&self, id: Option<&str>) -> usize {
        let last = self.calls.last().map_or(0, |call| call.index);
        match id.filter(|id| !id.is_empty()) {
            None => last,
            Some(id) => match self
                .calls
                .iter()
                .find(|call| call.id.as_deref() == Some(id))
            {
                Some(call) => call.index,
                None if self.calls.is_empty() => 0,
                None => last.saturating_add(1),
            },
        }
    }

    fn call(
        &mut self,
        index: usize,
        piece: ToolCall,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        let at = match self.calls.iter().position(|call| call.index == index) {
            Some(at) => at,
            None if self.calls.len() >= TOOL_CALLS_MAX => {
                return Err(ProviderError::unavailable(format!(
                    "the answer asks for more than {TOOL_CALLS_MAX} tools"
                )));
            }
            None => {
                self.calls.push(Call {
                    index,
                    ..Call::default()
                });
                self.calls.len().saturating_sub(1)
            }
        };
        let Some(call) = self.calls.get_mut(at) else {
            return Ok(());
        };
        if call.id.is_none() {
            call.id = piece.id.filter(|id| !id.is_empty());
        }
        let function = piece.function.unwrap_or_default();
        call.arguments.push_str(&function.arguments_text());
        // The name comes once and whole; a server that repeats it says nothing new.
        if let (None, Some(name)) = (&call.name, function.name.filter(|name| !name.is_empty())) {
            call.name = Some(name.clone());
            let id = call.id.get_or_insert_with(|| made_up_id(index)).clone();
            sink.emit(Delta::ToolUse(ToolUseStart { id, name }));
        }
        Ok(())
    }

    /// The whole answer.
    pub(crate) fn finish(self) -> Result<Completion, ProviderError> {
        if !self.begun {
            return Err(ProviderError::unavailable("the answer has no choices"));
        }
        let stop = self.stop();
        let mut content = Vec::new();
        if !self.thinking.is_empty() {
            content.push(ContentBlock::Thinking(self.thinking));
        }
        for text in [self.text, self.refusal] {
            if !text.is_empty() {
                content.push(ContentBlock::Text(text));
            }
        }
        for call in self.calls {
            let Some(name) = call.name else {
                return Err(ProviderError::unavailable(
                    "the answer asks for a tool without naming it",
                ));
            };
            content.push(ContentBlock::ToolUse(ToolUse {
                id: call.id.unwrap_or_else(|| made_up_id(call.index)),
                name,
                arguments_json: match call.arguments.trim() {
                    "" => "{}".into(),
                    _ => call.arguments,
                },
            }));
        }
        Ok(Completion {
            model: self.model.unwrap_or_default(),
            response_id: self.id,
            content,
            stop,
            usage: self.usage.unwrap_or(Usage {
                input: 0,
                output: 0,
                cached_input: 0,
                reasoning: 0,
            }),
        })
    }

    fn stop(&self) -> StopReason {
        match self.finish_reason.as_deref() {
            Some("content_filter") => StopReason::Refused,
            Some("length") => StopReason::MaxTokens,
            _ if !self.refusal.is_empty() => StopReason::Refused,
            // Some servers say `stop` after asking for a tool; a tool that was asked for counts.
            _ if !self.calls.is_empty() => StopReason::ToolUse,
            // The format does not tell a stop sequence from the end of a turn.
            Some("stop") => StopReason::EndTurn,
            _ => StopReason::Other,
        }
    }
}

/// An id for a call to which the server gave none; unique in its answer.
fn made_up_id(index: usize) -> String {
    format!("call_{index}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn answer(chunks: &[Value]) -> Result<(Completion, Vec<Delta>), ProviderError> {
        let mut answer = Answer::default();
        let mut deltas = Vec::new();
        for chunk in chunks {
            answer.take(serde_json::from_value(chunk.clone()).unwrap(), &mut deltas)?;
        }
        Ok((answer.finish()?, deltas))
    }

    fn delta(delta: Value) -> Value {
        json!({"choices": [{"index": 0, "delta": delta}]})
    }

    fn end(reason: &str) -> Value {
        json!({"choices": [{"delta": {}, "finish_reason": reason}]})
    }

    fn call(id: &str, name: &str, arguments: &str) -> ContentBlock {
        ContentBlock::ToolUse(ToolUse {
            id: id.into(),
            name: name.into(),
            arguments_json: arguments.into(),
        })
    }

    #[test]
    fn arguments_are_joined_by_index() {
        let (got, deltas) = answer(&[
            delta(json!({"role": "assistant", "content": null, "tool_calls": [
                {"index": 0, "id": "a", "type": "function", "function": {"name": "read", "arguments": ""}}]})),
            delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"p\""}}]})),
            delta(json!({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "list", "arguments": ""}}]})),
            delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]})),
            end("tool_calls"),
            json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
        ])
        .unwrap();
        assert_eq!(
            got.content,
            [call("a", "read", "{\"p\":1}"), call("b", "list", "{}")]
        );
        assert_eq!(got.stop, StopReason::ToolUse);
        assert_eq!((got.usage.input, got.usage.output), (3, 2));
        let start = |id: &str, name: &str| {
            Delta::ToolUse(ToolUseStart {
                id: id.into(),
                name: name.into(),
            })
        };
        assert_eq!(deltas, [start("a", "read"), start("b", "list")]);
    }

    #[test]
    fn servers_that_leave_out_index_or_id_are_understood() {
        let (got, _) = answer(&[
            delta(json!({"tool_calls": [{"id": "a", "function": {"name": "x", "arguments": "{"}}]})),
            delta(json!({"tool_calls": [{"function": {"arguments": "}"}}]})),
            delta(json!({"tool_calls": [{"id": "b", "function": {"name": "y", "arguments": {"k": 1}}}]})),
            end("stop"),
        ])
        .unwrap();
        assert_eq!(
            got.content,
            [call("a", "x", "{}"), call("b", "y", "{\"k\":1}")]
        );
        assert_eq!(got.stop, StopReason::ToolUse);
        let (got, _) = answer(&[json!({"choices": [{"message": {"tool_calls": [
            {"function": {"name": "x"}}, {"function": {"name": "y"}}]}, "finish_reason": "tool_calls"}]})])
        .unwrap();
        assert_eq!(
            got.content,
            [call("call_0", "x", "{}"), call("call_1", "y", "{}")]
        );
    }

    #[test]
    fn every_reason_to_stop() {
        for (reason, stop) in [
            ("stop", StopReason::EndTurn),
            ("length", StopReason::MaxTokens),
            ("content_filter", StopReason::Refused),
            ("something_new", StopReason::Other),
        ] {
            let (got, _) = answer(&[delta(json!({"content": "x"})), end(reason)]).unwrap();
            assert_eq!(got.stop, stop, "{reason}");
        }
    }

    #[test]
    fn a_refusal_and_reasoning_have_their_places() {
        let (got, deltas) = answer(&[
            delta(json!({"reasoning_content": "hm"})),
            delta(json!({"refusal": "I can"})),
            delta(json!({"refusal": "not"})),
            end("stop"),
        ])
        .unwrap();
        assert_eq!(
            got.content,
            [
                ContentBlock::Thinking("hm".into()),
                ContentBlock::Text("I cannot".into())
            ]
        );
        assert_eq!(got.stop, StopReason::Refused);
        assert_eq!(deltas.len(), 3);
    }

    #[test]
    fn content_in_parts_is_text() {
        let parts = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
        let (got, _) = answer(&[delta(json!({"content": parts})), end("stop")]).unwrap();
        assert_eq!(got.content, [ContentBlock::Text("ab".into())]);
    }

    #[test]
    fn an_answer_without_choices_or_names_is_none() {
        assert!(answer(&[json!({"choices": []})]).is_err());
        assert!(answer(&[delta(json!({"tool_calls": [{"index": 0, "id": "a"}]}))]).is_err());
        let many: Vec<_> = (0..=TOOL_CALLS_MAX)
            .map(|index| json!({"index": index, "function": {"name": "x"}}))
            .collect();
        assert!(answer(&[delta(json!({"tool_calls": many}))]).is_err());
    }

    #[test]
    fn a_second_choice_is_not_mixed_in() {
        let (got, _) = answer(&[
            json!({"choices": [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]}),
            end("stop"),
        ])
        .unwrap();
        assert_eq!(got.content, [ContentBlock::Text("a".into())]);
    }
}
