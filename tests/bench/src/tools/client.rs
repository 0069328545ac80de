//! A thin client of the Model Context Protocol over a server's standard streams, the same for every side.
//!
//! One thread that writes a request and reads a line, with a number of requests under way. Every answer is read
//! whole and must be what the tool answers.

use crate::stats::Times;
use crate::tools::side::{Side, ToolCall};
use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to end by itself.
const END_MAX: Duration = Duration::from_secs(10);
const PROTOCOL: &str = "2025-06-18";

/// When no further request is sent.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Calls(usize),
    Time(Instant),
}

/// A server and the streams to it.
pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    line: String,
    id: u64,
}

#[derive(Deserialize)]
struct Answer<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    result: Option<Output<'a>>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow, default)]
    content: Vec<Block<'a>>,
    #[serde(rename = "isError", default)]
    is_error: bool,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    text: Cow<'a, str>,
}

impl Client {
    /// Starts the side's server and greets it.
    pub(crate) fn start(side: &Side) -> Result<Self> {
        let mut command = side.server();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", side.name))?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("no standard output")?;
        let mut client = Self {
            child,
            input,
            output: BufReader::new(output),
            line: String::new(),
            id: 0,
        };
        let client_info = serde_json::json!({ "name": "tollgate-bench", "version": "0.1.0" });
        let params = serde_json::json!({
            "protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client_info,
        });
        client.send("initialize", &params.to_string())?;
        client.next_line()?;
        client.write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n")?;
        Ok(client)
    }

    /// Calls with `window` requests under way; how long each took.
    pub(crate) fn drive(&mut self, call: &ToolCall, window: usize, until: Until) -> Result<Times> {
        let mut times = Times::default();
        let mut sent = HashMap::new();
        for _ in 0..window {
            let now = Instant::now();
            sent.insert(self.send("tools/call", &call.params)?, now);
        }
        while !sent.is_empty() {
            let id = self.answer(call)?;
            let started = sent.remove(&id).context("an answer to no request")?;
            times.push(started.elapsed());
            let go_on = match until {
                Until::Calls(count) => times.len() + sent.len() < count,
                Until::Time(end) => Instant::now() < end,
            };
            if go_on {
                let now = Instant::now();
                sent.insert(self.send("tools/call", &call.params)?, now);
            }
        }
        Ok(times)
    }

    fn send(&mut self, method: &str, params: &str) -> Result<u64> {
        self.id += 1;
        let id = self.id;
        self.write(&format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}\n"
        ))?;
        Ok(id)
    }

    fn write(&mut self, line: &str) -> Result<()> {
        let input = self
            .input
            .as_mut()
            .context("the server's input is closed")?;
        Ok(input.write_all(line.as_bytes())?)
    }

    /// Reads answers until one is to a request.
    fn answer(&mut self, call: &ToolCall) -> Result<u64> {
        loop {
            self.next_line()?;
            let answer: Answer<'_> = serde_json::from_str(&self.line)
                .with_context(|| format!("not an answer: {}", self.line))?;
            let Some(id) = answer.id else { continue };
            let right = answer.result.is_some_and(|output| {
                let text = output.content.first().map(|block| block.text.as_ref());
                !output.is_error && text == Some(call.answer.as_str())
            });
            ensure!(right, "a wrong answer: {}", self.line);
            return Ok(id);
        }
    }

    fn next_line(&mut self) -> Result<()> {
        self.line.clear();
        ensure!(
            self.output.read_line(&mut self.line)? > 0,
            "the server ended"
        );
        Ok(())
    }

    /// Closes the server's input and waits for its end.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.input = None;
        let started = Instant::now();
        while self.child.try_wait()?.is_none() {
            if started.elapsed() > END_MAX {
                bail!("the server goes on after its input is closed");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
