//! The answer as it grows, whether it came whole or in pieces.

use std::collections::BTreeSet;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{
    Completion, ContentBlock, Delta, Image, Message, Opaque, ProviderError, StopReason, ToolUse,
    ToolUseStart, Usage,
};

/// Most tools that one answer asks for.
pub const TOOL_CALLS_MAX: usize = 128;

/// Largest answer, in bytes of its blocks.
pub const BLOCK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// An answer that is not yet whole: blocks in the order in which they began.
#[derive(Debug, Default)]
pub struct Answer {
    /// The provider's id of it.
    pub response_id: Option<String>,
    /// The model, as the provider named it.
    pub model: Option<String>,
    /// What it cost so far.
    pub usage: Option<Usage>,
    blocks: Vec<Block>,
    /// Whether the next text or reasoning begins a block of its own.
    apart: bool,
    bytes: usize,
    ids: Ids,
}

/// The ids of tool calls that are in use.
#[derive(Debug, Default)]
struct Ids {
    /// In the conversation so far.
    before: BTreeSet<String>,
    /// In this answer.
    here: BTreeSet<String>,
}

#[derive(Debug)]
enum Block {
    Text(String),
    Thinking(String),
    Image(Image),
    Opaque(Opaque),
    Call(Call),
}

/// A tool that is being asked for.
#[derive(Debug, Default)]
struct Call {
    /// The server's number of it in this answer.
    index: usize,
    /// The id that the server gave, to which its later pieces are held.
    given: Option<String>,
    /// The id that the host gets.
    id: Option<String>,
    name: Option<String>,
    arguments: String,
}

impl Answer {
    /// An answer in a conversation: ids that are made up for it differ from those that are in use.
    pub fn after(messages: &[Message]) -> Self {
        let blocks = messages.iter().flat_map(|message| &message.content);
        let ids = blocks.filter_map(|block| match block {
            ContentBlock::ToolUse(call) => Some(call.id.clone()),
            _ => None,
        });
        let mut answer = Self::default();
        answer.ids.before = ids.collect();
        answer
    }

    /// More text. It goes on with the last block if that is text.
    ///
    /// # Errors
    /// The answer is too large.
    pub fn text(&mut self, piece: &str, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        if piece.is_empty() {
            return Ok(());
        }
        self.count(piece.len())?;
        match (self.blocks.last_mut(), self.apart) {
            (Some(Block::Text(text)), false) => text.push_str(piece),
            _ => self.blocks.push(Block::Text(piece.into())),
        }
        self.apart = false;
        sink.emit(Delta::Text(piece.into()));
        Ok(())
    }

    /// More reasoning. It goes on with the last block if that is reasoning.
    ///
    /// # Errors
    /// The answer is too large.
    pub fn thinking(&mut self, piece: &str, sink: &mut dyn Emit) -> Result<(), ProviderError> {
        if piece.is_empty() {
            return Ok(());
        }
        self.count(piece.len())?;
        match (self.blocks.last_mut(), self.apart) {
            (Some(Block::Thinking(text)), false) => text.push_str(piece),
            _ => self.blocks.push(Block::Thinking(piece.into())),
        }
        self.apart = false;
        sink.emit(Delta::Thinking(piece.into()));
        Ok(())
    }

    /// What comes next begins a block of its own, even if it is of the last one's kind.
    pub fn begin_block(&mut self) {
        self.apart = true;
    }

    /// An image.
    ///
    /// # Errors
    /// The answer is too large.
    pub fn image(&mut self, image: Image) -> Result<(), ProviderError> {
        self.count(image.data.len())?;
        self.blocks.push(Block::Image(image));
        Ok(())
    }

    /// The provider's own state, to be given back at this place.
    ///
    /// # Errors
    /// The answer is too large.
    pub fn opaque(&mut self, provider: &str, data: Vec<u8>) -> Result<(), ProviderError> {
        self.count(data.len())?;
        self.blocks.push(Block::Opaque(Opaque {
            provider: provider.into(),
            data,
        }));
        Ok(())
    }

    /// A tool call, or more of one: pieces of the same `index` belong together. An empty id or name counts
    /// as none. The call is told to the host as soon as its name is known; where no id came by then, one is
    /// made up. The arguments stay as the model wrote them: whether they fit is for the host to judge.
    ///
    /// # Errors
    /// There are too many calls, the answer is too large, or the index has had another id.
    pub fn tool(
        &mut self,
        index: usize,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &str,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        self.count(arguments.len())?;
        if self.call_mut(index).is_none() {
            self.begin_call(index)?;
        }
        let mut ids = std::mem::take(&mut self.ids);
        let taken = match self.call_mut(index) {
            Some(call) => call.take(id, name, arguments, &mut ids, sink),
            None => Ok(()),
        };
        self.ids = ids;
        taken
    }

