//! `tollgate auth`: the operator's login.

use crate::app::App;
use crate::args::auth::Auth;
use crate::errors::{Context, Done, Failure};
use serde_json::json;
use tollgate_store::Login;

/// Carries out one verb.
pub(crate) fn run(app: &App, verb: &Auth) -> Done {
    match verb {
        Auth::Login => login(app),
        Auth::Whoami => whoami(app),
        Auth::Logout => logout(app),
    }
}

fn login(app: &App) -> Done {
    let identity = &app.identity;
    let login = app
        .store()?
        .operator()
        .login(&identity.subject, &identity.issuer)
        .doing(|| "the login was not stored".into())?;
    print(app, &login);
    Ok(())
}

fn whoami(app: &App) -> Done {
    let nobody = || Failure::NoLogin {
        command: "auth whoami".into(),
    };
    let store = app.store_if_there()?.ok_or_else(nobody)?;
    let login = store
        .operator()
        .current()
        .doing(|| "the login cannot be read".into())?;
    print(app, &login.ok_or_else(nobody)?);
    Ok(())
}

fn logout(app: &App) -> Done {
    let was_in = match app.store_if_there()? {
        Some(store) => store
            .operator()
            .logout()
            .doing(|| "the logout was not stored".into())?,
        None => false,
    };
    app.printer.json(&json!({"logged_out": was_in}));
    app.printer.line(if was_in {
        "logged out"
    } else {
        "nobody was logged in"
    });
    Ok(())
}

fn print(app: &App, login: &Login) {
    app.printer.json(&json!({
        "subject": login.subject,
        "issuer": login.issuer,
        "since_us": login.since_us,
    }));
    app.printer
        .line(format!("{} ({})", login.subject, login.issuer));
}
