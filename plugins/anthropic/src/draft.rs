//! The answer as it grows: from one whole message, or from the events of a stream.
//!
//! Invariant: blocks come one after another; only the one that began last can grow.

use crate::block::Block;
use crate::wire::{Delta, Message, Usage};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use tollgate_adapter::answer::Answer;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{Completion, ProviderError, StopReason};

/// Most blocks of one answer.
const BLOCKS_MAX: usize = 1024;

/// An answer that is not yet whole.
#[derive(Debug)]
pub(crate) struct Draft {
    answer: Answer,
    /// Whether the message has begun.
    begun: bool,
    /// The numbers of the blocks that have begun.
    seen: BTreeSet<u64>,
    open: Option<Block>,
    usage: Usage,
    stop_reason: Option<String>,
}

impl Draft {
    /// A draft of `answer`, in which there is nothing yet.
    pub(crate) fn of(answer: Answer) -> Self {
        Self {
            answer,
            begun: false,
            seen: BTreeSet::new(),
            open: None,
            usage: Usage::default(),
            stop_reason: None,
        }
    }

    /// Takes a message, whole or only begun.
    pub(crate) fn begin(
        &mut self,
        message: Message,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        if std::mem::replace(&mut self.begun, true) {
            return Err(ProviderError::unavailable("the answer begins twice"));
        }
        self.answer.response_id = message.id.filter(|id| !id.is_empty());
        self.answer.model = message.model;
        self.usage.update(message.usage.unwrap_or_default());
        self.stopped(message.stop_reason);
        for (index, block) in (0..).zip(message.content.unwrap_or_default()) {
            self.begin_block(Some(index), block, sink)?;
        }
        Ok(())
    }

    /// Begins the block of this number.
    pub(crate) fn begin_block(
        &mut self,
        index: Option<u64>,
        start: Box<RawValue>,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        self.must_have_begun()?;
        let index = numbered(index)?;
        // Some servers leave out a block's end.
        self.end_open(sink)?;
        if !self.seen.insert(index) {
            return Err(ProviderError::unavailable(format!(
                "block {index} of the answer begins twice"
            )));
        }
        if self.seen.len() > BLOCKS_MAX {
            return Err(ProviderError::unavailable(format!(
                "the answer has more than {BLOCKS_MAX} blocks"
            )));
        }
        self.open = Some(Block::begin(index, start, &mut self.answer, sink)?);
        Ok(())
    }

    /// Adds a piece to the block of this number.
    pub(crate) fn grow_block(
        &mut self,
        index: Option<u64>,
        piece: Delta,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        let index = numbered(index)?;
        match &mut self.open {
            Some(block) if block.index == index => block.grow(piece, &mut self.answer, sink),
            _ => Err(not_open(index)),
        }
    }

    /// Ends the block of this number.
    pub(crate) fn end_block(
        &mut self,
        index: Option<u64>,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        let index = numbered(index)?;
        match &self.open {
            Some(block) if block.index == index => self.end_open(sink),
            _ => Err(not_open(index)),
        }
    }

    fn end_open(&mut self, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        match self.open.take() {
            Some(block) => block.end(&mut self.answer, sink),
            None => Ok(()),
        }
    }

    /// Takes what is new of the message as a whole; whether the server has said by now why it stopped.
    pub(crate) fn update(
        &mut self,
        news: Delta,
        usage: Option<Usage>,
    ) -> Result<bool, ProviderError> {
        self.must_have_begun()?;
        self.stopped(news.stop_reason);
        self.usage.update(usage.unwrap_or_default());
        Ok(self.stop_reason.is_some())
    }

    fn stopped(&mut self, reason: Option<String>) {
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            self.stop_reason = Some(reason);
        }
    }

    fn must_have_begun(&self) -> Result<(), ProviderError> {
        match self.begun {
            true => Ok(()),
            false => Err(ProviderError::unavailable("the answer has no beginning")),
        }
    }

    /// The whole answer.
    pub(crate) fn finish(mut self, sink: &mut dyn Emit) -> Result<Completion, ProviderError> {
        self.must_have_begun()?;
        self.end_open(sink)?;
        let stop = self.stop();
        self.answer.usage = Some(self.usage.into());
        self.answer.finish(stop)
    }

    fn stop(&self) -> StopReason {
        match self.stop_reason.as_deref() {
            Some("refusal") => StopReason::Refused,
            Some("max_tokens" | "model_context_window_exceeded") => StopReason::MaxTokens,
            // Some servers say that the turn ended after asking for a tool; a tool that was asked for counts.
            _ if self.answer.asks_for_tools() => StopReason::ToolUse,
            Some("stop_sequence") => StopReason::StopSequence,
            Some("end_turn") => StopReason::EndTurn,
            _ => StopReason::Other,
        }
    }
}

fn numbered(index: Option<u64>) -> Result<u64, ProviderError> {
    index.ok_or_else(|| ProviderError::unavailable("a block of the answer has no number"))
}

fn not_open(index: u64) -> ProviderError {
    ProviderError::unavailable(format!("block {index} of the answer is not open"))
}
