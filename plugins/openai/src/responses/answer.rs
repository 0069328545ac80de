//! The answer as it grows: from whole items, or from the events that tell of them.
//!
//! An item is told up to three times: in pieces, whole when it is done, and once more at the answer's end.
//! What was told before is not taken again, so that a server may leave out any but one of them.

use super::phase;
use super::wire::{Item, Response};
use crate::common::{PROVIDER, WORDS};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_adapter::answer::Answer as Blocks;
use tollgate_adapter::error;
use tollgate_adapter::exchange::read_json;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{Completion, Message, ProviderError, StopReason};

/// An answer that is not yet whole.
#[derive(Debug, Default)]
pub(super) struct Answer {
    blocks: Blocks,
    items: BTreeMap<usize, Told>,
    /// The ids of the items that were told whole.
    done: BTreeSet<String>,
    /// Whether the answer's end listed its items.
    listed: bool,
    refused: bool,
    stop: Option<StopReason>,
}

/// What was told of an item.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    /// Whether text or reasoning of it was.
    pieces: bool,
    /// Whether it was told whole.
    done: bool,
    /// How many of its parts have begun.
    parts: usize,
}

impl Answer {
    /// An answer to these messages.
    pub(super) fn after(messages: &[Message]) -> Self {
        Self {
            blocks: Blocks::after(messages),
            ..Self::default()
        }
    }

    /// Takes what identifies the answer.
    pub(super) fn name(&mut self, response: Response) {
        let blocks = &mut self.blocks;
        blocks.response_id = response.id.or(blocks.response_id.take());
        blocks.model = response.model.or(blocks.model.take());
        if let Some(usage) = response.usage {
            blocks.usage = Some(usage.into());
        }
    }

    /// An item begins.
    pub(super) fn begin(
        &mut self,
        index: Option<usize>,
        item: Option<&RawValue>,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        let index = index.unwrap_or_else(|| self.next());
        self.items.entry(index).or_default();
        self.blocks.begin_block();
        let item: Item = match item {
            Some(item) => read(item)?,
            None => Item::default(),
        };
        match (item.kind.as_deref(), &item.phase) {
            (Some("function_call"), _) => {
                self.blocks
                    .tool(index, item.call_id(), item.name.as_deref(), "", sink)
            }
            (Some("message"), Some(phase)) => self.blocks.opaque(PROVIDER, phase::mark(phase)),
            _ => Ok(()),
        }
    }

    /// A part of an item begins.
    pub(super) fn begin_part(&mut self, index: Option<usize>) {
        let told = self.told(index);
        let first = told.parts == 0;
        told.parts = told.parts.saturating_add(1);
        if !first {
            self.blocks.begin_block();
        }
    }

    pub(super) fn text(
        &mut self,
        index: Option<usize>,
        piece: &str,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        self.told(index).pieces |= !piece.is_empty();
        self.blocks.text(piece, sink)
    }

    pub(super) fn refusal(
        &mut self,
        index: Option<usize>,
        piece: &str,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        self.refused = true;
        self.text(index, piece, sink)
    }

    pub(super) fn thinking(
        &mut self,
        index: Option<usize>,
        piece: &str,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        self.told(index).pieces |= !piece.is_empty();
        self.blocks.thinking(piece, sink)
    }

    pub(super) fn arguments(
        &mut self,
        index: Option<usize>,
        piece: &str,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        let index = index.unwrap_or_else(|| self.last());
        self.blocks.tool(index, None, None, piece, sink)
    }

    /// The arguments of a call, whole.
    pub(super) fn all_arguments(
        &mut self,
        index: Option<usize>,
        arguments: Option<&str>,
    ) -> Result<(), ProviderError> {
        let index = index.unwrap_or_else(|| self.last());
        match arguments.filter(|arguments| !arguments.is_empty()) {
            Some(arguments) => self.blocks.set_arguments(index, arguments),
            None => Ok(()),
        }
    }

