//! One round: servers are started, warmed up, driven for a while, and ended.

use crate::stats::Times;
use crate::tools::Tool;
use crate::tools::client::{Client, Until};
use crate::tools::side::Side;
use anyhow::{Context as _, Result};
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// How long one round lasts.
const ROUND: Duration = Duration::from_millis(1_000);
/// Calls of each server before measuring.
const WARM_UP: usize = 50;
/// Clients, or calls at once.
const MANY: usize = 16;

/// Who calls whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One client, one call at a time.
    One,
    /// 16 clients, each with a server of its own, as stdio has it.
    Servers,
    /// One server, 16 calls at once.
    AtOnce,
}

impl Shape {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "1 client",
            Self::Servers => "16 clients",
            Self::AtOnce => "16 on 1 server",
        }
    }

    fn servers(self) -> usize {
        if self == Self::Servers { MANY } else { 1 }
    }

    fn window(self) -> usize {
        if self == Self::AtOnce { MANY } else { 1 }
    }
}

/// What one round gave.
pub(crate) struct Sample {
    pub(crate) times: Times,
    /// Calls per second.
    pub(crate) rate: f64,
    /// All calls, the first ones too.
    pub(crate) calls: usize,
}

/// Measures one side once.
pub(crate) fn round(side: &Side, tool: Tool, shape: Shape) -> Result<Sample> {
    let call = side.tool_call(tool);
    let ready = Barrier::new(shape.servers() + 1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..shape.servers())
            .map(|_| {
                scope.spawn(|| {
                    let begun = begin(side, tool, shape);
                    ready.wait();
                    let mut client = begun?;
                    let until = Until::Time(Instant::now() + ROUND);
                    let times = client.drive(&call, shape.window(), until)?;
                    Ok((times, Instant::now(), client))
                })
            })
            .collect();
        ready.wait();
        let started = Instant::now();
        let (mut times, mut last) = (Times::default(), started);
        let mut clients = Vec::new();
        for thread in threads {
            let joined: Result<(Times, Instant, Client)> = thread
                .join()
                .map_err(|_| anyhow::anyhow!("a client panicked"))?;
            let (own, ended, client) = joined.with_context(|| side.name)?;
            times.add(own);
            last = last.max(ended);
            clients.push(client);
        }
        for client in clients {
            client.stop()?;
        }
        Ok(Sample {
            rate: times.len() as f64 / last.duration_since(started).as_secs_f64(),
            calls: times.len() + WARM_UP * shape.servers(),
            times,
        })
    })
}

fn begin(side: &Side, tool: Tool, shape: Shape) -> Result<Client> {
    let mut client = Client::start(side)?;
    client.drive(&side.tool_call(tool), shape.window(), Until::Calls(WARM_UP))?;
    Ok(client)
}
