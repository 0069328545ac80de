//! `tollgate:plugin/denials`: the last refusal, as far as the component may know it.

use super::view::Gate;
use crate::bindings::denials::{Denial, Host};

/// The denial in the form of the contract.
pub(crate) fn to_guest(denial: tollgate_contract::Denial) -> Denial {
    Denial {
        receipt: denial.receipt,
        kind: denial.kind,
        target: denial.target,
        reason: denial.reason,
    }
}

impl Host for Gate<'_> {
    fn last(&mut self) -> wasmtime::Result<Option<Denial>> {
        let last = self.state.scope.book().last_denial.clone();
        Ok(last.map(to_guest))
    }
}

impl crate::bindings::tool_types::Host for Gate<'_> {}
