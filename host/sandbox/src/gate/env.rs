//! Environment, arguments, working directory.
//!
//! The environment arrives as one list; the entry says which names were delivered. Only names that a
//! grant lists are delivered, and never a value that a credential holds. Arguments are what a command's
//! caller gives; others have none.

use super::decision::Attempt;
use super::record;
use super::table::ENVIRONMENT;
use super::view::Gate;
use crate::gate::kinds;
use tollgate_grants::Effect;
use wasmtime_wasi::p2::bindings::cli::environment;

/// The most bytes of one value that is delivered.
pub(crate) const ENVIRONMENT_VALUE_BYTES_MAX: usize = 32 * 1024;

impl environment::Host for Gate<'_> {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        let scope = std::sync::Arc::clone(&self.state.scope);
        let names: Vec<String> = scope
            .authority()
            .map(|authority| {
                authority
                    .environment()
                    .into_iter()
                    .map(|(name, _)| name)
                    .collect()
            })
            .unwrap_or_default();
        let mut delivered = Vec::new();
        for name in &names {
            let attempt = Attempt {
                import: ENVIRONMENT,
                kind: kinds::ENV_READ,
                target: name.clone(),
                whole: None,
                effects: &[Effect::Env { name }],
            };
            let Ok(permit) = scope.permit_buffered(&attempt) else {
                continue;
            };
            match scope.host.environment.get(name) {
                Some(value) if value.len() <= ENVIRONMENT_VALUE_BYTES_MAX => {
                    permit.settle(record::ok());
                    delivered.push((name.clone(), value));
                }
                Some(_) => permit.settle(record::failed("too-large")),
                None => permit.settle(record::failed("not-set")),
            }
        }
        if names.is_empty() {
            // Asking is an attempt even where nothing may be delivered: the list was read, empty.
            let attempt = Attempt {
                import: ENVIRONMENT,
                kind: kinds::ENV_READ,
                target: "*".into(),
                whole: None,
                effects: &[Effect::Env { name: "*" }],
            };
            let _ = scope.permit_buffered(&attempt);
        }
        Ok(delivered)
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.state.arguments.clone())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}
