//! The `tollgate` binary: arguments in, one command, an exit code out.
//!
//! It joins the crates below; none of them knows it. Data leaves through [`printer`] alone, errors
//! through [`errors::Failure`].

mod args;
mod env_vars;
mod errors;
mod home;
mod identity;
mod printer;
mod time;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(0)
}