    /// Replaces the arguments of a call, where the server repeats them whole.
    ///
    /// # Errors
    /// The answer is too large.
    pub fn set_arguments(&mut self, index: usize, arguments: &str) -> Result<(), ProviderError> {
        self.count(arguments.len())?;
        if let Some(call) = self.call_mut(index) {
            call.arguments = arguments.into();
        }
        Ok(())
    }

    /// The indices and ids of the tools that are asked for, in order. An id is the server's own.
    pub fn calls(&self) -> impl Iterator<Item = (usize, Option<&str>)> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Call(call) => Some((call.index, call.given.as_deref())),
            _ => None,
        })
    }

    /// Whether any tool is asked for.
    pub fn asks_for_tools(&self) -> bool {
        self.calls().next().is_some()
    }

    /// The whole answer.
    ///
    /// # Errors
    /// It asks for a tool without naming it.
    pub fn finish(mut self, stop: StopReason) -> Result<Completion, ProviderError> {
        let mut content = Vec::new();
        for block in std::mem::take(&mut self.blocks) {
            content.push(match block {
                Block::Text(text) => ContentBlock::Text(text),
                Block::Thinking(text) => ContentBlock::Thinking(text),
                Block::Image(image) => ContentBlock::Image(image),
                Block::Opaque(opaque) => ContentBlock::Opaque(opaque),
                Block::Call(call) => ContentBlock::ToolUse(call.finish(&mut self.ids)?),
            });
        }
        Ok(Completion {
            model: self.model.unwrap_or_default(),
            response_id: self.response_id,
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

    fn count(&mut self, bytes: usize) -> Result<(), ProviderError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > BLOCK_BYTES_MAX {
            return Err(ProviderError::unavailable(format!(
                "the answer is larger than {BLOCK_BYTES_MAX} bytes"
            )));
        }
        Ok(())
    }

    fn begin_call(&mut self, index: usize) -> Result<(), ProviderError> {
        if self.calls().count() >= TOOL_CALLS_MAX {
            return Err(ProviderError::unavailable(format!(
                "the answer asks for more than {TOOL_CALLS_MAX} tools"
            )));
        }
        self.blocks.push(Block::Call(Call {
            index,
            ..Call::default()
        }));
        Ok(())
    }

    fn call_mut(&mut self, index: usize) -> Option<&mut Call> {
        self.blocks.iter_mut().find_map(|block| match block {
            Block::Call(call) if call.index == index => Some(call),
            _ => None,
        })
    }
}

impl Call {
    fn take(
        &mut self,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &str,
        ids: &mut Ids,
        sink: &mut dyn Emit,
    ) -> Result<(), ProviderError> {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            match &self.given {
                Some(given) if given != id => {
                    return Err(ProviderError::unavailable(format!(
                        "the answer numbers two tool calls {}: {given:?} and {id:?}",
                        self.index
                    )));
                }
                _ => self.given = Some(id.into()),
            }
        }
        self.arguments.push_str(arguments);
        // The name comes once and whole; a server that repeats it says nothing new.
        if let (None, Some(name)) = (&self.name, name.filter(|name| !name.is_empty())) {
            self.name = Some(name.into());
            sink.emit(Delta::ToolUse(ToolUseStart {
                id: self.settle_id(ids),
                name: name.into(),
            }));
        }
        Ok(())
    }

    /// The id that the host gets: the server's, unless it gave none or gave it to another call.
    fn settle_id(&mut self, ids: &mut Ids) -> String {
        if let Some(id) = &self.id {
            return id.clone();
        }
        let given = self.given.clone().into_iter();
        let made_up = (self.index..).map(|number| format!("call_{number}"));
        let made_up = made_up.filter(|id| !ids.before.contains(id));
        let id = given.chain(made_up).find(|id| ids.here.insert(id.clone()));
        self.id.insert(id.unwrap_or_default()).clone()
    }

    fn finish(mut self, ids: &mut Ids) -> Result<ToolUse, ProviderError> {
        let id = self.settle_id(ids);
        let Some(name) = self.name else {
            return Err(ProviderError::unavailable(
                "the answer asks for a tool without naming it",
            ));
        };
        Ok(ToolUse {
            id,
            name,
            arguments_json: match self.arguments.trim() {
                "" => "{}".into(),
                _ => self.arguments,
            },
        })
    }
}

#[cfg(test)]
mod tests;
