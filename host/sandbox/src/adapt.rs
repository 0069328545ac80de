//! WASI 0.1 modules as components, by the standard adapter of the engine's own version.
//!
//! The digest of such a plugin stays that of the module's bytes; what is made of them depends on nothing
//! but them and the adapter. It is made in the compile child, because a module is a stranger's, too.

use wasi_preview1_component_adapter_provider as provider;
use wit_component::ComponentEncoder;

/// The module from which WASI 0.1 is imported.
pub(crate) const WASI: &str = provider::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
/// Names the adapter in the names of artifacts; changes when adapter or encoder do.
pub(crate) const KEY: &str = "wasi1-48.0.8";
/// What a command exports.
const START: &str = "_start";

/// The component that is made of a module.
pub(crate) fn adapt(module: &[u8]) -> Result<Vec<u8>, String> {
    let inspection = crate::inspect::inspect(module).map_err(|error| error.to_string())?;
    let adapter = if inspection.exports.contains(START) {
        provider::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER
    } else {
        provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER
    };
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.adapter(WASI, adapter))
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("the module cannot be made a component: {error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{Form, inspect};

    const COMMAND: &str = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start") (call $exit (i32.const 3))))"#;

    #[test]
    fn a_module_becomes_the_same_component_each_time() {
        let module = wat::parse_str(COMMAND).unwrap();
        let component = adapt(&module).unwrap();
        assert_eq!(component, adapt(&module).unwrap());
        let found = inspect(&component).unwrap();
        assert_eq!(found.form, Form::Component);
        assert!(
            found.exports.iter().any(|name| crate::plain::is_run(name)),
            "{found:?}"
        );
        assert!(
            found
                .imports
                .iter()
                .all(|name| crate::gate::table::knows(name)),
            "{found:?}"
        );
    }

    #[test]
    fn a_reactor_exports_what_its_wit_says() {
        let module = r#"(module
            (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_initialize"))
            (func (export "add") (param i32 i32) (result i32)
                (i32.add (local.get 0) (local.get 1))))"#;
        let mut module = wat::parse_str(module).unwrap();
        let mut resolve = wit_parser::Resolve::default();
        let wit = "package a:calc; world calc { export add: func(a: u32, b: u32) -> u32; }";
        let package = resolve.push_str("calc.wit", wit).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        let utf8 = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
        assert_eq!(inspect(&module).unwrap().form, Form::Module);
        let found = inspect(&adapt(&module).unwrap()).unwrap();
        assert!(found.exports.contains("add"), "{found:?}");
        assert!(
            found
                .imports
                .iter()
                .any(|name| name.starts_with("wasi:random/")),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_imported_from_elsewhere_is_named() {
        let text = COMMAND.replace("wasi_snapshot_preview1", "env");
        let error = adapt(&wat::parse_str(text).unwrap()).unwrap_err();
        assert!(error.contains("env.proc_exit"), "{error}");
    }
}
