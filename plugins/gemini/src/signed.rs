//! Parts that the server wrote and that a block cannot show whole, kept so that they go back as they came.
//!
//! A signature (`thoughtSignature`) stands on a part, and a model of generation 3 refuses a call whose
//! signature is missing or has moved. An opaque block therefore holds the parts themselves, as the server
//! wrote them, and stands right after the block that shows their content; a part that shows nothing is an
//! opaque block alone.

use crate::wire::Part;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollgate_sdk::{ContentBlock, Opaque, ProviderError, ToolUse};

/// The provider's name: of its opaque blocks, too.
pub(crate) const PROVIDER: &str = "gemini";

/// What an opaque block holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Signed {
    /// The parts behind one block: of a text that came in pieces there are several.
    parts: Vec<Box<RawValue>>,
}

impl Signed {
    pub(crate) fn new(parts: Vec<Box<RawValue>>) -> Self {
        Self { parts }
    }

    /// Reads an opaque block; none if another provider made it, or if it is another block.
    pub(crate) fn of(block: &ContentBlock) -> Result<Option<Self>, ProviderError> {
        let data = match block {
            ContentBlock::Opaque(Opaque { provider, data }) if provider == PROVIDER => data,
            _ => return Ok(None),
        };
        serde_json::from_slice(data).map(Some).map_err(|e| {
            ProviderError::invalid(format!(
                "an opaque block of {PROVIDER} is not what this adapter wrote: {e}"
            ))
        })
    }

    pub(crate) fn into_parts(self) -> Vec<Box<RawValue>> {
        self.parts
    }

    /// What the parts show.
    pub(crate) fn shown(&self) -> Result<Shown, ProviderError> {
        let mut shown = Shown::default();
        for part in &self.parts {
            let part: Part = serde_json::from_str(part.get()).map_err(|e| {
                ProviderError::invalid(format!("a part in an opaque block cannot be read: {e}"))
            })?;
            shown.thought |= part.is_thought();
            shown
                .text
                .push_str(part.text.as_deref().unwrap_or_default());
            shown.image |= part.inline_data.is_some_and(|data| data.is_image());
            let signature = part.thought_signature.filter(|text| !text.is_empty());
            shown.signature = signature.or(shown.signature);
            if let Some(call) = part.function_call {
                shown.call = Some(Call {
                    id: call.id.filter(|id| !id.is_empty()),
                    name: call.name.unwrap_or_default(),
                    arguments: call.args,
                });
            }
        }
        Ok(shown)
    }
}

/// What kept parts show to those who cannot read them.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    thought: bool,
    text: String,
    image: bool,
    pub(crate) call: Option<Call>,
    pub(crate) signature: Option<String>,
}

/// A call as the server wrote it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: Option<String>,
    name: String,
    arguments: Option<Box<RawValue>>,
}

/// How the block before an opaque one is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The block shows what the parts hold: they take its place.
    Same,
    /// The same call with other arguments: what was changed counts, under the signature that there is.
    Changed,
    /// The block is not theirs.
    Other,
}

impl Shown {
    pub(crate) fn fit(&self, before: &ContentBlock) -> Fit {
        let same = match (before, &self.call) {
            (ContentBlock::ToolUse(asked), Some(call)) => return call.fit(asked),
            (_, Some(_)) => false,
            (ContentBlock::Text(text), None) => !self.thought && *text == self.text,
            (ContentBlock::Thinking(text), None) => self.thought && *text == self.text,
            (ContentBlock::Image(_), None) => self.image,
            _ => false,
        };
        if same { Fit::Same } else { Fit::Other }
    }

    /// Whether the parts may go back without the block that showed them: they show nothing, or reasoning,
    /// which is the server's own.
    pub(crate) fn stands_alone(&self) -> bool {
        self.call.is_none() && !self.image && (self.thought || self.text.is_empty())
    }
}

impl Call {
    fn fit(&self, asked: &ToolUse) -> Fit {
        let written = self.arguments.as_ref().map_or("{}", |args| args.get());
        match (self.name == asked.name, written == asked.arguments_json) {
            (true, true) => Fit::Same,
            (true, false) => Fit::Changed,
            (false, _) => Fit::Other,
        }
    }
}
