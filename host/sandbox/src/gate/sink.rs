//! `tollgate:plugin/sink`: pieces of an answer leave the call only behind its watermark.

use super::view::Gate;
use crate::bindings::model_types::{self, Delta};
use crate::bindings::sink::Host;
use std::sync::Arc;

impl model_types::Host for Gate<'_> {}

impl Host for Gate<'_> {
    async fn emit(&mut self, delta: Delta) -> wasmtime::Result<()> {
        let delta = match delta {
            Delta::Text(text) => tollgate_contract::Delta::Text { text },
            Delta::Thinking(text) => tollgate_contract::Delta::Thinking { text },
            Delta::ToolUse(start) => tollgate_contract::Delta::ToolUse {
                id: start.id,
                name: start.name,
            },
        };
        let bytes = match &delta {
            tollgate_contract::Delta::Text { text }
            | tollgate_contract::Delta::Thinking { text } => text.len(),
            tollgate_contract::Delta::ToolUse { id, name } => id.len() + name.len(),
        };
        self.state.output.count(bytes)?;
        let scope = Arc::clone(&self.state.scope);
        scope
            .watermark()
            .await
            .map_err(|error| wasmtime::format_err!("the ledger cannot be written: {error}"))?;
        if let Some(deltas) = &self.state.deltas {
            deltas.emit(delta);
        }
        Ok(())
    }
}
