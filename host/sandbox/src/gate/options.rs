//! `tollgate:plugin/request-options`: what the request of this call asks beyond its record. Tells nothing that
//! the request did not bring.

use super::view::Gate;
use crate::bindings::request_options::{Effort, Host, Options, OutputFormat};
use tollgate_contract as c;

impl Host for Gate<'_> {
    fn get(&mut self) -> wasmtime::Result<Options> {
        let options = &self.state.options;
        Ok(Options {
            effort: options.effort.map(|effort| match effort {
                c::Effort::Off => Effort::Off,
                c::Effort::Low => Effort::Low,
                c::Effort::Medium => Effort::Medium,
                c::Effort::High => Effort::High,
            }),
            output: options.output.as_ref().map(|output| OutputFormat {
                name: output.name.clone(),
                schema_json: output.schema_json.clone(),
            }),
        })
    }
}
