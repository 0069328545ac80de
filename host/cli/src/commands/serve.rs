//! `tollgate serve --mcp`: clients over HTTP.

use super::mcp::{open, seat};
use crate::app::App;
use crate::args::serve::Serve;
use crate::errors::{Context, Done, Failure};
use crate::wiring::Manner;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tollgate_server::Host;
use tollgate_server::http::{Guard, PATH, Token, TokenError};

/// Name of the token's file in the state directory.
const TOKEN_FILE: &str = "mcp-token";

/// Serves until the process is told to end.
pub(crate) async fn run(app: &App, args: Serve) -> Done {
    if !args.listen.ip().is_loopback() && !args.beyond_loopback {
        return Err(Failure::Input {
            what: format!("{} can be reached from other machines", args.listen),
            rule: Some(
                "there is no TLS, so only loopback is served unless you say otherwise".into(),
            ),
            remedy: Some(format!(
                "tollgate serve --mcp --listen {} --beyond-loopback",
                args.listen
            )),
        });
    }
    if args.listen.ip().is_unspecified() && args.name.is_empty() {
        return Err(Failure::input_try(
            format!("{} is every address and no name", args.listen),
            format!(
                "tollgate serve --mcp --listen {} --beyond-loopback --name HOST",
                args.listen
            ),
        ));
    }
    let (path, token) = token(app, args.token_file.as_deref())?;
    let manner = Manner {
        protected: vec![path.clone()],
        ..Manner::default()
    };
    let open = open(app, manner, args.plugin)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .doing(|| format!("cannot listen on {}", args.listen))?;
    let address = listener
        .local_addr()
        .doing(|| "the address cannot be read".into())?;
    let guard = Guard::new(address, &args.name, token.expose());
    let shared = seat(&open.limits)?;
    let url = format!("http://{address}{PATH}");
    app.printer.json_line(&json!({
        "url": url,
        "token_file": path,
        "session": shared.session(),
    }));
    app.printer.line(&url);
    app.printer
        .talk(format!("the token is in {}", path.display()));
    open.serving.opened(shared.session());
    tollgate_server::http::serve(
        Arc::clone(&open.desk),
        Arc::clone(&shared),
        listener,
        guard,
        open.stop.clone(),
    )
    .await;
    open.serving.ended(shared.session());
    open.settle().await;
    Ok(())
}

/// The token and its file, absolute.
fn token(app: &App, given: Option<&Path>) -> Done<(PathBuf, Token)> {
    match given {
        Some(given) => {
            let path =
                std::path::absolute(given).doing(|| format!("cannot use {}", given.display()))?;
            let token = Token::read(&path).map_err(failure)?;
            Ok((path, token))
        }
        None => {
            app.home.create()?;
            let path = app.home.state.join(TOKEN_FILE);
            let token = Token::read_or_make(&path).map_err(failure)?;
            Ok((path, token))
        }
    }
}

fn failure(error: TokenError) -> Failure {
    let remedy = match &error {
        TokenError::Open { path, .. } => Some(format!("chmod 600 {}", path.display())),
        TokenError::File { .. } => None,
        TokenError::Content { .. } => Some("tollgate serve --mcp".into()),
    };
    Failure::Input {
        what: error.to_string(),
        rule: Some("the token lets a client call tools, so only its owner may read it".into()),
        remedy,
    }
}
