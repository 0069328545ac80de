//! Extism behind a bare loop of the Model Context Protocol: `extism-peer fresh|reused MODULE DIRECTORY`.
//!
//! Extism is a library, so this is as little server as the benchmark's client needs, with nothing that would slow
//! it: one worker for each processor, and every worker makes its plugin anew for a call (`fresh`) or keeps it
//! (`reused`). The module is compiled once. There are no records and no decisions.

use anyhow::{Context as _, Result, bail};
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{BufRead as _, Write as _};
use std::sync::{Mutex, PoisonError, mpsc};

#[derive(Deserialize)]
struct Request<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    method: &'a str,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Call<'a> {
    name: &'a str,
    #[serde(borrow)]
    arguments: &'a RawValue,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, module, directory] = arguments.as_slice() else {
        bail!("usage: extism-peer fresh|reused MODULE DIRECTORY");
    };
    let reuse = mode == "reused";
    let manifest = Manifest::new([Wasm::data(std::fs::read(module)?)])
        .with_allowed_path(format!("ro:{directory}"), "/data");
    let compiled = PluginBuilder::new(manifest).with_wasi(true).compile()?;
    let (queue, waiting) = mpsc::channel::<String>();
    let waiting = Mutex::new(waiting);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(&compiled, &waiting, reuse));
        }
        for line in std::io::stdin().lock().lines() {
            queue.send(line?).context("no worker is left")?;
        }
        drop(queue);
        Ok(())
    })
}

/// Answers requests until there are none.
fn work(compiled: &CompiledPlugin, waiting: &Mutex<mpsc::Receiver<String>>, reuse: bool) {
    let mut kept = None;
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(line) = next else { return };
        let answer = match answer(compiled, &mut kept, reuse, &line) {
            Ok(Some(answer)) => answer,
            Ok(None) => continue,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "extism-peer: {error:#}");
                std::process::exit(1);
            }
        };
        let mut out = std::io::stdout().lock();
        if out
            .write_all(answer.as_bytes())
            .and_then(|()| out.flush())
            .is_err()
        {
            return;
        }
    }
}

fn answer(
    compiled: &CompiledPlugin,
    kept: &mut Option<Plugin>,
    reuse: bool,
    line: &str,
) -> Result<Option<String>> {
    let request: Request<'_> = serde_json::from_str(line)?;
    let Some(id) = request.id else {
        return Ok(None);
    };
    let result = match (request.method, request.params) {
        ("initialize", _) => serde_json::json!({
            "protocolVersion": "2025-06-18",
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "extism-peer", "version": "0.1.0" },
        }),
        ("tools/call", Some(params)) => {
            let call: Call<'_> = serde_json::from_str(params.get())?;
            let text = run(compiled, kept, reuse, &call)?;
            serde_json::json!({ "content": [{ "type": "text", "text": text }], "isError": false })
        }
        (other, _) => bail!("unknown method {other}"),
    };
    let answer = serde_json::json!({ "jsonrpc": "2.0", "id": id, "result": result });
    Ok(Some(format!("{answer}\n")))
}

fn run(
    compiled: &CompiledPlugin,
    kept: &mut Option<Plugin>,
    reuse: bool,
    call: &Call<'_>,
) -> Result<String> {
    if !reuse {
        *kept = None;
    }
    let plugin = match kept {
        Some(plugin) => plugin,
        None => kept.insert(Plugin::new_from_compiled(compiled)?),
    };
    plugin.call::<&str, String>(call.name, call.arguments.get())
}
