//! OpenAI's own Python package, in a process of its own (`tests/bench/peers/openai-sdk`).

use super::{Asked, Sample, Side, server};
use crate::stats::Times;
use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

pub(super) const NAME: &str = "openai-python";
const SCRIPT: &str = "tests/bench/peers/openai-sdk/stream.py";

pub(super) struct Sdk {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    peak_kib: u64,
}

#[derive(Deserialize)]
struct Said {
    first_us: Vec<f64>,
    seconds: f64,
    tokens: u64,
    peak_kib: u64,
}

impl Sdk {
    /// Starts it, or says why it is not there.
    pub(super) fn start(port: u16) -> Result<Result<Self, String>> {
        let Some(python) = std::env::var_os("TOLLGATE_BENCH_SDK") else {
            let why = std::env::var("TOLLGATE_BENCH_NO_SDK");
            return Ok(Err(why.unwrap_or_else(|_| {
                "`cargo xtask bench providers` installs it".to_owned()
            })));
        };
        let mut child = Command::new(&python)
            .arg(SCRIPT)
            .arg(format!("http://127.0.0.1:{port}/v1"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", Path::new(&python).display()))?;
        let stdin = child.stdin.take().context("no input")?;
        let stdout = BufReader::new(child.stdout.take().context("no output")?);
        Ok(Ok(Self {
            child,
            stdin,
            stdout,
            peak_kib: 0,
        }))
    }
}

impl Side for Sdk {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&mut self, sessions: usize, asked: Asked) -> Result<Sample> {
        let line = serde_json::json!({ "sessions": sessions, "model": server::model(asked) });
        writeln!(self.stdin, "{line}")?;
        self.stdin.flush()?;
        let mut line = String::new();
        ensure!(self.stdout.read_line(&mut line)? > 0, "{NAME} has ended");
        let said: Said = serde_json::from_str(&line)?;
        self.peak_kib = said.peak_kib;
        let mut first = Times::default();
        for us in said.first_us {
            first.push(Duration::from_secs_f64(us / 1e6));
        }
        Ok(Sample {
            first,
            seconds: said.seconds,
            tokens: said.tokens,
        })
    }

    fn peak_mib(&self) -> Option<f64> {
        Some(self.peak_kib as f64 / 1024.0)
    }
}

impl Drop for Sdk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
