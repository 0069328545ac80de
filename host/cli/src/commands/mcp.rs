//! `tollgate mcp`: one client over standard input and output.

use crate::app::App;
use crate::args::mcp::Mcp;
use crate::errors::{Done, Failure};
use crate::wiring::serving::Serving;
use crate::wiring::{House, Manner};
use std::io::IsTerminal;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tollgate_contract::PluginCaller;
use tollgate_server::desk::Desk;
use tollgate_server::mcp::{StdioEnd, serve_stdio};
use tollgate_server::seat::Seat;
use tollgate_server::{Host, Limits};

/// Serves until the client is gone or the process is told to end.
pub(crate) async fn run(app: &App, args: Mcp) -> Done {
    if std::io::stdin().is_terminal() {
        return Err(Failure::Input {
            what: "standard input is a terminal, and no MCP client is behind it".into(),
            rule: Some("an MCP client starts this command and speaks to it".into()),
            remedy: Some("tollgate serve --mcp".into()),
        });
    }
    let open = open(app, Manner::default(), args.plugin)?;
    let seat = seat(&open.limits)?;
    open.serving.opened(seat.session());
    let end = serve_stdio(Arc::clone(&open.desk), Arc::clone(&seat), open.stop.clone()).await;
    open.serving.ended(seat.session());
    open.settle().await;
    match end {
        StdioEnd::Gone | StdioEnd::Stopped => Ok(()),
        StdioEnd::NotSpoken => Err(Failure::Input {
            what: "what came in on standard input is not the Model Context Protocol".into(),
            rule: Some("a client begins with `initialize` or `server/discover`".into()),
            remedy: Some("tollgate mcp --help".into()),
        }),
    }
}

/// What a server is made of, whichever way it is reached.
pub(super) struct Open {
    pub(super) serving: Arc<Serving>,
    pub(super) desk: Arc<Desk>,
    pub(super) limits: Limits,
    /// Cancelled when the process is told to end.
    pub(super) stop: CancellationToken,
}

/// Opens the house and minds the signals.
pub(super) fn open(app: &App, manner: Manner, only: Vec<String>) -> Done<Open> {
    let house = House::open(app, manner)?;
    for name in &only {
        let found = house
            .catalogue
            .named(name)
            .map_err(super::plugin::failure)?;
        if found.is_none() {
            return Err(Failure::NotFound {
                kind: "plugin",
                name: name.clone(),
                remedy: "tollgate plugin list".into(),
            });
        }
    }
    let caller: Arc<dyn PluginCaller> = Arc::clone(&house.sandbox) as _;
    let limits = Limits::default();
    let serving = Serving::new(house, app.printer.clone(), app.project.id(), only);
    let serving = Arc::new(serving);
    let host: Arc<dyn Host> = Arc::clone(&serving) as _;
    Ok(Open {
        desk: Arc::new(Desk::new(host, caller, limits)),
        serving,
        limits,
        stop: stop_on_signals()?,
    })
}

/// A seat with a session of its own.
pub(super) fn seat(limits: &Limits) -> Done<Arc<Seat>> {
    let refused = |error| Failure::failed("an id could not be made", anyhow::Error::from(error));
    Seat::new(limits).map(Arc::new).map_err(refused)
}

impl Open {
    /// Waits until calls that were cancelled are on record, for a bounded time.
    pub(super) async fn settle(&self) {
        let sandbox = &self.serving.house().sandbox;
        if tokio::time::timeout(self.limits.settle, sandbox.settled())
            .await
            .is_err()
        {
            self.serving.trouble(
                "a call did not settle in time; what it had begun is indeterminate, see `tollgate receipt list`",
            );
        }
    }
}

/// Cancelled at the first SIGTERM, SIGINT or SIGHUP; the second one ends the process as usual.
fn stop_on_signals() -> Done<CancellationToken> {
    let stop = CancellationToken::new();
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        let mut signals =
            signal(kind).map_err(|error| Failure::failed("signals cannot be minded", error))?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
            signals.recv().await;
            std::process::exit(FORCED);
        });
    }
    Ok(stop)
}

/// The exit code of a process that was told twice.
const FORCED: i32 = 1;
