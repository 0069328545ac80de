//! What of a conversation goes to the provider that the session is bound to now.
//!
//! Reasoning and a provider's own state belong to the adapter that made them: signatures of one provider are
//! refused by another, and its secrets are no other's business. They stay in the transcript, and go along
//! again when the session returns to that adapter.

use crate::state::State;
use crate::transcript::Conversation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tollgate_contract::{ContentBlock, Message};

/// Kinds of blocks of one maker that were left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// `thinking` or `opaque`.
    pub kind: String,
    /// Who made them: the adapter, or what an opaque block says of itself.
    pub provider: String,
    /// How many.
    pub blocks: u64,
}

/// The most kinds that one event names; the rest is summed up in the last.
const KINDS_MAX: usize = 16;
/// The most bytes of a maker's name in an event.
const MAKER_BYTES_MAX: usize = 128;

/// The adapter of a session: the plugin, and the provider's own name where it differs. Another component
/// under the same plugin's name is another adapter, and so is the same component under another name, which
/// may speak to another service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adapter {
    plugin: String,
    own_name: Option<String>,
    /// The session was bound to another adapter before.
    changed: bool,
}

impl Adapter {
    /// Of a session as it stands.
    pub(crate) fn of(state: &State) -> Self {
        Self {
            plugin: state.identity.provider.clone(),
            own_name: state.adapter.clone(),
            changed: state.adapter_changed,
        }
    }

    /// Its mark in the transcript.
    pub(crate) fn mark(&self) -> String {
        match &self.own_name {
            Some(own) if *own != self.plugin => format!("{}/{own}", self.plugin),
            _ => self.plugin.clone(),
        }
    }

    fn is_named(&self, name: &str) -> bool {
        self.plugin == name || self.own_name.as_deref() == Some(name)
    }

    /// Whether a block goes to this adapter; else its kind and who made it. Where the transcript does not
    /// tell (it was written by an older version), all of it is the first adapter's.
    fn refuses<'b>(
        &self,
        block: &'b ContentBlock,
        maker: Option<&'b str>,
    ) -> Option<(&'static str, &'b str)> {
        let mine = maker.map_or(!self.changed, |maker| maker == self.mark());
        match block {
            ContentBlock::Thinking { .. } if !mine => {
                Some(("thinking", maker.unwrap_or("an earlier provider")))
            }
            ContentBlock::Opaque { provider, .. } if !mine => {
                let unmarked_mine = maker.is_none() && self.is_named(provider);
                (!unmarked_mine).then_some(("opaque", provider))
            }
            _ => None,
        }
    }
}

/// The messages as `adapter` may see them, and what was left out. No two neighbours have one role.
pub(crate) fn carried(
    conversation: &Conversation,
    adapter: &Adapter,
) -> (Vec<Message>, Vec<LeftOut>) {
    let mut messages: Vec<Message> = Vec::new();
    let mut counts: BTreeMap<(&str, String), u64> = BTreeMap::new();
    for (message, makers) in conversation.with_makers() {
        let mut content = Vec::with_capacity(message.content.len());
        for (block, maker) in message.content.iter().zip(makers) {
            match adapter.refuses(block, maker.as_deref()) {
                None => content.push(block.clone()),
                Some((kind, from)) => {
                    let key = (kind, named(from));
                    let count = counts.entry(key).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
        // A message without content is one that no provider takes.
        if content.is_empty() {
            continue;
        }
        match messages.last_mut() {
            Some(last) if last.role == message.role => last.content.extend(content),
            _ => messages.push(Message {
                role: message.role,
                content,
            }),
        }
    }
    (messages, summed(counts))
}

/// A maker's name as an event may hold it: an opaque block names whom it likes.
fn named(maker: &str) -> String {
    tollgate_receipts::clip(&crate::event::note(maker), MAKER_BYTES_MAX)
}

fn summed(counts: BTreeMap<(&str, String), u64>) -> Vec<LeftOut> {
    let mut left_out: Vec<LeftOut> = Vec::new();
    for ((kind, provider), blocks) in counts {
        let full = left_out.len() >= KINDS_MAX;
        match left_out.last_mut() {
            Some(last) if full => {
                "others".clone_into(&mut last.provider);
                last.blocks = last.blocks.saturating_add(blocks);
            }
            _ => left_out.push(LeftOut {
                kind: kind.to_owned(),
                provider,
                blocks,
            }),
        }
    }
    left_out
}
