//! The raw limit: wasmtime as an embedder without a gate would use it, pooled and pre-linked.

use anyhow::{Context as _, Result};
use std::path::Path;
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreContextMut,
};
use wasmtime_wasi::filesystem::FsPerms;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package tollgate:bench@0.1.0;
            interface tool-types {
                record denial { receipt: string, kind: string, target: string, reason: string }
                record blob { media-type: string, data: list<u8> }
                variant output-block { text(string), json(string), blob(blob) }
                record tool-output { content: list<output-block>, is-error: bool }
                variant tool-error {
                    invalid-arguments(string), denied(denial), failed(string), not-found(string),
                }
                record call-context {
                    session: string, run: option<string>, call: string, deadline-ms: u64,
                }
            }
            world types { import tool-types; }
        ",
    });
}

use generated::tollgate::bench::tool_types::{CallContext, Denial, ToolError, ToolOutput};

type Call =
    wasmtime::component::TypedFunc<(String, String, CallContext), (Result<ToolOutput, ToolError>,)>;

pub(crate) struct State {
    table: ResourceTable,
    wasi: WasiCtx,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A pre-linked component.
pub(crate) struct Raw {
    engine: Engine,
    pre: InstancePre<State>,
    call: wasmtime::component::ComponentExportIndex,
}

impl Raw {
    /// Compiles a component, and no more.
    pub(crate) fn compile(component: &Path) -> Result<()> {
        Component::new(&engine()?, std::fs::read(component)?)?;
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the side without a gate")]
    pub(crate) fn new(component: &Path) -> Result<Self> {
        let engine = engine()?;
        let component = Component::new(&engine, std::fs::read(component)?)?;
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        linker
            .instance("tollgate:plugin/denials@0.1.2")?
            .func_wrap("last", |_: StoreContextMut<'_, State>, (): ()| {
                Ok((None::<Denial>,))
            })?;
        let pre = linker.instantiate_pre(&component)?;
        let (_, tool) = component
            .get_export(None, "tollgate:plugin/tool@0.1.2")
            .context("no tools")?;
        let (_, call) = component
            .get_export(Some(&tool), "call")
            .context("no call")?;
        Ok(Self { engine, pre, call })
    }

    /// One call in a fresh instance.
    #[expect(clippy::disallowed_methods, reason = "this is the side without a gate")]
    pub(crate) async fn call(
        &self,
        mount: Option<(&Path, FsPerms)>,
        tool: &str,
        arguments: &str,
    ) -> Result<()> {
        let mut wasi = WasiCtx::builder();
        if let Some((host, perms)) = mount {
            wasi.preopened_dir(host, "/data", perms)?;
        }
        let state = State {
            table: ResourceTable::new(),
            wasi: wasi.build(),
        };
        let mut store = Store::new(&self.engine, state);
        store.set_epoch_deadline(1 << 40);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let call: Call = instance.get_typed_func(&mut store, self.call)?;
        let context = CallContext {
            session: "bench".into(),
            run: None,
            call: "bench".into(),
            deadline_ms: 30_000,
        };
        let (result,) = call
            .call_async(&mut store, (tool.into(), arguments.into(), context))
            .await?;
        match result {
            Ok(_) => Ok(()),
            Err(error) => Err(anyhow::anyhow!("the raw call failed: {error:?}")),
        }
    }
}

fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(256)
        .total_core_instances(2048)
        .total_memories(512)
        .total_tables(2048)
        .total_stacks(256)
        .max_memory_size(128 << 20)
        .linear_memory_keep_resident(1 << 20);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(Engine::new(&config)?)
}