    /// An item, whole.
    pub(super) fn item(
        &mut self,
        index: Option<usize>,
        raw: &RawValue,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        let index = index.unwrap_or_else(|| self.last());
        let begun = self.items.contains_key(&index);
        let told = *self.told(Some(index));
        let item: Item = read(raw)?;
        let again = item
            .id
            .as_ref()
            .is_some_and(|id| !self.done.insert(id.clone()));
        if told.done || again {
            return Ok(());
        }
        match item.kind.as_deref() {
            Some("message") if !told.pieces => self.message(item, begun, sink)?,
            Some("message") => {}
            Some("reasoning") => {
                if !told.pieces {
                    self.reasoning(item, sink)?;
                }
                self.blocks.opaque(PROVIDER, raw.get().into())?;
            }
            Some("function_call") => {
                self.blocks
                    .tool(index, item.call_id(), item.name.as_deref(), "", sink)?;
                self.all_arguments(Some(index), item.arguments.as_deref())?;
            }
            // What OpenAI's own tools do is not asked for.
            _ => {}
        }
        self.told(Some(index)).done = true;
        Ok(())
    }

    /// The answer's state at its end, and what of it was not told before.
    pub(super) fn end(
        &mut self,
        mut response: Response,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        for (index, item) in response
            .output
            .take()
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            self.item(Some(index), item, sink)?;
        }
        let reason = response.incomplete_details.take().and_then(|d| d.reason);
        self.stop = Some(match (response.status.as_deref(), reason.as_deref()) {
            (Some("failed" | "cancelled" | "queued" | "in_progress"), _) => {
                return Err(failed(&response));
            }
            (_, Some("max_output_tokens")) => StopReason::MaxTokens,
            (_, Some("content_filter")) => StopReason::Refused,
            (Some("incomplete"), _) | (_, Some(_)) => StopReason::Other,
            _ if self.refused => StopReason::Refused,
            _ if self.blocks.asks_for_tools() => StopReason::ToolUse,
            _ => StopReason::EndTurn,
        });
        self.name(response);
        Ok(())
    }

    /// The whole answer.
    pub(super) fn finish(self) -> Result<Completion, ProviderError> {
        match self.stop {
            Some(_) if self.items.is_empty() && !self.listed => {
                Err(ProviderError::unavailable("the answer has no output"))
            }
            Some(stop) => self.blocks.finish(stop),
            None => Err(ProviderError::unavailable("the answer has no end")),
        }
    }

    fn message(
        &mut self,
        item: Item,
        begun: bool,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        if let (false, Some(phase)) = (begun, &item.phase) {
            self.blocks.opaque(PROVIDER, phase::mark(phase))?;
        }
        for part in item.content.unwrap_or_default() {
            self.blocks.begin_block();
            self.blocks.text(&part.text.unwrap_or_default(), sink)?;
            if let Some(refusal) = part.refusal {
                self.refused = true;
                self.blocks.text(&refusal, sink)?;
            }
        }
        Ok(())
    }

    fn reasoning(&mut self, item: Item, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        let parts = [item.summary, item.content].into_iter().flatten().flatten();
        for part in parts {
            self.blocks.begin_block();
            self.blocks.thinking(&part.text.unwrap_or_default(), sink)?;
        }
        Ok(())
    }

    fn told(&mut self, index: Option<usize>) -> &mut Told {
        let index = index.unwrap_or_else(|| self.last());
        self.items.entry(index).or_default()
    }

    fn last(&self) -> usize {
        self.items.keys().next_back().copied().unwrap_or(0)
    }

    fn next(&self) -> usize {
        self.items
            .keys()
            .next_back()
            .map_or(0, |last| last.saturating_add(1))
    }
}

fn read(item: &RawValue) -> Result<Item, ProviderError> {
    read_json("an item of the answer", item.get().as_bytes())
}

/// The error of an answer that failed.
fn failed(response: &Response) -> ProviderError {
    match &response.error {
        Some(error) => error::of_event(error.get().as_bytes(), WORDS),
        None => ProviderError::unavailable(format!(
            "the answer is {} and says no more",
            response.status.as_deref().unwrap_or("failed")
        )),
    }
}
