//! The export macros and the adapters from the SDK's traits to the generated ones.

use crate::bindings::{provider, tools};
use crate::{
    Completion, CompletionRequest, Context, Provider, ProviderError, ProviderInfo, ToolError,
    ToolOutput, ToolSpec, Tools,
};
use std::marker::PhantomData;

/// Exports a type that implements [`Tools`](crate::Tools) as the component's tools.
///
/// Use it once, at the top level of the plugin's library. It does nothing outside a component.
#[macro_export]
macro_rules! export_tools {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::ToolsExport<$plugin>;
            $crate::bindings::tools::export_tools_world!(
                Exported with_types_in $crate::bindings::tools
            );
        };
    };
}

/// Exports a type that implements [`Provider`](crate::Provider) as the component's model adapter.
///
/// Use it once, at the top level of the plugin's library. It does nothing outside a component.
#[macro_export]
macro_rules! export_provider {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::ProviderExport<$plugin>;
            $crate::bindings::provider::export_provider_world!(
                Exported with_types_in $crate::bindings::provider
            );
        };
    };
}

/// Adapts [`Tools`] to the export of the world `tools`.
#[derive(Debug)]
pub struct ToolsExport<T>(PhantomData<T>);

impl<T: Tools + 'static> tools::exports::tollgate::plugin::tool::Guest for ToolsExport<T> {
    fn list() -> Vec<ToolSpec> {
        T::list()
    }

    fn call(
        name: String,
        arguments_json: String,
        context: Context,
    ) -> Result<ToolOutput, ToolError> {
        T::call(&name, &arguments_json, &context)
    }
}

/// Adapts [`Provider`] to the export of the world `provider`.
#[derive(Debug)]
pub struct ProviderExport<T>(PhantomData<T>);

impl<T: Provider + 'static> provider::exports::tollgate::plugin::model::Guest
    for ProviderExport<T>
{
    fn describe() -> ProviderInfo {
        T::describe()
    }

    fn complete(request: CompletionRequest) -> Result<Completion, ProviderError> {
        T::complete(request)
    }
}
