//! What is Tollgate's own: store, engine, plugins, policy, login.

use super::Check;
use crate::app::App;
use crate::policy::ProjectStanding;
use crate::render::words::count;
use crate::wiring::{House, Manner};

/// The checks of this file.
pub(super) fn checks(app: &App) -> Vec<Check> {
    vec![
        home(app),
        store(app),
        engine(app),
        plugins(app),
        policy(app),
        login(app),
    ]
}

fn home(app: &App) -> Check {
    let found = format!("{} (state)", app.home.state.display());
    if app.home.exists() {
        Check::ok("home", found)
    } else {
        Check::warn(
            "home",
            format!("{found}: nothing was stored yet"),
            "tollgate auth login",
        )
    }
}

fn store(app: &App) -> Check {
    match app.store_if_there() {
        Ok(None) => Check::ok("store", "will be made by the first command that writes"),
        Ok(Some(store)) => match (store.newer_format(), store.log().size()) {
            (Some(format), _) => Check::warn(
                "store",
                format!("it has the newer format {format} and can only be read"),
                "update tollgate",
            ),
            // Opening has read back that every commit is synced.
            (None, Ok(entries)) => {
                Check::ok("store", format!("WAL, synchronous=FULL, {entries} entries"))
            }
            (None, Err(error)) => Check::fail(
                "store",
                error.to_string(),
                "restore the state directory from a backup",
            ),
        },
        Err(failure) => Check::fail(
            "store",
            failure.to_string(),
            "check the directory and its file system",
        ),
    }
}

fn engine(app: &App) -> Check {
    if !app.home.exists() {
        return Check::ok("engine", "will be started by the first call");
    }
    let started = House::open(app, Manner::default()).and_then(|house| house.started().map(|_| ()));
    match started {
        Ok(()) => Check::ok("engine", "starts"),
        Err(failure) => Check::fail(
            "engine",
            failure.to_string(),
            "raise `ulimit -v`, and see the checks above",
        ),
    }
}

fn plugins(app: &App) -> Check {
    let all = match app.catalogue().map(|catalogue| catalogue.all()) {
        Ok(Ok(all)) => all,
        Ok(Err(error)) => return Check::fail("plugins", error.to_string(), "tollgate plugin list"),
        Err(failure) => {
            return Check::fail("plugins", failure.to_string(), "tollgate policy check");
        }
    };
    let broken: Vec<String> = all
        .iter()
        .filter_map(|(name, located)| {
            located
                .as_ref()
                .err()
                .map(|error| format!("{name}: {error}"))
        })
        .collect();
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(first) = broken.first() {
        return Check::fail("plugins", first.clone(), "tollgate plugin list");
    }
    if names.is_empty() {
        return Check::warn(
            "plugins",
            "none was found",
            "tollgate plugin add FILE; in a clone, `cargo xtask demo` builds those that belong inside",
        );
    }
    Check::ok(
        "plugins",
        format!("{}: {}", count(names.len(), "plugin"), names.join(", ")),
    )
}

fn policy(app: &App) -> Check {
    match app.layers() {
        Ok(layers) => match layers.project {
            ProjectStanding::Untrusted { .. } => Check::warn(
                "policy",
                format!(
                    "{} in force; the project's is not trusted and grants nothing",
                    count(layers.files.len(), "file")
                ),
                "tollgate policy trust --show",
            ),
            _ => Check::ok(
                "policy",
                format!("{} in force", count(layers.files.len(), "file")),
            ),
        },
        Err(failure) => Check::fail("policy", failure.to_string(), "tollgate policy check"),
    }
}

fn login(app: &App) -> Check {
    let login = match app.store_if_there() {
        Ok(Some(store)) => store.operator().current().ok().flatten(),
        Ok(None) | Err(_) => None,
    };
    match login {
        Some(login) => Check::ok("login", format!("{} ({})", login.subject, login.issuer)),
        None => Check::warn("login", "nobody is logged in", "tollgate auth login"),
    }
}
